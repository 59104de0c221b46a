import EmbeddedLog
import EventLog
import Events
import Intent
import Scoring
import Sessions

/// What must hold of a shop when everything has settled: log, outputs and positions against what the clients know and
/// against the plain reading of the rules.
struct Checks {
    private let shop: Shop
    private let world: World

    init(_ shop: Shop) {
        self.shop = shop
        world = shop.world
    }

    func run() {
        checkAcknowledged()
        checkOrders()
        checkReplay()
        for partition in shop.disk.partitions.indices { check(partition) }
    }

    // MARK: The log against the clients

    private struct Copy {
        var partition: Int
        var index: Int
        var time: Int64
    }

    private func liveCopies() -> [Ledger.Name: [Copy]] {
        var copies: [Ledger.Name: [Copy]] = [:]
        for (number, partition) in shop.disk.partitions.enumerated() {
            for (index, record) in partition.records.enumerated() {
                guard case .event(let event, .live) = try? RecordCoder.decode(record.value) else { continue }
                let name = Ledger.name(event)
                copies[name, default: []].append(Copy(partition: number, index: index, time: record.time))
                guard let sent = shop.ledger.sent[name] else {
                    world.fail("\(number)/\(record.offset): \(name) was never sent")
                    continue
                }
                // A clock set back between sending and receipt puts the event into the far future: clamped to receipt.
                var wanted = sent.event
                if shop.law.clockJumps, event.timestamp < wanted.timestamp { wanted.timestamp = event.timestamp }
                world.expect(wanted == event, "\(number)/\(record.offset): \(name) is not what was sent")
            }
        }
        return copies
    }

    /// Acknowledged: stored. Once, on a log that remembers identities, within what it remembers.
    private func checkAcknowledged() {
        let copies = liveCopies()
        for (name, sent) in shop.ledger.sent {
            let places = copies[name] ?? []
            world.expect(!sent.isAcknowledged || !places.isEmpty, "\(name) was acknowledged and is not stored")
            guard !shop.law.log.isKafka else { continue }
            for (first, second) in zip(places, places.dropFirst()) {
                world.expect(
                    mayBeForgotten(first, second),
                    "\(name) is stored twice, at records \(first.index) and \(second.index) of \(second.partition)")
            }
        }
    }

    private func mayBeForgotten(_ first: Copy, _ second: Copy) -> Bool {
        let limits = shop.law.log.limits
        let partition = shop.disk.partitions[first.partition]
        let age_ms = limits.identityAge.components.seconds * 1_000
        // The memory is one for all partitions, and each has its own time: an event of another partition, stored before
        // the second copy while the clock was ahead, has aged the first one, too.
        let repetition = shop.disk.partitions[second.partition].places[second.index]
        let isAged = shop.disk.partitions.contains { partition in
            partition.records.indices.contains { index in
                partition.identities[index] != nil && partition.places[index] < repetition
                    && partition.records[index].time - first.time > age_ms
            }
        }
        // A start reads of every partition no more than its share of the newest records, ticks among them.
        // What retention had removed a start cannot read.
        let isRemoved = partition.removals.contains { $0.removed > first.index && $0.place <= repetition }
        return second.time - first.time > age_ms || isAged || isRemoved
            || second.index - first.index >= limits.identities / shop.law.partitions
            || shop.disk.partitions.reduce(0) { $0 + $1.identities.count { $0 != nil } } > limits.identities
                && partition.records.count > 0
    }

    /// What a client sent one after the other, each body acknowledged before the next, stands so on the log.
    private func checkOrders() {
        var first: [Ledger.Name: Int] = [:]
        for partition in shop.disk.partitions {
            for (index, record) in partition.records.enumerated() {
                guard case .event(let event, .live) = try? RecordCoder.decode(record.value) else { continue }
                if first[Ledger.name(event)] == nil { first[Ledger.name(event)] = index }
            }
        }
        for order in shop.ledger.orders {
            let places = order.compactMap { first[$0] }
            // Bodies that failed may be stored in part and again: over Kafka, order holds from body to body only.
            guard !shop.law.log.isKafka || shop.law.log.failsOneIn == 0 else { continue }
            world.expect(
                zip(places, places.dropFirst()).allSatisfy { $0 < $1 },
                "the events of \(order.first?.key ?? "") stand at \(places), not in the order in which they were sent")
        }
    }

