import Events
import Sessions
import Testing

/// The fold against a second reading of its rules, and against itself after restarts, on random logs.
struct FoldPropertyTests {
    /// The properties below say something only where everything happens often.
    @Test func randomLogsDoAllThatLogsCanDo() {
        var random = SeededGenerator(seed: 0)
        var counters = Counters()
        var sessions = SessionCounters()
        var mutedWhileOthersAreOlder = 0
        for _ in 0..<100 {
            let log = RandomLog().records(120, &random)
            var fold = SessionFold(start: log[0].offset, parameters: small)
            for record in log {
                let happening = fold.fold(record, scoring: !random.once(in: 4))
                if happening.outcome == "muted", fold.position().lowWaterOffset < record.offset {
                    mutedWhileOthersAreOlder += 1
                }
            }
            for account in Counters.accounts { counters[keyPath: account.path] += fold.counters[keyPath: account.path] }
            for account in SessionCounters.accounts {
                sessions[keyPath: account.path] += fold.sessionCounters[keyPath: account.path]
            }
        }
        for account in Counters.accounts {
            #expect(counters[keyPath: account.path] >= 100, "\(account.name)")
        }
        for account in SessionCounters.accounts where !["truncated", "bots"].contains(account.name) {
            #expect(sessions[keyPath: account.path] >= 100, "\(account.name)")
        }
        #expect(mutedWhileOthersAreOlder >= 100)
    }

