import Collector
import Edge
import EmbeddedLog
import EventLog
import Events
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Synchronization

/// The moment at which all tests take place.
let now: Int64 = 1_750_000_000_000

/// A collector with its log: a fixed clock, and ids `made-1`, `made-2`, … for events that bring none.
struct Shop: Sendable {
    let log: any EventLog
    let client: any TestClientProtocol

    /// Over an embedded log in a temporary directory.
    static func open(
        _ settings: CollectorSettings = CollectorSettings(), partitions: Int = 1, _ setting: TestingSetup = .live,
        _ body: @Sendable (Shop) async throws -> Void
    ) async throws {
        try await withDirectory { path in
            let directory = try await DataDirectory.open(
                path, partitions: partitions, logger: silent, now: { now })
            do {
                try await open(over: directory.log, settings, setting, body)
            } catch {
                await directory.close()
                throw error
            }
            await directory.close()
        }
    }

    static func open(
        over log: any EventLog, _ settings: CollectorSettings = CollectorSettings(), _ setting: TestingSetup = .live,
        _ body: @Sendable (Shop) async throws -> Void
    ) async throws {
        try await application(log, settings).test(setting) { client in
            try await body(Shop(log: log, client: client))
        }
    }

    static func application(
        _ log: any EventLog, _ settings: CollectorSettings = CollectorSettings()
    ) -> some ApplicationProtocol {
        let made = Counter()
        return application(
            CollectorRoutes(
                log: log, settings: settings, logger: silent, now: { now }, makeID: { "made-\(made.next())" }))
    }

    /// Door and routes, as `dinghy serve` has them, on a port of its own.
    static func application(
        _ routes: CollectorRoutes, _ limits: EdgeLimits = EdgeLimits(),
        onServerRunning: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        let router = Router()
        routes.add(to: router)
        return Application(
            router: router, server: .guarded(limits, door: routes.door, serverName: "dinghy/test"),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)), onServerRunning: onServerRunning,
            logger: silent)
    }

    func post(
        _ body: String, to uri: String = "/collect", type: String? = "application/json", headers: HTTPFields = [:]
    ) async throws -> Reply {
        try await post(Array(body.utf8), to: uri, type: type, headers: headers)
    }

    func post(
        _ body: [UInt8], to uri: String = "/collect", type: String? = "application/json", headers: HTTPFields = [:]
    ) async throws -> Reply {
        var headers = headers
        headers[.contentType] = type
        return try await send(.post, uri, headers, body: ByteBuffer(bytes: body))
    }

    func get(_ uri: String, headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.get, uri, headers, body: nil)
    }

    func send(
        _ method: HTTPRequest.Method, _ uri: String, _ headers: HTTPFields, body: ByteBuffer?
    ) async throws -> Reply {
        try await client.execute(uri: uri, method: method, headers: headers, body: body) { Reply($0) }
    }

    /// Every record of the log, partition by partition.
    func records() async throws -> [String] {
        var records: [String] = []
        for partition in 0..<log.partitionCount {
            let reader = try await log.reader(partition: partition, from: 0)
            while case let batch = try await reader.next(limit: 1_000, wait: .zero), !batch.isEmpty {
                records += batch.map { String(decoding: $0.value, as: UTF8.self) }
            }
        }
        return records
    }

    /// What was kept of rejected input: source, reason, line, bytes.
    func rejected() async throws -> [String] {
        try await log.rejected(from: 0, limit: 1_000_000).map { record in
            let line = record.line.map { ":\($0)" } ?? ""
            return "\(record.source)\(line) \(record.reason) | \(String(decoding: record.bytes, as: UTF8.self))"
        }
    }
}

/// A reply, to be compared whole.
struct Reply: Equatable {
    var status: Int
    var body: String
    var headers: HTTPFields

    init(_ response: TestResponse) {
        status = response.status.code
        body = String(buffer: response.body)
        headers = response.headers
    }

    /// As `200 {"…":…}`.
    var text: String { "\(status) \(body)" }
}

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}

func withDirectory(_ body: (String) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.path + "/dinghy-collector-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(path)
}

/// The words of a JSON reply that are counted.
struct Tally: Decodable, Equatable {
    struct Entry: Decodable, Equatable {
        var index: Int
        var id: String?
        var verdict: String
        var reason: String?
        var partition: Int?
        var offset: Int64?
    }
    var durability: String
    var stored: Int
    var duplicate: Int
    var rejected: Int
    var retry: Int
    var events: [Entry]

    init(_ reply: Reply) throws {
        self = try JSONDecoder().decode(Tally.self, from: Data(reply.body.utf8))
    }
}
