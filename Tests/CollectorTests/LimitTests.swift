import Collector
import EventLog
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Synchronization
import Testing

/// How much a sender may send. Time is the test's own.
@Suite struct LimitTests {
    private static let keys = ["0123456789abcdef", "fedcba9876543210"]

    /// Runs a collector whose clock the test moves.
    private func run(
        _ change: (inout CollectorSettings) -> Void, log: ScriptedLog = ScriptedLog(),
        _ body: @Sendable (any TestClientProtocol, Clock) async throws -> Void
    ) async throws {
        var settings = CollectorSettings(writeKeys: Self.keys)
        change(&settings)
        let clock = Clock()
        let routes = CollectorRoutes(log: log, settings: settings, logger: silent, now: { clock.now })
        // A connection for each request that is under way.
        try await Shop.application(routes).test(.ahc(.http)) { try await body($0, clock) }
    }

    private static func post(
        _ client: any TestClientProtocol, _ events: Int, key: String = keys[0], first: Int = 0
    ) async throws -> Reply {
        let lines = (first..<first + events).map { #"{"id":"\#($0)","session":"s","type":"add"}"# }
        return try await client.execute(
            uri: "/collect", method: .post,
            headers: [.contentType: "application/x-ndjson", .authorization: "Bearer \(key)"],
            body: .init(string: lines.joined(separator: "\n"))
        ) { Reply($0) }
    }

    @Test func aKeyBeyondItsRateIsAskedToWaitAndAnotherIsNot() async throws {
        try await run {
            $0.limits.rate = 10
            $0.limits.burst = 20
        } _: { client, clock async throws in
            #expect(try await Self.post(client, 20).status == 200)
            let refused = try await Self.post(client, 1)
            #expect(refused.text == #"429 {"error":"more than 10 events a second of this write key"}"#)
            #expect(refused.headers[.retryAfter] == "1")
            #expect(try await Self.post(client, 1, key: Self.keys[1]).status == 200)
            clock.advance(by: 1_000)
            #expect(try await Self.post(client, 1).status == 200)
        }
    }

    /// Larger than the burst: it passes, and is paid for afterwards.
    @Test func aLargeRequestPassesAndIsPaidFor() async throws {
        try await run {
            $0.limits.rate = 10
            $0.limits.burst = 20
        } _: { client, clock async throws in
            #expect(try await Self.post(client, 100).status == 200)
            #expect(try await Self.post(client, 1).headers[.retryAfter] == "9")
            clock.advance(by: 8_000)
            #expect(try await Self.post(client, 1).status == 429)
            clock.advance(by: 1_000)
            #expect(try await Self.post(client, 1).status == 200)
        }
    }

    @Test func aClockThatIsSetBackGivesNothing() async throws {
        try await run {
            $0.limits.rate = 10
            $0.limits.burst = 10
        } _: { client, clock async throws in
            #expect(try await Self.post(client, 10).status == 200)
            clock.advance(by: -3_600_000)
            #expect(try await Self.post(client, 1).status == 429)
        }
    }

    /// Where no key is asked for, all that a client's address sends counts together; of a proxy's word only the last.
    @Test func withoutKeysTheAddressIsCounted() async throws {
        try await run {
            $0.writeKeys = []
            $0.limits.rate = 1
            $0.limits.burst = 1
            $0.limits.trustsForwarded = true
        } _: { client, _ async throws in
            func pixel(_ forwarded: String) async throws -> Reply {
                try await client.execute(
                    uri: "/collect?session=s&type=add", method: .get,
                    headers: [try #require(HTTPField.Name("X-Forwarded-For")): forwarded]
                ) { Reply($0) }
            }
            #expect(try await pixel("203.0.113.1").status == 200)
            let refused = try await pixel("198.51.100.7, 203.0.113.1")
            #expect(refused.status == 429)
            #expect(
                refused.headers[try #require(HTTPField.Name("X-Dinghy-Verdict"))]
                    == "retry more than 1 events a second of this address")
            #expect(try await pixel("203.0.113.2").status == 200)
        }
    }

    @Test func aKeyBeyondItsQuotaWaitsForMidnight() async throws {
        let log = ScriptedLog()
        try await run({ $0.limits.dailyQuota = 5 }, log: log) { client, clock async throws in
            clock.set(1_750_000_000_000)
            #expect(try await Self.post(client, 5).status == 200)
            let refused = try await Self.post(client, 1)
            #expect(refused.text == #"429 {"error":"this write key has stored its 5 events of today"}"#)
            #expect(refused.headers[.retryAfter] == "32000")
            #expect(try await Self.post(client, 1, key: Self.keys[1]).status == 200)
            clock.advance(by: 32_000_000)
            #expect(try await Self.post(client, 1).status == 200)
        }
        #expect(log.appended.map(\.count) == [5, 1, 1])
    }

    /// What is not stored is not counted.
    @Test func rejectedAndRepeatedEventsDoNotUseUpAQuota() async throws {
        let log = ScriptedLog(appends: [.success([.duplicate, .duplicate])])
        try await run({ $0.limits.dailyQuota = 2 }, log: log) { client, _ async throws in
            #expect(try await Self.post(client, 2).status == 200)
            #expect(try await Self.post(client, 2).status == 200)
            #expect(try await Self.post(client, 1).status == 429)
        }
    }

    @Test func quotasOutliveAnOrderlyStop() async throws {
        try await withDirectory { path async throws in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            var settings = CollectorSettings(writeKeys: Self.keys)
            settings.limits.dailyQuota = 3
            settings.limits.quotaFile = path + "/quotas.json"
            for expected in [[200, 429], [429, 429]] {
                let routes = CollectorRoutes(log: ScriptedLog(), settings: settings, logger: silent, now: { now })
                let keeping = Task { await routes.keepQuotas(logger: silent) }
                try await Shop.application(routes).test(.live) { client async throws in
                    for status in expected { #expect(try await Self.post(client, 3).status == status) }
                }
                keeping.cancel()
                await keeping.value
            }
            let text = try String(contentsOfFile: path + "/quotas.json", encoding: .utf8)
            #expect(text.contains(":3"))
            for key in Self.keys { #expect(!text.contains(key)) }
        }
    }

    /// Requests beyond those that are judged at a time are asked to come back before any work is done for them.
    @Test func oneRequestTooManyIsAskedToComeBack() async throws {
        let gate = Gate()
        let log = ScriptedLog(gate: gate)
        try await run({ $0.maxRequests = 1 }, log: log) { client, _ async throws in
            async let first = Self.post(client, 1)
            _ = await gate.arrivals.first { _ in true }
            let refused = try await Self.post(client, 1)
            #expect(refused.text == #"503 {"error":"more requests are coming in than can be judged"}"#)
            #expect(refused.headers[.retryAfter] == "1")
            gate.open()
            #expect(try await first.status == 200)
            #expect(try await Self.post(client, 1).status == 200)
        }
    }
}

/// A clock that goes when it is told to.
final class Clock: Sendable {
    private let time = Mutex<Int64>(1_750_000_000_000)

    var now: Int64 { time.withLock { $0 } }
    func advance(by milliseconds: Int64) { time.withLock { $0 += milliseconds } }
    func set(_ value: Int64) { time.withLock { $0 = value } }
}