    /// A fold is a value: whoever keeps a copy keeps what it was, whatever becomes of the other.
    @Test(arguments: 1...4) func aCopyKnowsNothingOfWhatTheOtherFolds(seed: Int) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<50 {
            let log = RandomLog().records(120, &random)
            let cut = 20 + random.below(80)
            var fold = SessionFold(start: log[0].offset, parameters: small)
            for record in log[..<cut] { _ = fold.fold(record, scoring: true) }
            let before = State(fold)
            var copy = fold
            for record in log[cut...] { _ = fold.fold(record, scoring: true) }
            let after = State(fold)
            #expect(State(copy) == before, "seed \(seed), round \(round)")
            for record in log[cut...] { _ = copy.fold(record, scoring: true) }
            #expect(State(copy) == after && State(fold) == after, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: 1...8) func theFoldReadsTheRulesAsTheReferenceDoes(seed: Int) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<150 {
            let log = RandomLog().records(120, &random)
            var fold = SessionFold(start: log[0].offset, parameters: small)
            var reference = ReferenceFold(start: log[0].offset, parameters: small)
            for record in log {
                let scoring = !random.once(in: 4)
                let found = fold.fold(record, scoring: scoring)
                let wanted = reference.fold(record, scoring: scoring)
                let isSame = found == wanted && State(fold) == State(reference)
                guard isSame, fold.openSessions == reference.open.count,
                    fold.counters.total == record.offset + 1 - log[0].offset
                else {
                    Issue.record(
                        """
                        seed \(seed), round \(round), \(record):
                        \(found), not \(wanted)
                        \(State(fold)), not \(State(reference))
                        """)
                    return
                }
            }
        }
    }

    /// The claim that lets session state go unsaved: cut anywhere, fold again from the low-water, and everything is as
    /// it was and goes on as it would have.
    @Test(arguments: 1...8) func foldingAgainFromAnyCutGivesTheSameState(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<12 {
            let log = RandomLog().records(100, &random)
            var fold = SessionFold(start: log[0].offset, parameters: small)
            for (index, record) in log.enumerated() {
                fold.fold(record)
                var again = try fold.restarted(on: log)
                guard !again.isResuming, State(again) == State(fold), again.position() == fold.position() else {
                    Issue.record(
                        "seed \(seed), round \(round), cut after \(record): \(State(again)), not \(State(fold))")
                    return
                }
                var unbroken = fold
                for record in log[(index + 1)...] {
                    let found = again.fold(record)
                    let wanted = unbroken.fold(record)
                    guard found == wanted else {
                        Issue.record(
                            "seed \(seed), round \(round), cut at \(index): \(record) did \(found), not \(wanted)")
                        return
                    }
                }
                #expect(State(again) == State(unbroken), "seed \(seed), round \(round), cut at \(index)")
            }
        }
    }

    /// Restarts at random places, some of them while the last one is still folding again.
    @Test(arguments: 1...8) func restartsChangeNothing(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        for round in 0..<25 {
            let log = RandomLog().records(150, &random)
            var unbroken = SessionFold(start: log[0].offset, parameters: small)
            var fold = unbroken
            var committed = fold.position()
            for record in log {
                while random.once(in: 8) {
                    fold = try SessionFold(resuming: try Position(decoding: committed.encoded()), parameters: small)
                    for record in log where record.offset >= fold.nextOffset && record.offset < committed.next {
                        #expect(fold.fold(record) == Happening(outcome: "suppressed"))
                        #expect(!fold.isResuming || fold.position() == committed)
                        if random.once(in: 20) { break }
                    }
                    // Only what has caught up folds new records.
                    if !fold.isResuming { break }
                }
                while fold.isResuming {
                    let next = fold.nextOffset
                    guard let missing = log.first(where: { $0.offset >= next && $0.offset < committed.next }) else {
                        break
                    }
                    fold.fold(missing)
                }
                guard fold.fold(record) == unbroken.fold(record), fold.position() == unbroken.position() else {
                    Issue.record("seed \(seed), round \(round): \(record) after a restart")
                    return
                }
                committed = fold.position()
                #expect(committed.encoded().utf8.count <= Position.maxBytes)
                #expect(committed.next - committed.start == committed.counters.total)
            }
        }
    }

    /// Which partition a key is on, and who shares it, decides nothing about its sessions.
    @Test(arguments: 1...8) func splittingAStreamOverPartitionsChangesNoSession(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let roomy = FoldParameters(idleGap_ms: 30, maxRecords: 6, maxDuration_ms: 100, maxReplays: 3)
        for round in 0..<100 {
            var log = RandomLog(isTidy: true).records(150, &random)
            let last = log[log.count - 1]
            log += RandomLog.replays.map { end(0, of: $0) } + [tick(0, at: last.time + 1_000)]
            let whole = Self.sessions(of: log, parameters: roomy)
            let partitions = 1 + random.below(4)
            var split: [Owner: [Happening.Closed]] = [:]
            for partition in 0..<partitions {
                let part = log.filter { record in
                    guard case .event(let event, _) = record.entry else { return true }
                    return StableHash.of(event.sessionKey) % UInt64(partitions) == UInt64(partition)
                }
                split.merge(Self.sessions(of: part, parameters: roomy)) { $0 + $1 }
            }
            guard split == whole else {
                for owner in Set(whole.keys).union(split.keys) where split[owner] != whole[owner] {
                    Issue.record(
                        """
                        seed \(seed), round \(round), \(partitions) partitions, \(owner):
                        \(split[owner] ?? []), not \(whole[owner] ?? [])
                        """)
                }
                return
            }
        }
    }

    /// Whose sessions: a key, byte by byte, on a timeline.
    private struct Owner: Hashable {
        var key: [UInt8]
        var timeline: Timeline
    }

    /// All sessions that a log closes, without offsets. Whether it was silence or an end mark that
    /// closed one depends on who else moved the partition's clock; what the session was does not.
    private static func sessions(of log: [Record], parameters: FoldParameters) -> [Owner: [Happening.Closed]] {
        var fold = SessionFold(parameters: parameters)
        var sessions: [Owner: [Happening.Closed]] = [:]
        for (offset, record) in log.enumerated() {
            let record = Record(offset: Int64(offset), time: record.time, entry: record.entry)
            for var closed in fold.fold(record).closed {
                closed.summary.firstOffset = 0
                closed.summary.purchase?.offset = 0
                closed.closedAt = 0
                if closed.closing == .end { closed.closing = .silence }
                let owner = Owner(key: Array(closed.summary.key.utf8), timeline: closed.summary.timeline)
                sessions[owner, default: []].append(closed)
            }
        }
        return sessions
    }
}
