import EmbeddedLog
import Testing

@Suite(.timeLimit(.minutes(1)))
struct BellTests {
    private static let never = Duration.seconds(86_400)

    /// Until so many wait.
    private func until(_ bell: Bell, _ count: Int) async { while bell.waiting != count { await Task.yield() } }

    @Test func aRingWakesAllWhoWait() async {
        let bell = Bell()
        await withTaskGroup(of: Void.self) { group in
            let heard = bell.rings
            for _ in 0..<5 { group.addTask { await bell.wait(after: heard, timeout: Self.never) } }
            await until(bell, 5)
            bell.ring()
        }
        #expect(bell.waiting == 0 && bell.rings == 1)
    }

    @Test func aRingBeforeTheWaitIsNotMissed() async {
        let bell = Bell()
        let heard = bell.rings
        bell.ring()
        await bell.wait(after: heard, timeout: Self.never)
    }

    @Test func whoeverHasWaitedForLongEnoughGoesOn() async {
        let bell = Bell()
        for _ in 0..<3 { await bell.wait(after: bell.rings, timeout: .milliseconds(2)) }
        #expect(bell.waiting == 0)
    }

    @Test func aShortWaitBesideALongOneIsNotMadeLonger() async {
        let bell = Bell()
        let long = Task { await bell.wait(after: 0, timeout: Self.never) }
        await until(bell, 1)
        await bell.wait(after: 0, timeout: .milliseconds(2))
        // The timer goes on for the long one, and takes a third in between.
        #expect(bell.waiting == 1)
        await bell.wait(after: 0, timeout: .milliseconds(2))
        #expect(bell.waiting == 1)
        bell.ring()
        await long.value
    }

    @Test func aTimerThatFindsNobodyLeavesItToTheNext() async {
        let bell = Bell()
        let first = Task { await bell.wait(after: 0, timeout: .milliseconds(20)) }
        await until(bell, 1)
        bell.ring()
        await first.value
        // Longer than what is left of the first one's timer, which looks after it.
        await bell.wait(after: 1, timeout: .milliseconds(40))
        await bell.wait(after: 1, timeout: .milliseconds(1))
        #expect(bell.waiting == 0)
    }

    @Test func aCancelledWaitEnds() async {
        let bell = Bell()
        let task = Task { await bell.wait(after: 0, timeout: Self.never) }
        await until(bell, 1)
        task.cancel()
        await task.value
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await bell.wait(after: 0, timeout: Self.never)
        }
        await early.value
        #expect(bell.waiting == 0)
    }
}
