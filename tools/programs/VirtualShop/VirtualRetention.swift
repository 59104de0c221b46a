import EventLog
import Sessions

/// Removes what is old beside a server at work, as the embedded log does: looks where the committed low-water is, and
/// removes a moment later, in a transaction that waits behind those of whoever appends.
struct VirtualRetention: Sendable {
    let world: World
    let disk: Disk
    let law: RetentionLaw
    let writer: LogWriter
    let process: VirtualProcess

    func run() async {
        while process.isAlive, !writer.isClosed {
            await world.sleep(world.random.within(1...law.interval_ms))
            do throws(EventLogError) { try await sweep() } catch { world.trace("retention goes on later: \(error)") }
        }
    }

    private func sweep() async throws(EventLogError) {
        let age = world.breakage == .removedTooEarly ? law.age_ms / 2 : law.age_ms
        let cutoff = world.wallTime - age
        for partition in disk.partitions.indices {
            while try await step(partition, cutoff) {}
            while try await outputStep(partition) {}
        }
    }

    private func step(_ number: Int, _ cutoff: Int64) async throws(EventLogError) -> Bool {
        guard process.isAlive, !writer.isClosed else { return false }
        let partition = disk.partitions[number]
        guard let position = partition.position else { return false }
        await world.sleep(world.random.within(0...2))
        // The newest stays: offsets go on from it.
        let newest = partition.nextOffset - (world.breakage == .newestRemoved ? 0 : 1)
        let limit = world.breakage == .lowWaterPassed ? newest : min(newest, position.lowWaterOffset)
        let end = disk.removable(number, before: limit, olderThan: cutoff, step: law.step)
        guard end > disk.partitions[number].start else { return false }
        _ = try await writer.perform(.forget(partition: number, before: end), records: 1)
        return true
    }

    private func outputStep(_ partition: Int) async throws(EventLogError) -> Bool {
        await world.sleep(world.random.within(0...2))
        guard process.isAlive, !writer.isClosed else { return false }
        return disk.forgetOutputs(partition)
    }
}

/// Reads the log beside the server, slowly: retention overtakes it now and then. What it is given follows on what it was
/// given before, or it is refused.
struct SlowReader: Sendable {
    let shop: Shop

    func run() async {
        let world = shop.world
        while !shop.isOver {
            await world.sleep(world.random.within(1...30_000))
            guard let log = shop.collector?.log, log.process.isAlive else { continue }
            let partition = world.random.below(log.partitionCount)
            do throws(EventLogError) {
                var next = try await log.bounds(partition: partition).lowerBound
                let reader = try await log.reader(partition: partition, from: next)
                for _ in 0..<world.random.within(2...12) {
                    for record in try await reader.next(limit: world.random.within(1...6), wait: .zero) {
                        world.expect(
                            record.offset == next,
                            "partition \(partition): a reader is given offset \(record.offset) after \(next - 1)")
                        next = record.offset + 1
                    }
                    await world.sleep(world.random.within(1...20_000))
                }
            } catch {
                shop.noteRefusal(error)
            }
        }
    }
}
