import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

/// A `dinghy serve` of its own process, on a port of its own.
final class RunningServer: Sendable {
    let url: String
    private let process: Mutex<Process>
    private let ending: Ending
    private let log: Log

    /// Starts it and returns when it listens.
    static func start(
        data: String, arguments: [String] = [], environment: [String: String] = [:]
    ) async throws -> RunningServer {
        let process = Program.process(
            ["serve", "--data", data, "--port", "0"] + arguments, environment: environment)
        let error = Pipe()
        process.standardError = error
        process.standardInput = FileHandle.nullDevice
        let ending = Ending()
        process.terminationHandler = { _ in ending.finish() }
        try process.run()
        // Its log says where it listens; what follows is read on, so that the pipe never fills.
        let lines = AsyncStream<String>.makeStream()
        let handle = error.fileHandleForReading
        let kept = Log()
        Thread.detachNewThread {
            var text = ""
            // Whatever is there: `read(upToCount:)` would wait for the whole count.
            while case let data = handle.availableData, !data.isEmpty {
                text += String(decoding: data, as: UTF8.self)
                kept.append(data)
                while let end = text.firstIndex(of: "\n") {
                    lines.continuation.yield(String(text[..<end]))
                    text.removeSubrange(...end)
                }
            }
            kept.ending.finish()
            lines.continuation.finish()
        }
        var log = ""
        for await line in lines.stream {
            log += line + "\n"
            guard let start = line.range(of: " serves http://") else { continue }
            let url = line[start.upperBound...].prefix { $0 != " " }
            return RunningServer(url: "http://" + url, process: process, ending: ending, log: kept)
        }
        throw Failure(description: "the server ended before it listened:\n\(log)")
    }

    struct Failure: Error, CustomStringConvertible { var description: String }

    private init(url: String, process: Process, ending: Ending, log: Log) {
        self.url = url
        self.process = Mutex(process)
        self.ending = ending
        self.log = log
    }

    /// Everything that it has said, once it has ended.
    var said: String {
        get async {
            await log.ending.wait()
            return log.text
        }
    }

    /// What a process writes to its standard error.
    private final class Log: Sendable {
        private let bytes = Mutex(Data())
        let ending = Ending()

        func append(_ data: Data) { bytes.withLock { $0 += data } }
        var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
    }

    /// As a power cut would.
    func kill() async {
        _ = process.withLock { Foundation.kill($0.processIdentifier, SIGKILL) }
        await ending.wait()
    }

    /// Asks it to stop, and gives its exit code.
    func stop() async -> Int32 {
        process.withLock { $0.terminate() }
        await ending.wait()
        return process.withLock { $0.terminationStatus }
    }

    // MARK: Requests

    func get(_ path: String, headers: [(String, String)] = []) async throws -> (status: Int, body: Data) {
        var request = HTTPClientRequest(url: url + path)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        return try await execute(request)
    }

    func post(
        _ path: String = "/collect", _ body: Data, type: String = "application/json", headers: [(String, String)] = []
    ) async throws -> (status: Int, body: Data) {
        var request = HTTPClientRequest(url: url + path)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: type)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        return try await execute(request)
    }

    private func execute(_ request: HTTPClientRequest) async throws -> (status: Int, body: Data) {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 64 << 20)
        return (Int(response.status.code), Data(body.readableBytesView))
    }

    func status() async throws -> Status {
        try JSONDecoder().decode(Status.self, from: try await get("/status").body)
    }

    /// Asks until everything stored is in an account.
    func settled() async throws -> Status {
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            let status = try await status()
            if status.pending == 0 { return status }
        }
        throw Failure(description: "still pending after two minutes: \(try await status())")
    }
}

/// What the tests read of `/status` and `dinghy status --json`.
struct Status: Decodable, Sendable {
    struct Partition: Decodable, Sendable {
        var logStart: Int64
        var logEnd: Int64
        var start: Int64
        var next: Int64
        var pending: Int64
        var balanced: Bool
        var accounts: [String: Int64]
        var sessions: [String: Int64]
    }

    struct Models: Decodable, Sendable {
        var champion: Int?
        var count: Int
    }

    var partitions: [Partition]
    var rejected: Int64
    var models: Models

    var stored: Int64 { partitions.reduce(0) { $0 + $1.logEnd - $1.logStart } }
    var pending: Int64 { partitions.reduce(0) { $0 + $1.pending } }
    var balanced: Bool { partitions.allSatisfy(\.balanced) }
    func account(_ name: String) -> Int64 { partitions.reduce(0) { $0 + ($1.accounts[name] ?? 0) } }
    func sessions(_ name: String) -> Int64 { partitions.reduce(0) { $0 + ($1.sessions[name] ?? 0) } }
}
