import EventLog
import Sessions

/// What survives a kill: records, replay marks, outputs and positions of every partition.
///
/// Every commit is checked when it comes: a broken promise shows where it is broken, and not at the end. What retention
/// removes nobody is given any more; it stays here for the checks.
final class Disk: @unchecked Sendable {  // As `World`.
    struct Partition {
        var records: [StoredRecord] = []
        /// Beside every record; `nil` where it is no live event.
        var identities: [UInt64?] = []
        /// Beside every record: how many had been appended before it, to any partition.
        var places: [Int] = []
        /// Beside every record: the transaction that brought it.
        var transactions: [Int] = []
        /// How many of the records are removed, the oldest ones.
        var removed = 0
        /// After how many records of all partitions how many of this one were removed.
        var removals: [(place: Int, removed: Int)] = []
        var nextOffset: Int64 = 0
        var lastTime: Int64 = 0
        var position: Position?
        var positionText: String?
        var scores: [OutputRecord] = []
        var outcomes: [OutputRecord] = []
        /// How many of them are removed, the oldest ones.
        var removedScores = 0
        var removedOutcomes = 0
        /// How many outputs there were after each commit, and when that was: the number of a score's model must have
        /// been a champion's then.
        var commits: [(scores: Int, outcomes: Int, at: Int64)] = []

        /// The offset of the oldest record that is left.
        var start: Int64 {
            if removed == 0 { return 0 }
            return removed < records.count ? records[removed].offset : nextOffset
        }
    }

    let world: World
    var partitions: [Partition]
    var marks: [String: ReplayMark] = [:]
    var rejected = 0
    private(set) var appended = 0
    private var transaction = 0

    init(_ world: World, partitions: Int) {
        self.world = world
        self.partitions = Array(repeating: Partition(), count: partitions)
    }

    /// What is appended from now on is one transaction's.
    func beginTransaction() { transaction += 1 }

    func append(_ value: [UInt8], identity: UInt64?, partition: Int) -> Location {
        let offset = partitions[partition].nextOffset
        let last = partitions[partition].lastTime
        let time = world.breakage == .clockBack ? world.wallTime : max(last, world.wallTime)
        world.expect(
            time >= last, "partition \(partition): append time \(time) of offset \(offset) lies before \(last)")
        partitions[partition].records.append(StoredRecord(offset: offset, time: time, value: value))
        partitions[partition].identities.append(identity)
        partitions[partition].places.append(appended)
        partitions[partition].transactions.append(transaction)
        appended += 1
        partitions[partition].nextOffset = offset + 1
        partitions[partition].lastTime = time
        return Location(partition: partition, offset: offset)
    }

    /// Takes the newest records away, as no disk may.
    func lose(_ count: Int, of partition: Int) {
        let count = min(count, partitions[partition].records.count)
        partitions[partition].records.removeLast(count)
        partitions[partition].identities.removeLast(count)
        partitions[partition].places.removeLast(count)
        partitions[partition].transactions.removeLast(count)
        partitions[partition].nextOffset -= Int64(count)
    }

    /// - Throws: `.unusable` where retention has removed what stood at the offset.
    func records(_ partition: Int, from offset: Int64, limit: Int) throws(EventLogError) -> [StoredRecord] {
        let records = partitions[partition].records
        let start = partitions[partition].start
        if offset < start, world.breakage != .passedOver {
            throw .unusable("partition \(partition) begins at \(start), offset \(offset) is removed")
        }
        let offset = max(offset, start)
        // Offsets rise, and gaps are rare: the place is at or shortly before the offset.
        var index = min(records.count, Int(offset))
        while index > 0, records[index - 1].offset >= offset { index -= 1 }
        return Array(records[index..<min(records.count, index + limit)])
    }

    /// Outputs and position of one batch, whose place behind the committed position its caller has checked.
    func commit(_ batch: ScoredBatch) {
        let number = batch.partition
        var batch = batch
        if world.breakage == .lostOutcome { batch.outcomes.removeAll { _ in world.random.once(in: 10) } }
        if world.breakage == .flippedBit { batch.scores = batch.scores.map { Self.flip($0, &world.random) } }
        if world.breakage == .positionWithoutOutputs { (batch.scores, batch.outcomes) = ([], []) }
        partitions[number].scores += batch.scores
        partitions[number].outcomes += batch.outcomes
        partitions[number].commits.append(
            (partitions[number].scores.count, partitions[number].outcomes.count, world.now))
        if world.breakage == .outputsWithoutPosition, world.random.once(in: 4) { return }
        world.expect(
            batch.position.utf8.count <= Position.maxBytes,
            "partition \(number): a position of \(batch.position.utf8.count) bytes")
        do throws(PositionError) {
            let position = try Position(decoding: batch.position)
            world.expect(
                position.encoded() == batch.position && position.next == batch.next
                    && position.lowWaterOffset == batch.lowWaterOffset,
                "partition \(number): the position does not say what its batch says")
            world.expect(
                position.next - position.start == position.counters.total,
                "partition \(number): \(position.next - position.start) records, \(position.counters.total) counted")
            world.expect(
                position.lowWaterOffset >= partitions[number].position?.lowWaterOffset ?? 0
                    && position.lowWaterOffset <= position.next,
                "partition \(number): the low-water goes from \(partitions[number].position?.lowWaterOffset ?? 0) to "
                    + "\(position.lowWaterOffset)")
            partitions[number].position = position
            partitions[number].positionText = batch.position
        } catch {
            world.fail("partition \(number): \(error)")
        }
    }

    private static func flip(_ record: OutputRecord, _ random: inout Chance) -> OutputRecord {
        guard random.once(in: 50) else { return record }
        var text = String(decoding: record.value, as: UTF8.self)
        guard let range = text.firstRange(of: "\"score\":0.") else { return record }
        let digit = text.index(range.upperBound, offsetBy: 1)
        guard text.indices.contains(digit), text[digit].isNumber else { return record }
        text.replaceSubrange(digit...digit, with: text[digit] == "1" ? "2" : "1")
        return OutputRecord(key: record.key, value: Array(text.utf8))
    }
}
