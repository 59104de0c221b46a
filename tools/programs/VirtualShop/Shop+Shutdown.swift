import ServiceLifecycleTestKit
import Sessions

/// Ends in order, as a signal asks for them, while clients, scorers and swaps are at work.
extension Shop {
    /// Asks a server, over Kafka a scorer, to stop. It may still be killed before it has.
    func stop(scorer number: Int) async {
        guard let scoring = scorers[number], let shutdown = scoring.shutdown, scoring.process.isAlive, !isOver else {
            return
        }
        world.trace("\(scoring.process.name) is asked to stop")
        scoring.writer?.isStopping = true
        watch(scoring.process)
        // In the server's order: first requests under way get their answer, then scoring commits what it has folded.
        await scoring.door?.close()
        shutdown.triggerGracefulShutdown()
    }

    /// The collector of its own that there is over Kafka.
    func stopCollector() async {
        guard let collector, collector.process.isAlive, collector.door.isOpen, !isOver else { return }
        world.trace("\(collector.process.name) is asked to stop")
        watch(collector.process)
        await collector.door.close()
        guard collector.process.isAlive else { return }
        leave(collector.process, collector.door)
        startCollectorAgain()
    }

    /// Nothing that a shutdown waits for takes so long, on the slowest of disks.
    private func watch(_ process: VirtualProcess) {
        world.spawn { [self] in
            await world.sleep(120_000)
            world.expect(
                !process.isAlive || isOver, "\(process.name) has not stopped two minutes after it was asked to")
        }
    }

    /// The services have ended; the log closes last.
    func closeInOrder(_ scoring: Running, _ number: Int) async {
        let name = scoring.process.name
        await scoring.writer?.close()
        guard scoring.process.isAlive, !isOver else { return }
        if !law.log.isKafka, law.log.failsOneIn == 0 {
            world.expect(
                scoring.consumer.uncommitted.isEmpty,
                "\(name) has stopped and left of partitions \(scoring.consumer.uncommitted) uncommitted what it had folded"
            )
        }
        world.expect(scoring.writer?.isIdle != false, "\(name) has stopped and left appends unwritten")
        for (number, partition) in disk.partitions.enumerated() {
            guard let position = partition.position else { continue }
            let counted = [position.counters.scored, position.sessions.closed + position.sessions.muted]
            let found = [Int64(partition.scores.count), Int64(partition.outcomes.count)]
            world.expect(
                counted == found, "\(name) has stopped, and partition \(number) counts \(counted), not \(found)")
        }
        leave(scoring.process, scoring.door)
        startAgain(number)
    }

    private func leave(_ process: VirtualProcess, _ door: Door?) {
        world.expect(
            (door?.inside ?? 0) == 0, "\(process.name) has stopped with \(door?.inside ?? 0) requests under way")
        world.trace("\(process.name) has stopped")
        shutdowns += 1
        process.exit()
    }
}