    /// Every row once, in the file's order.
    private func checkReplay() {
        guard shop.law.replays else { return }
        var stored: [[Int]] = []
        for partition in shop.disk.partitions {
            var numbers: [Int] = []
            var ends = 0
            for record in partition.records {
                switch try? RecordCoder.decode(record.value) {
                case .event(let event, .replay): numbers.append(Int(event.id) ?? 0)
                case .end: ends += 1
                default: break
                }
            }
            world.expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }, "replayed rows stand as \(numbers)")
            world.expect(ends == 1, "a replay that ended has \(ends) end marks on a partition")
            stored.append(numbers)
        }
        let all = stored.flatMap { $0 }.sorted()
        world.expect(all == Array(1...shop.ledger.rows.count), "of \(shop.ledger.rows.count) rows \(all) are stored")
    }

    // MARK: Outputs against the rules

    private func check(_ number: Int) {
        let partition = shop.disk.partitions[number]
        guard let position = partition.position else {
            return world.expect(partition.records.isEmpty, "partition \(number) was never committed")
        }
        checkRemoved(number, partition)
        let reference = Reference(partition.records, shop.law.scoring.parameters)
        checkScores(number, partition, reference)
        checkOutcomes(number, partition, reference)
        checkCounters(number, partition, position, reference)
    }

    /// Outputs go after their events.
    private func checkRemoved(_ number: Int, _ partition: Disk.Partition) {
        let kept = Set(partition.records.dropFirst(partition.removed).map(\.offset))
        let removed =
            partition.scores.prefix(partition.removedScores).map { (try? ScoreRecord(decoding: $0.value))?.offset }
            + partition.outcomes.prefix(partition.removedOutcomes).map {
                (try? OutcomeRecord(decoding: $0.value))?.offset
            }
        let early = removed.compactMap { $0 }.filter(kept.contains)
        world.expect(early.isEmpty, "partition \(number): outputs of \(early) are removed, and their events are not")
    }

    private func checkScores(_ number: Int, _ partition: Disk.Partition, _ reference: Reference) {
        var last: Int64 = -1
        var commits = partition.commits[...]
        var seen: Set<Int64> = []
        for (index, output) in partition.scores.enumerated() {
            guard let score = try? ScoreRecord(decoding: output.value) else {
                world.fail("partition \(number): the score at \(index) cannot be read")
                continue
            }
            world.expect(score.offset > last, "partition \(number): score of \(score.offset) after that of \(last)")
            last = score.offset
            seen.insert(score.offset)
            while let commit = commits.first, commit.scores <= index { commits = commits.dropFirst() }
            checkModel(number, score, committedAt: commits.first?.at ?? 0)
            guard let wanted = reference.scored[score.offset] else {
                world.fail(
                    "\(number)/\(score.offset) is scored and is \(reference.accounts[score.offset]?.rawValue ?? "nothing")"
                )
                continue
            }
            checkScore(number, score, wanted)
        }
        // Without a model at first; never again once there was one.
        let first = seen.min() ?? .max
        for offset in reference.scored.keys where !seen.contains(offset) {
            world.expect(offset < first && !shop.law.startsWithModel, "\(number)/\(offset) is not scored")
        }
    }

    /// The number is that of a model that was champion shortly before the commit, or since.
    private func checkModel(_ number: Int, _ score: ScoreRecord, committedAt: Int64) {
        let champions = shop.champions.enumerated().filter { index, entry in
            let until = index + 1 < shop.champions.count ? shop.champions[index + 1].at : .max
            return entry.number == score.model && entry.at <= committedAt && until >= committedAt - 60_000
        }
        world.expect(
            !champions.isEmpty,
            "\(number)/\(score.offset): committed at \(committedAt) by model \(score.model), "
                + "which was not champion then")
    }

    private func checkScore(_ number: Int, _ score: ScoreRecord, _ wanted: Reference.Scored) {
        guard let model = Models.numbered(score.model) else {
            return world.fail("\(number)/\(score.offset): there is no model \(score.model)")
        }
        // The whole prefix from its beginning, by a scorer that has seen nothing else.
        var scorer = SessionScorer(model: model)
        let given = scorer.score(slot: 0, steps: Array(wanted.steps))
        var before: Float?
        if wanted.steps.count > 1 {
            var scorer = SessionScorer(model: model)
            before = scorer.score(slot: 0, steps: Array(wanted.steps.dropLast())).value
        }
        world.expect(
            score.score.bitPattern == given.value.bitPattern
                && score.change?.bitPattern == before.map { given.value - $0 }?.bitPattern,
            "\(number)/\(score.offset): scored \(score.score) by model \(score.model), offline \(given.value)")
        let isSame =
            score.session == "\(number):\(wanted.firstOffset)" && score.key == wanted.key
            && score.timeline == wanted.timeline && score.prefix == wanted.steps.count && score.cart == wanted.cart
            && score.type == wanted.event.kind.name && score.sku == wanted.event.sku
            && score.timestamp == wanted.event.timestamp && score.partition == number
        world.expect(isSame, "\(number)/\(score.offset): the score's record tells another event: \(score)")
    }

    private func checkOutcomes(_ number: Int, _ partition: Disk.Partition, _ reference: Reference) {
        var outcomes: [Reference.Outcome] = []
        for output in partition.outcomes {
            guard let outcome = try? OutcomeRecord(decoding: output.value) else {
                world.fail("partition \(number): an outcome cannot be read")
                continue
            }
            world.expect(
                outcome.purchased == (outcome.purchaseOffset != nil) && !outcome.truncated,
                "partition \(number): \(outcome)")
            outcomes.append(
                Reference.Outcome(
                    firstOffset: Int64(outcome.session.split(separator: ":").last ?? "") ?? -1, key: outcome.key,
                    timeline: outcome.timeline, closedAt: outcome.offset, closing: outcome.closing,
                    purchaseOffset: outcome.purchaseOffset, prefixes: outcome.prefixes, records: outcome.records,
                    adds: outcome.adds, started: outcome.started, ended: outcome.ended))
        }
        world.expect(
            zip(outcomes, outcomes.dropFirst()).allSatisfy { $0.closedAt <= $1.closedAt },
            "partition \(number): outcomes out of order")
        func sorted(_ outcomes: [Reference.Outcome]) -> [Reference.Outcome] {
            outcomes.sorted { ($0.closedAt, $0.firstOffset) < ($1.closedAt, $1.firstOffset) }
        }
        let (found, wanted) = (sorted(outcomes), sorted(reference.outcomes))
        guard found != wanted else { return }
        let difference = zip(found, wanted).first { $0 != $1 }
        world.fail(
            "partition \(number): \(found.count) outcomes, \(wanted.count) by the rules; the first that differs: "
                + (difference.map { "\($0), not \($1)" } ?? "the last"))
    }

    private func checkCounters(
        _ number: Int, _ partition: Disk.Partition, _ position: Position, _ reference: Reference
    ) {
        func count(_ account: Reference.Account) -> Int64 { Int64(reference.accounts.values.count { $0 == account }) }
        let counters = position.counters
        let scored = Int64(partition.scores.count)
        let found = [
            counters.scored, counters.unscored, counters.afterPurchase, counters.repeated, counters.muted,
            counters.control, counters.rejected, counters.markers,
        ]
        let wanted = [
            scored, count(.step) - scored, count(.afterPurchase), count(.repeated), count(.muted), count(.control),
            count(.rejected), position.next - Int64(partition.records.count),
        ]
        world.expect(found == wanted, "partition \(number): the counters say \(found), the rules \(wanted)")
        world.expect(
            position.sessions.opened == reference.opened && position.sessions.outOfOrder == reference.outOfOrder
                && position.sessions.purchased == reference.outcomes.count { $0.purchaseOffset != nil },
            "partition \(number): \(position.sessions), by the rules \(reference.opened) opened and "
                + "\(reference.outOfOrder) out of order")
    }
}
