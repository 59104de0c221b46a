import Console
import EmbeddedLog
import EventLog
import FoundationEssentials
import Scoring
import Synchronization
import Testing

/// `GET /scores` on a live socket.
@Suite(.timeLimit(.minutes(2)))
struct ScoreStreamTests {
    private func offset(_ message: EventStream.Message) throws -> Int64 {
        try ScoreRecord(decoding: Array(message.data.utf8)).offset
    }

    private func offsets(_ messages: [EventStream.Message]) throws -> [Int64] { try messages.map { try offset($0) } }

    @Test func recordsComeAsTheyAreCommitted() async throws {
        try await TestConsole.run { console in
            try await console.watch { stream in
                let score = ScoreRecord.sample(5)
                let outcome = OutcomeRecord.sample(6)
                try await console.publish([score])
                #expect(
                    try await stream.events(1) == [
                        .init(event: "score", id: "1:1/0", data: String(decoding: score.encoded(), as: UTF8.self))
                    ])
                try await console.publish([], outcomes: [outcome])
                #expect(
                    try await stream.events(1) == [
                        .init(event: "outcome", id: "1:1/1", data: String(decoding: outcome.encoded(), as: UTF8.self))
                    ])
            }
        }
    }

    @Test func theHeadersAreThoseOfAStream() async throws {
        try await TestConsole.run(
            settings: {
                var settings = Feed.Settings(); settings.maxClients = 0; return settings
            }()
        ) { console in
            let reply = try await console.get("/scores")
            #expect(reply.status == 503 && reply.headers["retry-after"] == "5")
            #expect(reply.body == "no room for another client (0 at most), try again later\n")
        }
    }

    /// A client breaks off at any place and comes back with the last id that it has seen, while records keep coming on
    /// two partitions and both streams: in the end it has had everything once.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aClientThatComesBackMissesNothingAndGetsNothingTwice(seed: UInt64) async throws {
        try await TestConsole.run(partitions: 2) { console in
            var random = SeededRandom(seed)
            var seen: [String: Int] = [:]
            let total = 1_200
            var lastEventID = "1:0/0,0/0"
            async let publishing: Void = {
                for round in 0..<(total / 20) {
                    let partition = round % 2
                    let first = Int64(round * 20)
                    try await console.publish(
                        (first..<first + 19).map { .sample($0, partition: partition, session: first) },
                        outcomes: [.sample(first, partition: partition, session: first)], partition: partition)
                }
            }()
            while seen.values.reduce(0, +) < total {
                let some = Int.random(in: 1...150, using: &random)
                try await console.watch(lastEventID: lastEventID) { stream in
                    var left = min(some, total - seen.values.reduce(0, +))
                    while left > 0, let message = try await stream.next() {
                        lastEventID = message.id ?? lastEventID
                        guard let event = message.event else { continue }
                        let data = Array(message.data.utf8)
                        let name =
                            event == "score"
                            ? try "score \(ScoreRecord(decoding: data).offset)"
                            : try "outcome \(OutcomeRecord(decoding: data).offset)"
                        seen[name, default: 0] += 1
                        left -= 1
                    }
                }
            }
            try await publishing
            #expect(seen.count == total && seen.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        }
    }

    @Test func whatWasMissedNeedNotFitIntoAClientsShare() async throws {
        var settings = Feed.Settings()
        settings.clientLimit = 8
        try await TestConsole.run(settings: settings) { console in
            for round in 0..<30 {
                let first = Int64(round * 100)
                try await console.publish((first..<first + 100).map { .sample($0) })
            }
            try await console.handedOut()
            try await console.watch(lastEventID: "1:10/0") { stream in
                let events = try await stream.events(2_990)
                let missed = try offsets(events)
                #expect(missed == Array(10..<3_000))
                #expect(events.last?.id == "1:3000/0")
            }
        }
    }

    @Test func aClientWithoutAnIdSeesOnlyWhatIsNew() async throws {
        try await TestConsole.run(before: { try await $0.publish((0..<50).map { .sample($0) }) }) { console in
            // The console has its own count of what was committed before it began.
            try await console.watch { stream in
                try await console.publish([], outcomes: [.sample(60)])
                let first = try #require(try await stream.events(1).first)
                #expect(first.event == "outcome" && first.id == "1:50/1")
            }
        }
    }

    @Test func anIdBeyondTheLogGoesOnAtItsEnd() async throws {
        try await TestConsole.run { console in
            try await console.publish([.sample(0), .sample(1)])
            try await console.watch(lastEventID: "1:900000/900000") { stream in
                _ = try await stream.next()
                try await console.publish([.sample(2)])
                let events = try offsets(await stream.events(1))
                #expect(events == [2])
            }
        }
    }

    @Test func aQueryMayCarryTheId() async throws {
        try await TestConsole.run { console in
            try await console.publish([.sample(0), .sample(1), .sample(2)])
            try await console.watch("?lastEventId=1:1/0", lastEventID: "") { stream in
                let events = try offsets(await stream.events(2))
                #expect(events == [1, 2])
            }
            // The header is the newer of the two: an EventSource that reconnects keeps its query.
            try await console.watch("?lastEventId=1:1/0", lastEventID: "1:2/0") { stream in
                let events = try offsets(await stream.events(1))
                #expect(events == [2])
            }
        }
    }

    @Test(arguments: ["1:", "1:1", "1:1/2,3/4", "2:0/0", "1:-1/0", "1:a/b", "x", "1:99999999999999999999/0"])
    func aForeignIdIsRefused(id: String) async throws {
        try await TestConsole.run { console in
            await #expect(throws: TestConsole.Refused(status: 400)) {
                try await console.watch(lastEventID: id) { _ in }
            }
        }
    }

    @Test(arguments: [
        ("?session=0:7", [1]), ("?session=s:b", [2, 3, 98]), ("?session=b", [2, 3, 98]), ("?session=v%3Ac%2Fd", [4]),
        ("?session=b&outcomes=false", [2, 3]), ("?type=add", [3]), ("?min-score=0.5", [2, 5]),
        ("?timeline=history", [5]), ("?timeline=live&min-score=0.5", [2]), ("?type=add&session=nobody", []),
        ("", [1, 2, 3, 4, 5, 98]),
    ])
    func filtersAreAppliedByTheServer(query: String, expected: [Int64]) async throws {
        var settings = Feed.Settings()
        // The id of a sign of life says when everything has gone by.
        settings.signInterval = .milliseconds(10)
        try await TestConsole.run(settings: settings) { console in
            try await console.watch(query) { stream in
                try await console.publish([
                    .sample(1, session: 7, key: "s:a"), .sample(2, session: 8, key: "s:b", score: 0.5),
                    .sample(3, session: 8, key: "s:b", type: "add"), .sample(4, session: 9, key: "v:c/d"),
                    .sample(5, session: 10, key: "s:e", score: 0.75, timeline: "history"),
                ])
                try await console.publish([], outcomes: [.sample(98, session: 8, key: "s:b")])
                var got: [Int64] = []
                while let message = try await stream.next() {
                    let data = Array(message.data.utf8)
                    switch message.event {
                    case "score": got.append(try ScoreRecord(decoding: data).offset)
                    case "outcome": got.append(try OutcomeRecord(decoding: data).offset)
                    default: break
                    }
                    if message.id == "1:5/1" { break }
                }
                #expect(got.sorted() == expected)
            }
        }
    }

    @Test(arguments: [
        ("?min_score=1", "unknown filter 'min_score'; known are min-score, session, timeline, type, outcomes"),
        ("?min-score=2", "min-score '2' is no number from 0 to 1"),
        ("?min-score=nan", "min-score 'nan' is no number from 0 to 1"),
        ("?outcomes=yes", "outcomes 'yes' is neither true nor false"),
    ])
    func aMisspeltFilterIsRefused(query: String, message: String) async throws {
        try await TestConsole.run { console in
            let reply = try await console.get("/scores\(query)")
            #expect(reply.status == 400 && reply.body.contains(message), "\(reply.body)")
        }
    }

    /// One client never reads while forty thousand messages come; another has had every one of them by then.
    @Test func aSlowReaderLosesOldMessagesIsToldHowManyAndSlowsNobody() async throws {
        var settings = Feed.Settings()
        settings.clientLimit = 1_000
        try await TestConsole.run(settings: settings) { console in
            try await console.watch { slow in
                let rounds = 80
                let size = 500
                try await console.watch { fast in
                    for round in 0..<rounds {
                        let first = Int64(round * size)
                        try await console.publish((first..<first + Int64(size)).map { .sample($0) })
                        let got = try await fast.events(size)
                        #expect(got.allSatisfy { $0.event == "score" })
                        let last = try offsets(got).last
                        #expect(last == first + Int64(size) - 1)
                    }
                }
                // The slow one has had its first messages and the newest, and knows how many it has not had.
                var received = 0
                var dropped = 0
                var last: Int64 = -1
                while last < Int64(rounds * size - 1), let message = try await slow.next() {
                    switch message.event {
                    case "dropped":
                        let count = message.data.drop { !$0.isNumber }.prefix { $0.isNumber }
                        dropped += try #require(Int(count))
                    case "score":
                        let offset = try offset(message)
                        #expect(offset > last)
                        last = offset
                        received += 1
                    default: break
                    }
                }
                #expect(dropped > 0)
                #expect(received + dropped == rounds * size)
            }
        }
    }

    @Test func aClientTooManyIsRefusedUntilAnotherLeaves() async throws {
        var settings = Feed.Settings()
        settings.maxClients = 2
        try await TestConsole.run(settings: settings) { console in
            try await console.watch { _ in
                try await console.watch { _ in
                    let refused = try await console.get("/scores")
                    #expect(refused.status == 503 && refused.headers["retry-after"] == "5")
                    #expect(console.feed.clientCount == 2)
                }
                try await console.until { console.feed.clientCount == 1 }
                try await console.watch { _ in #expect(console.feed.clientCount == 2) }
            }
            try await console.until { console.feed.clientCount == 0 }
        }
    }

    @Test func idsMoveOnForAClientWhoseFilterLetsNothingThrough() async throws {
        var settings = Feed.Settings()
        settings.signInterval = .milliseconds(10)
        try await TestConsole.run(settings: settings) { console in
            try await console.watch("?type=purchase") { stream in
                try await console.publish((0..<30).map { .sample($0) }, outcomes: [.sample(40)])
                while let message = try await stream.next(), message.id != "1:30/1" { #expect(message.event == nil) }
            }
        }
    }

    @Test func aReadThatFailsIsTriedAgain() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/dinghy-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let data = try await DataDirectory.open(path, logger: .silent) { 1 }
        var settings = Feed.Settings()
        settings.retryDelay = .zero
        let outputs = FailingOutputs(base: data.outputs, failures: 6)
        let feed = Feed(outputs: outputs, settings: settings, logger: .silent)
        let console = TestConsole(data: data, feed: feed, port: 0)
        try await console.publish((0..<10).map { .sample($0) }, outcomes: [.sample(12)])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed.run() }
            try await console.handedOut()
            try await console.publish((10..<20).map { .sample($0) })
            try await console.handedOut()
            #expect(outputs.failuresLeft == 0)
            group.cancelAll()
            try await group.waitForAll()
        }
        await data.close()
    }

    @Test func aShutdownEndsEveryStream() async throws {
        let (consoles, opened) = AsyncStream.makeStream(of: TestConsole.self)
        let (subscriptions, subscribed) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // The server shuts down when its body is done.
                try await TestConsole.run { console in
                    opened.yield(console)
                    for await _ in subscriptions { break }
                }
            }
            group.addTask {
                for await console in consoles {
                    try await console.watch { stream in
                        subscribed.yield()
                        while try await stream.next() != nil {}
                    }
                    break
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Outputs whose first reads fail.
private final class FailingOutputs: OutputLog {
    private let base: any OutputLog
    private let failures: Mutex<Int>

    init(base: any OutputLog, failures: Int) {
        self.base = base
        self.failures = Mutex(failures)
    }

    var failuresLeft: Int { failures.withLock { $0 } }
    var partitionCount: Int { base.partitionCount }

    private func failOrNot() throws(EventLogError) {
        let fails = failures.withLock { left in
            defer { left = max(0, left - 1) }
            return left > 0
        }
        if fails { throw .failed("the disk is busy") }
    }

    func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64> {
        try failOrNot()
        return try await base.bounds(stream, partition: partition)
    }

    func reader(
        _ stream: OutputStream, partition: Int, from offset: Int64
    ) async throws(EventLogError) -> any EventReader {
        try failOrNot()
        return try await base.reader(stream, partition: partition, from: offset)
    }

    func position(partition: Int) async throws(EventLogError) -> String? {
        try await base.position(partition: partition)
    }
}
