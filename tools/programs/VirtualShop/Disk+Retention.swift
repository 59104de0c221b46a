import EventLog
import Scoring

/// What retention does to the disk: the oldest records of a partition go, then the outputs of events that are gone.
extension Disk {
    /// Where the oldest transactions end that may go: together about `step` records, all older than `cutoff` and before
    /// `limit`. Where one begins that may not, all that follows stays.
    func removable(_ number: Int, before limit: Int64, olderThan cutoff: Int64, step: Int) -> Int64 {
        let partition = partitions[number]
        var index = partition.removed
        while index < partition.records.count, index - partition.removed < step {
            let rest = partition.transactions[index...]
            let count = world.breakage == .splitTransaction ? 1 : rest.prefix { $0 == rest.first }.count
            let group = partition.records[index..<index + count]
            guard group.allSatisfy({ $0.offset < limit && $0.time < cutoff }) else { break }
            index += count
        }
        return index < partition.records.count ? partition.records[index].offset : partition.nextOffset
    }

    /// - Parameter age_ms: what the shop keeps.
    func forget(_ number: Int, before offset: Int64, age_ms: Int64) {
        let old = partitions[number].removed
        let new = partitions[number].records.firstIndex { $0.offset >= offset } ?? partitions[number].records.count
        // A repetition of what is done.
        guard new > old else { return }
        let transactions = partitions[number].transactions
        world.expect(
            new == transactions.count || transactions[new - 1] != transactions[new],
            "partition \(number): retention cuts the transaction that brought offset \(offset)")
        let youngest = partitions[number].records[old..<new].map(\.time).max() ?? 0
        world.expect(
            youngest < world.latestWallTime - age_ms,
            "partition \(number): retention removes a record of \(youngest) that is no older than \(age_ms) ms")
        partitions[number].removed = new
        partitions[number].removals.append((appended, new))
        world.trace("retention: partition \(number) begins at \(partitions[number].start)")
    }

    /// Whole commits of outputs go whose last belongs to an event that is gone, never the newest.
    ///
    /// - Returns: whether any went.
    func forgetOutputs(_ number: Int) -> Bool {
        let partition = partitions[number]
        let start = world.breakage == .outputsTooEarly ? partition.nextOffset : partition.start
        let before = (partition.removedScores, partition.removedOutcomes)
        for commit in partition.commits {
            if commit.scores > before.0, commit.scores < partition.scores.count,
                let last = try? ScoreRecord(decoding: partition.scores[commit.scores - 1].value), last.offset < start
            {
                partitions[number].removedScores = commit.scores
            }
            if commit.outcomes > before.1, commit.outcomes < partition.outcomes.count,
                let last = try? OutcomeRecord(decoding: partition.outcomes[commit.outcomes - 1].value),
                last.offset < start
            {
                partitions[number].removedOutcomes = commit.outcomes
            }
        }
        return (partitions[number].removedScores, partitions[number].removedOutcomes) != before
    }

    /// What a start makes of the records: offsets go on behind the newest that is there.
    func readNextOffsets() {
        for number in partitions.indices where partitions[number].removed > 0 {
            let partition = partitions[number]
            partitions[number].nextOffset =
                partition.removed < partition.records.count ? (partition.records.last?.offset ?? -1) + 1 : 0
        }
    }
}
