import EventLog
import Logging
import Metrics
import ServiceLifecycle
import Sessions

/// The state of one run of scoring; lives in one task.
///
/// Where the log allows it, a full batch commits while the next one is folded; one commit is under way at a time. So at
/// most two batches of outputs are held: the one that commits, and the one in the making.
struct ScoringRun {
    let service: ScoringService
    private var partitions: [Int: HeldPartition] = [:]
    private var shelf: Shelf
    private var recovery: Recovery
    private var model: NumberedModel?
    private var championAsked: ContinuousClock.Instant?
    /// Whether the log has said what this process scores; it may be nothing.
    private var isAssigned = false
    private var uncommitted = Uncommitted()
    private var underWay: CommitUnderWay?
    private var commitRest = CommitRest()
    /// Partitions whose last read was as much as was asked for.
    private var behind: Set<Int> = []
    private let committer: Committer
    private let instruments = ScoringInstruments()

    /// What was folded since the last commit.
    private struct Uncommitted {
        var records = 0
        /// When the first of them was folded.
        var since: ContinuousClock.Instant?
        /// The time of the oldest: the one that waited longest.
        var oldest = Int64.max
    }

    init(service: ScoringService) {
        self.service = service
        committer = Committer(service: service, instruments: instruments)
        shelf = Shelf(maxSessions: service.settings.shelvedSessions, lifetime: service.settings.shelfLifetime)
        recovery = Recovery(maxRejoins: service.settings.maxRejoins, delay: service.settings.rejoinDelay)
    }

    private var instant: ContinuousClock.Instant { service.time.instant() }

