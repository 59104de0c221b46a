import Logging
import Retraining
import ServiceLifecycle
import Testing

@Suite(.timeLimit(.minutes(1))) struct SchedulerTests {
    private let hour: Int64 = 3_600_000
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func scheduler(_ clock: ManualClock, _ launcher: ScriptedLauncher) throws -> RetrainScheduler {
        RetrainScheduler(schedule: try CronSchedule("@hourly"), clock: clock, logger: logger) {
            await launcher.launch()
        }
    }

    @Test func aRunStartsWhenItIsDue() async throws {
        let clock = ManualClock(now: 1)
        let launcher = ScriptedLauncher()
        let scheduler = try scheduler(clock, launcher)
        var sleeps = clock.sleeps.makeAsyncIterator()
        var starts = launcher.starts.makeAsyncIterator()
        let service = Task { try await scheduler.run() }

        #expect(await sleeps.next() == hour)
        #expect(scheduler.status().nextRuns == [hour, 2 * hour, 3 * hour, 4 * hour, 5 * hour])
        #expect(scheduler.status().runningSince == nil)
        clock.move(to: hour)
        #expect(await starts.next() == 1)
        #expect(scheduler.status().runningSince == hour)
        clock.move(to: hour + 90_000)
        launcher.end(0)
        #expect(await sleeps.next() == 2 * hour)
        let status = scheduler.status()
        #expect(status.runningSince == nil)
        #expect(
            status.last == RetrainStatus.Run(started: hour, finished: hour + 90_000, exit: .promoted, code: 0))
        #expect(status.nextRuns.first == 2 * hour)

        service.cancel()
        try await service.value
    }

    @Test func whatFellDueWhileTheMachineSleptRunsOnce() async throws {
        let clock = ManualClock(now: 1)
        let launcher = ScriptedLauncher()
        let scheduler = try scheduler(clock, launcher)
        var sleeps = clock.sleeps.makeAsyncIterator()
        var starts = launcher.starts.makeAsyncIterator()
        let service = Task { try await scheduler.run() }

        #expect(await sleeps.next() == hour)
        clock.move(to: 7 * hour + 12)
        #expect(await starts.next() == 1)
        launcher.end(3)
        #expect(await sleeps.next() == 8 * hour)
        #expect(scheduler.status().last?.exit == .keptAside)

        service.cancel()
        try await service.value
    }

    @Test func whatFallsDueDuringARunIsPassedOver() async throws {
        let clock = ManualClock(now: 1)
        let launcher = ScriptedLauncher()
        let scheduler = try scheduler(clock, launcher)
        var sleeps = clock.sleeps.makeAsyncIterator()
        var starts = launcher.starts.makeAsyncIterator()
        let service = Task { try await scheduler.run() }

        #expect(await sleeps.next() == hour)
        clock.move(to: hour)
        #expect(await starts.next() == 1)
        clock.move(to: 4 * hour + 5)
        launcher.end(0)
        #expect(await sleeps.next() == 5 * hour)
        clock.move(to: 5 * hour)
        #expect(await starts.next() == 2)
        launcher.end(0)
        #expect(await sleeps.next() == 6 * hour)
        #expect(launcher.most == 1)

        service.cancel()
        try await service.value
    }

    @Test(arguments: [1, 2, 4, 5, 127, 137] as [Int32])
    func afterAFailingRunTheNextStarts(_ code: Int32) async throws {
        let clock = ManualClock(now: 1)
        let launcher = ScriptedLauncher()
        let scheduler = try scheduler(clock, launcher)
        var sleeps = clock.sleeps.makeAsyncIterator()
        var starts = launcher.starts.makeAsyncIterator()
        let service = Task { try await scheduler.run() }

        for number in 1...3 {
            let due = Int64(number) * hour
            #expect(await sleeps.next() == due)
            clock.move(to: due)
            #expect(await starts.next() == number)
            launcher.end(code)
        }
        #expect(await sleeps.next() == 4 * hour)
        #expect(scheduler.status().last?.code == code)
        #expect(scheduler.status().last?.exit == RetrainExit(code: code))

        service.cancel()
        try await service.value
    }

    @Test func aClockThatIsSetBackRunsNothingTwice() async throws {
        let clock = ManualClock(now: 1)
        let launcher = ScriptedLauncher()
        let scheduler = try scheduler(clock, launcher)
        var sleeps = clock.sleeps.makeAsyncIterator()
        var starts = launcher.starts.makeAsyncIterator()
        let service = Task { try await scheduler.run() }

        #expect(await sleeps.next() == hour)
        clock.move(to: hour)
        #expect(await starts.next() == 1)
        clock.move(to: hour / 2)
        launcher.end(0)
        #expect(await sleeps.next() == 2 * hour)

        service.cancel()
        try await service.value
    }

    @Test func aGracefulShutdownEndsTheRunUnderWay() async throws {
        let clock = ManualClock(now: 1)
        let launcher = ScriptedLauncher()
        let scheduler = try scheduler(clock, launcher)
        var sleeps = clock.sleeps.makeAsyncIterator()
        var starts = launcher.starts.makeAsyncIterator()
        let group = ServiceGroup(services: [scheduler], logger: logger)
        let service = Task { try await group.run() }

        #expect(await sleeps.next() == hour)
        clock.move(to: hour)
        #expect(await starts.next() == 1)
        await group.triggerGracefulShutdown()
        try await service.value
        #expect(scheduler.status().last?.code == 143)
        #expect(scheduler.status().runningSince == nil)
    }

    @Test func aGracefulShutdownEndsTheWait() async throws {
        let clock = ManualClock(now: 1)
        let scheduler = try scheduler(clock, ScriptedLauncher())
        var sleeps = clock.sleeps.makeAsyncIterator()
        let group = ServiceGroup(services: [scheduler], logger: logger)
        let service = Task { try await group.run() }

        #expect(await sleeps.next() == hour)
        await group.triggerGracefulShutdown()
        try await service.value
        #expect(scheduler.status().last == nil)
    }
}
