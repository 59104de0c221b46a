import EventLog
import Events
import Intent
import Retraining
import Sessions
import Testing

/// Which sessions of a log are examples, and which would teach something wrong.
struct TrainingSetTests {
    private static let minute: Int64 = 60_000
    private static let zero: Int64 = 1_767_225_600_000

    private static func event(_ session: String, minute: Int64, kind: EventKind = .pageview) -> Event {
        Event(
            id: "\(session)-\(minute)-\(kind.name)", session: session, kind: kind,
            timestamp: zero + minute * Self.minute)
    }

    /// A session's events, one every 20 minutes.
    private static func session(_ name: String, from start: Int64, to end: Int64) -> [Event] {
        stride(from: start, through: end, by: 20).map { event(name, minute: $0) }
    }

    private static func starts(
        _ partitions: [[StoredRecord]], limit: Int = 1_000, parameters: FoldParameters = .standard
    ) async throws -> [Int64] {
        var set = TrainingSet(limit: limit)
        try await set.read(MemoryLog(partitions: partitions), parameters: parameters)
        return set.sessions().map { ($0.start - zero) / minute }
    }

    private static func log(
        _ sessions: [[Event]], ended: Bool = false, from offset: Int64 = 0
    ) -> [StoredRecord] {
        MemoryLog.partition(sessions.joined().sorted { $0.timestamp < $1.timestamp }, ended: ended, from: offset)
    }

    /// Of those that began after a session that is still open, the ones that bought are mostly open too.
    @Test func whatBeganAfterAnOpenSessionIsNotJudgedYet() async throws {
        let sessions = [
            Self.session("before", from: 0, to: 0), Self.session("open", from: 10, to: 250),
            Self.session("short", from: 100, to: 120),
        ]
        #expect(try await Self.starts([Self.log(sessions)]) == [0])
        // When everything is over, everything counts.
        #expect(try await Self.starts([Self.log(sessions, ended: true)]) == [0, 10, 100])
        #expect(
            try await Self.starts([Self.log(sessions + [Self.session("last", from: 300, to: 300)])]) == [0, 10, 100])
    }

    /// Flagged by one of its events, or faster than anyone clicks.
    @Test(arguments: [(false, [0, 30, 60]), (true, [60])])
    func machinesAreLeftOutOnRequest(excludesBots: Bool, starts: [Int64]) throws {
        var crawler = Self.session("crawler", from: 0, to: 20)
        crawler[1].isBot = true
        let fast = (0..<50).map { number in
            Event(
                id: "fast-\(number)", session: "fast", kind: .detail,
                timestamp: Self.zero + 30 * Self.minute + Int64(number) * 200)
        }
        let slow = (0..<50).map { number in
            Event(
                id: "slow-\(number)", session: "slow", kind: .detail,
                timestamp: Self.zero + 60 * Self.minute + Int64(number) * 300)
        }
        var set = TrainingSet(excludesBots: excludesBots, limit: 1_000)
        var fold = SessionFold()
        var offset: Int64 = 0
        for event in (crawler + fast + slow).sorted(by: { $0.timestamp < $1.timestamp }) {
            let entry = LogEntry.event(event, timeline: .replay("r"))
            _ = fold.fold(offset: offset, time: 0, entry: entry, scoring: false) { set.add($0) }
            offset += 1
        }
        _ = fold.fold(offset: offset, time: 0, entry: .end(replay: "r"), scoring: false) { set.add($0) }
        #expect(set.sessions().map { ($0.start - Self.zero) / Self.minute } == starts)
    }

    @Test func aSessionThatNeverEndsHoldsOthersBackForSixHoursOnly() async throws {
        let sessions = [
            Self.session("endless", from: 0, to: 1_000), Self.session("early", from: 500, to: 520),
            Self.session("late", from: 700, to: 720),
        ]
        #expect(try await Self.starts([Self.log(sessions)]) == [500])
    }

    /// Each partition has open sessions of its own.
    @Test func anOpenSessionHoldsBackItsOwnPartitionOnly() async throws {
        let open = Self.log([Self.session("open", from: 0, to: 200), Self.session("a", from: 50, to: 50)])
        let closed = Self.log([Self.session("b", from: 60, to: 60)], ended: true)
        #expect(try await Self.starts([open, closed]) == [60])
        #expect(try await Self.starts([closed, open]) == [60])
    }

    @Test func aMutedSessionIsNoExample() async throws {
        let parameters = FoldParameters(
            idleGap_ms: 30 * Self.minute, maxRecords: 5, maxDuration_ms: 24 * 60 * Self.minute, maxReplays: 2)
        let robot = (0..<30).map { Self.event("robot", minute: 3 + Int64($0)) }
        let visitor = Self.session("visitor", from: 0, to: 20)
        #expect(try await Self.starts([Self.log([robot, visitor], ended: true)], parameters: parameters) == [0])
    }

    /// A session near the place where retention has cut may have begun before it.
    @Test func whatMayHaveLostItsBeginningIsNoExample() async throws {
        let sessions = [
            Self.session("cut", from: 0, to: 40), Self.session("doubtful", from: 30, to: 40),
            Self.session("whole", from: 31, to: 51),
        ]
        #expect(try await Self.starts([Self.log(sessions, ended: true, from: 7)]) == [31])
        #expect(try await Self.starts([Self.log(sessions, ended: true)]) == [0, 30, 31])
    }

    @Test func aSessionThatBeginsWithItsPurchaseIsNoExample() async throws {
        let buyer = [Self.event("buyer", minute: 1, kind: .purchase), Self.event("buyer", minute: 2)]
        #expect(try await Self.starts([Self.log([buyer, Self.session("other", from: 5, to: 5)], ended: true)]) == [5])
    }

    @Test func ofTooManyThoseThatBeganLastAreKept() async throws {
        let sessions = (0..<200).map { number -> [Event] in
            let minute = Int64(number * 7 % 200)
            return Self.session("s\(number)", from: minute, to: minute)
        }
        let halves = [Self.log(Array(sessions[..<100]), ended: true), Self.log(Array(sessions[100...]), ended: true)]
        #expect(try await Self.starts(halves, limit: 30) == Array(170..<200))
        #expect(try await Self.starts(halves.reversed(), limit: 30) == Array(170..<200))
        #expect(try await Self.starts(halves, limit: 1) == [199])
    }

    /// The newest are chosen among those that nothing holds back, not held back after they were chosen.
    @Test func anOpenSessionLeavesThoseBeforeIt() async throws {
        let sessions = (0..<200).map { Self.session("s\($0)", from: Int64($0), to: Int64($0)) }
        let open = Self.session("open", from: 100, to: 230)
        #expect(try await Self.starts([Self.log(sessions + [open])], limit: 30) == Array(70..<100))
    }

    /// Ten sessions of a hundred events are more than twenty events for each of thirty.
    @Test func longSessionsAreFewer() async throws {
        let sessions = (0..<10).map { number -> [Event] in
            (0..<100).map { event in Self.event("long\(number)", minute: Int64(number * 1_000 + event)) }
        }
        let log = Self.log(sessions, ended: true)
        #expect(try await Self.starts([log], limit: 30) == [4_000, 5_000, 6_000, 7_000, 8_000, 9_000])
        #expect(try await Self.starts([log], limit: 1) == [9_000])
    }

    @Test func unusableRecordsAreNoExamplesAndNoObstacle() async throws {
        var records = Self.log([Self.session("a", from: 0, to: 0), Self.session("b", from: 50, to: 50)], ended: true)
        records[1].value = Array("no event".utf8)
        #expect(try await Self.starts([records]) == [0])
    }
}
