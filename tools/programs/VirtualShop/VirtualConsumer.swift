import EventLog
import ServiceLifecycle
import Sessions

/// What a scorer sees of the group, the log and its own commits.
final class VirtualConsumer: EventConsumer, @unchecked Sendable {  // As `World`.
    private let world: World
    private let disk: Disk
    private let group: Group
    private let member: Int
    private let process: VirtualProcess
    private let law: LogLaw
    private var places: [Int: Int64] = [:]
    private var turn = 0
    /// As the embedded log says, or as Kafka does.
    let readsDuringCommit: Bool

    init(_ world: World, _ disk: Disk, _ group: Group, member: Int, _ process: VirtualProcess, _ law: LogLaw) {
        self.world = world
        self.disk = disk
        self.group = group
        self.member = member
        self.process = process
        self.law = law
        readsDuringCommit = world.random.once(in: 2)
        group.join(member)
    }

    func next(limit: Int, wait: Duration) async throws(EventLogError) -> ConsumerEvent {
        try process.check()
        world.expect(limit > 0, "\(process.name) asks for \(limit) records")
        if let news = try group.nextNews(of: member) { return told(news) }
        if let records = try round(limit: limit) { return records }
        await world.sleep(1 + world.random.below(Int(wait / .milliseconds(1)) + 1))
        try process.check()
        if let news = try group.nextNews(of: member) { return told(news) }
        return try round(limit: limit) ?? .idle
    }

    private func told(_ news: Group.News) -> ConsumerEvent {
        switch news {
        case .revoked(let partitions):
            world.trace("\(process.name): \(partitions) are asked back")
            return .revoked(partitions)
        case .lost(let partitions):
            world.trace("\(process.name): \(partitions) are lost")
            places = [:]
            return .lost(partitions)
        case .assigned(let partitions):
            places = [:]
            let assigned = partitions.map { number in
                let partition = disk.partitions[number]
                // Who forgets to be silent says everything again, as if nothing had been committed.
                let text = world.breakage == .unsuppressed && world.random.once(in: 2) ? nil : partition.positionText
                world.trace("\(process.name): gets \(number) at \(partition.position?.next ?? 0)")
                return AssignedPartition(
                    partition: number, position: text, bounds: partition.start..<partition.nextOffset)
            }
            return .assigned(assigned)
        }
    }

    private func round(limit: Int) throws(EventLogError) -> ConsumerEvent? {
        for _ in disk.partitions.indices {
            turn = (turn + 1) % disk.partitions.count
            guard let place = places[turn] else { continue }
            let records = try disk.records(turn, from: place, limit: min(limit, world.random.within(1...40)))
            guard let last = records.last else { continue }
            places[turn] = last.offset + 1
            return .records(partition: turn, records)
        }
        return nil
    }

    func isCaughtUp(_ partition: Int) -> Bool {
        guard let place = places[partition] else { return false }
        return place >= disk.partitions[partition].records.last.map { $0.offset + 1 } ?? 0
    }

    func begin(partition: Int, at offset: Int64) async throws(EventLogError) {
        try process.check()
        places[partition] = offset
        if world.breakage == .shortFoldAgain, let position = disk.partitions[partition].position,
            position.next - offset > 2
        {
            // The last record before `next` is still read, so that the clock is right.
            places[partition] = (offset + position.next) / 2
        }
    }

    func commit(_ batches: [ScoredBatch]) async throws(EventLogError) {
        try process.check()
        if world.breakage == .uncommittedAtClose, Task.isShuttingDownGracefully { return }
        await world.sleep(world.random.within(0...law.slowest_ms))
        // A kill before this line: not committed. One after it: committed, and nobody was told.
        try process.check()
        if law.failsOneIn > 0, world.random.once(in: law.failsOneIn) {
            world.trace("\(process.name): a commit fails")
            throw .failed("the commit failed")
        }
        guard world.breakage == .noFencing || group.owns(member, batches.map(\.partition)) else {
            places = [:]
            group.throwOut(member)
            throw .partitionsLost("others have the partitions")
        }
        for batch in batches { try place(batch) }
        await world.sleep(world.random.within(0...2))
        try process.check()
        if law.failsOneIn > 0, world.random.once(in: law.failsOneIn) {
            world.trace("\(process.name): a commit's answer is lost")
            throw .failed("the commit's answer was lost")
        }
    }

    private func place(_ batch: ScoredBatch) throws(EventLogError) {
        let committed = disk.partitions[batch.partition].position?.next
        if committed == batch.next, world.breakage != .appliedTwice { return }
        let isLoose: Set<Breakage?> = [.noFencing, .unsuppressed, .outputsWithoutPosition, .appliedTwice]
        guard committed == batch.follows || isLoose.contains(world.breakage) else {
            throw .mustRejoin(
                "partition \(batch.partition) is committed up to \(committed ?? -1), this follows \(batch.follows ?? -1)"
            )
        }
        world.trace(
            "\(process.name): commits \(batch.partition) up to \(batch.next), \(batch.scores.count) scores, "
                + "\(batch.outcomes.count) outcomes")
        disk.commit(batch)
    }

    /// Records that were handed out and are not committed, at the end of a scorer that lost nothing.
    var uncommitted: [Int] {
        places.keys.sorted().filter { number in
            guard let place = places[number] else { return false }
            return place > disk.partitions[number].position?.next ?? 0
        }
    }

    func release(_ partitions: [Int]) async throws(EventLogError) {
        try process.check()
        places = [:]
        group.release(member)
    }

    func rejoin() async throws(EventLogError) {
        try process.check()
        places = [:]
        world.trace("\(process.name): joins anew")
        group.join(member)
    }

    func close() async {
        if process.isAlive { group.leave(member) }
    }
}