    mutating func run() async throws {
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            await askForChampion()
            do throws(EventLogError) {
                try await turn()
            } catch {
                // No time is left to make up for it; brokers that are away would hold the end up again and again.
                if Task.isShuttingDownGracefully {
                    service.logger.warning("not everything that was folded is committed: \(error)")
                    return
                }
                try await recover(from: error)
            }
        }
        // After the shutdown signal nothing more is folded; what is folded is committed, if it goes at once.
        do throws(EventLogError) {
            try await settle()
            guard !Task.isCancelled else { return }
            try await commit(within: .zero)
        } catch {
            service.logger.warning("the last commit failed: \(error)")
        }
    }

    private mutating func turn() async throws(EventLogError) {
        let settings = service.settings
        let rest = commitRest.take(at: instant)
        if rest > .zero { await service.time.pause(rest) }
        var wait = settings.idleWait
        if let since = uncommitted.since { wait = min(wait, max(.zero, settings.commitInterval - (instant - since))) }
        // Beside a commit nothing is waited for, only records are taken that are there.
        if underWay != nil { wait = .zero }
        let limit = max(1, settings.batch - uncommitted.records)
        let event = try await service.consumer.next(limit: limit, wait: wait)
        var moreWaits = false
        if case .records(let partition, let records) = event {
            process(records, of: partition)
            moreWaits = records.count == limit
            if moreWaits { behind.insert(partition) } else { behind.remove(partition) }
        } else {
            try await settle()
        }
        switch event {
        case .records, .idle:
            break
        case .assigned(let assigned):
            try await begin(assigned)
        case .revoked(let revoked):
            try await giveBack(revoked)
        case .lost(let lost):
            service.logger.warning("partitions \(lost) are lost: what was not committed of them is dropped")
            instruments.partitionsLost.increment(by: lost.count)
            for partition in lost { drop(partition) }
        }
        if let since = uncommitted.since,
            uncommitted.records >= settings.batch || instant - since >= settings.commitInterval
        {
            try await settle()
            let begun = instant
            startCommit(within: nil)
            if !moreWaits || !service.consumer.readsDuringCommit {
                try await settle()
                if behind.isEmpty {
                    let instant = self.instant
                    commitRest.begin(after: instant - begun, at: instant, limit: settings.maxCommitRest)
                }
            }
        }
        noteCaughtUp()
        shelf.sweep(at: instant)
        if isAssigned, partitions.values.allSatisfy({ !$0.scorer.fold.isResuming }) { service.status.becomeReady() }
        try await tick()
    }

    private mutating func askForChampion() async {
        let instant = self.instant
        if let championAsked, instant - championAsked < service.settings.championInterval { return }
        championAsked = instant
        guard let next = await service.champion(model?.number) else { return }
        service.logger.info("model \(next.number) scores from now on")
        model = next
        for partition in partitions.keys { partitions[partition]?.scorer.swap(to: next) }
        service.status.take(model: next.number)
        FaultPoint.modelSwap.pass()
    }

    private mutating func process(_ records: [StoredRecord], of partition: Int) {
        // What still comes of one that went belongs to somebody else.
        guard let isResuming = partitions[partition]?.scorer.fold.isResuming else { return }
        let instant = self.instant
        partitions[partition]?.process(records, at: instant)
        if isResuming { FaultPoint.refold.pass() }
        uncommitted.records += records.count
        uncommitted.since = uncommitted.since ?? instant
        if let first = records.first { uncommitted.oldest = min(uncommitted.oldest, first.time) }
        report(partition)
    }

    private mutating func noteCaughtUp() {
        let now = service.now()
        for partition in partitions.keys where service.consumer.isCaughtUp(partition) {
            partitions[partition]?.caughtUp(at: now)
            service.status.caughtUp(partition, at: now)
        }
    }

    // MARK: Partitions

    private mutating func begin(_ assigned: [AssignedPartition]) async throws(EventLogError) {
        service.status.countRebalance()
        instruments.rebalances.increment()
        if isAssigned { service.logger.info("now assigned: partitions \(assigned.map(\.partition).sorted())") }
        for partition in assigned {
            let scorer = try scorer(of: partition)
            partitions[partition.partition] = HeldPartition(scorer, at: instant)
            report(partition.partition)
            try await service.consumer.begin(partition: partition.partition, at: scorer.fold.nextOffset)
        }
        isAssigned = true
    }

    /// The state with which an assigned partition begins.
    private mutating func scorer(of assigned: AssignedPartition) throws(EventLogError) -> PartitionScorer {
        let number = assigned.partition
        if var kept = shelf.take(assigned, at: instant) {
            if let model, kept.modelNumber != model.number { kept.swap(to: model) }
            service.logger.info("partition \(number): back as it was, goes on from offset \(kept.fold.nextOffset)")
            return kept
        }
        let scorer: PartitionScorer
        do throws(PositionError) {
            scorer = try PartitionScorer(assigned: assigned, model: model, parameters: service.settings.parameters)
        } catch {
            throw .unusable("partition \(number): \(error)")
        }
        let position = scorer.position
        guard position.next <= assigned.bounds.upperBound else {
            throw .unusable(
                "partition \(number): scores are committed up to offset \(position.next), but the events log "
                    + "ends at \(assigned.bounds.upperBound): the two do not belong together; restore the newer "
                    + "events log or move the scores away to score again")
        }
        if assigned.bounds.lowerBound > position.lowWaterOffset {
            let gone = max(0, assigned.bounds.lowerBound - position.next)
            service.logger.warning(
                """
                partition \(number): retention has passed the low-water \(position.lowWaterOffset), the log begins at \
                \(assigned.bounds.lowerBound): sessions open there are flagged truncated, and \(gone) offsets are gone \
                unscored; lengthen the retention of events
                """)
            instruments.truncatedFolds.increment()
        }
        if scorer.fold.isResuming {
            service.logger.info(
                "partition \(number): folding again from offset \(scorer.fold.nextOffset) to \(position.next)")
        }
        return scorer
    }

    /// Commits what is folded of revoked partitions and gives them back, in time for the group not to give up this
    /// process.
    private mutating func giveBack(_ revoked: [Int]) async throws(EventLogError) {
        do throws(EventLogError) {
            try await commit(within: service.settings.revocationLimit)
        } catch {
            switch error {
            case .failed, .partitionsLost:
                service.logger.warning(
                    "partitions \(revoked) go without their last commit, their next owner folds it again: \(error)")
                uncommitted = Uncommitted()
            default: throw error
            }
        }
        for partition in revoked { drop(partition) }
        try await service.consumer.release(revoked)
    }

    /// A partition goes. Where it may come back as it was, its state is kept for a while.
    private mutating func drop(_ partition: Int) {
        behind.remove(partition)
        guard let held = partitions.removeValue(forKey: partition) else { return }
        shelf.keep(held.scorer, at: instant)
        service.status.take(nil, at: partition)
    }

    private func report(_ partition: Int) { service.status.take(partitions[partition]?.status, at: partition) }

    // MARK: Recovery

    private mutating func recover(from first: EventLogError) async throws(EventLogError) {
        var error = first
        // Its partitions go, whatever becomes of it.
        _ = await underWay?.outcome()
        underWay = nil
        while true {
            let action = recovery.action(error, at: instant)
            if action == .end { throw error }
            service.logger.warning("what is not committed is dropped: \(error)")
            instruments.partitionsLost.increment(by: partitions.count)
            for partition in partitions.keys.sorted() { drop(partition) }
            uncommitted = Uncommitted()
            guard case .rejoin(let delay) = action else { return }
            await service.time.pause(delay)
            if Task.isCancelled || Task.isShuttingDownGracefully { return }
            do throws(EventLogError) {
                instruments.rejoins.increment()
                return try await service.consumer.rejoin()
            } catch let next {
                error = next
            }
        }
    }

    // MARK: Commits

    /// Commits everything that is folded, and waits for it.
    ///
    /// - Parameter limit: for how long a commit that fails is tried again; `nil`: as often as the settings say.
    private mutating func commit(within limit: Duration?) async throws(EventLogError) {
        try await settle()
        startCommit(within: limit)
        try await settle()
    }

    /// Begins to commit everything that is folded. No commit may be under way.
    private mutating func startCommit(within limit: Duration?) {
        precondition(underWay == nil, "ScoringRun.startCommit: the last commit is not settled")
        defer { uncommitted = Uncommitted() }
        let numbers = partitions.keys.sorted()
        let batches = numbers.compactMap { partitions[$0]?.scorer.uncommitted() }
        guard !batches.isEmpty else { return }
        let unusable = numbers.flatMap { partitions[$0]?.scorer.unusable ?? [] }
        underWay = CommitUnderWay(
            Committer.Load(batches: batches, unusable: unusable, oldest: uncommitted.oldest), by: committer,
            within: limit)
    }

    /// Waits for the commit that is under way, if one is, and takes note of it.
    private mutating func settle() async throws(EventLogError) {
        guard let commit = underWay else { return }
        let outcome = await commit.outcome()
        underWay = nil
        try outcome.get()
        recovery.committed()
        for partition in commit.partitions {
            partitions[partition]?.scorer.committed()
            report(partition)
        }
    }

    // MARK: Ticks

    /// Nothing but the log closes a session, so where a live partition with open sessions falls silent the clock is
    /// moved by a record of its own.
    private mutating func tick() async throws(EventLogError) {
        let now = service.now()
        for partition in partitions.keys.sorted() {
            let instant = self.instant
            guard let held = partitions[partition], !held.scorer.fold.isResuming,
                let begins = held.scorer.fold.liveSilenceBegins, now > begins,
                held.allowsTick(interval: service.settings.tickInterval, at: instant)
            else { continue }
            do throws(EventLogError) {
                try await service.log.appendTick(partition: partition)
                instruments.ticks.increment()
                let instant = self.instant
                partitions[partition]?.tick = (folded: held.scorer.fold.counters.control, sent: instant)
            } catch {
                switch error {
                // A later turn tries again; the sessions stay open until then.
                case .overloaded, .failed, .closed, .stopped:
                    service.logger.warning("no tick for partition \(partition), trying again: \(error)")
                    let instant = self.instant
                    partitions[partition]?.lastRecords = instant
                default: throw error
                }
            }
        }
    }
}
