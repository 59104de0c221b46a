import EventLog

/// One simulation's time, chance and scheduler. Time passes only where nothing can go on without it.
///
/// Unchecked, because only the thread that simulates touches it: every task runs on its executor.
final class World: @unchecked Sendable {
    /// Milliseconds since the simulation's start; never go back.
    private(set) var now: Int64 = 0
    var random: Chance
    let executor = VirtualExecutor()
    let breakage: Breakage?
    /// What the machines' clocks are wrong by.
    private(set) var clockError: Int64 = 0
    /// Broken promises, the first ones.
    private(set) var failures: [String] = []
    /// Every line of the trace, folded into one number: equal in two runs that did the same.
    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    private let tracing: ((String) -> Void)?
    private var timers: [Timer] = []
    private var timerCount = 0

    private struct Timer {
        var due: Int64
        var number: Int
        var continuation: UnsafeContinuation<Void, Never>
    }

    static let start: Int64 = 1_700_000_000_000

    init(seed: UInt64, breakage: Breakage?, tracing: ((String) -> Void)?) {
        random = Chance(seed)
        self.breakage = breakage
        self.tracing = tracing
    }

    /// What a machine's clock shows: milliseconds since the epoch.
    var wallTime: Int64 { Self.start + now + clockError }

    /// The latest that it ever showed.
    var latestWallTime: Int64 { max(latestBefore, wallTime) }
    private var latestBefore: Int64 = 0

    func setClock(aheadBy error: Int64) {
        latestBefore = latestWallTime
        trace("clock: off by \(error) ms")
        clockError = error
    }

    func spawn(_ body: @escaping @Sendable () async -> Void) {
        Task(executorPreference: executor) { await body() }
    }

    func sleep(_ milliseconds: Int) async {
        await withUnsafeContinuation { continuation in
            timerCount += 1
            timers.append(Timer(due: now + Int64(max(0, milliseconds)), number: timerCount, continuation: continuation))
        }
    }

    /// Runs until `isOver`, or until a promise is broken.
    func run(maxJobs: Int, until isOver: () -> Bool) {
        for _ in 0..<maxJobs {
            if isOver() || !failures.isEmpty { return }
            if executor.readyCount > 0 {
                runDrawnJob()
            } else if let next = timers.indices.min(by: {
                (timers[$0].due, timers[$0].number) < (timers[$1].due, timers[$1].number)
            }) {
                let timer = timers.remove(at: next)
                now = max(now, timer.due)
                timer.continuation.resume()
            } else {
                return fail("nothing can go on any more")
            }
        }
        fail("not over after \(maxJobs) jobs")
    }

    private func runDrawnJob() {
        let index = executor.readyCount == 1 ? 0 : random.below(executor.readyCount)
        executor.runJob(index)
    }

    /// Runs what is left until nobody waits for anything: nothing of a simulation outlives it.
    func drain(maxJobs: Int) {
        for _ in 0..<maxJobs {
            if executor.readyCount > 0 {
                runDrawnJob()
            } else if let timer = timers.popLast() {
                timer.continuation.resume()
            } else {
                return
            }
        }
    }

    func fail(_ what: @autoclosure () -> String) {
        guard failures.count < 20 else { return }
        let text = what()
        failures.append(text)
        trace("BROKEN: \(text)")
    }

    func expect(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds { fail(what()) } }

    func trace(_ text: @autoclosure () -> String) {
        let line = "\(now) \(text())"
        for byte in line.utf8 { digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        tracing?(line)
    }
}

/// A process that may be killed: from then on nothing that it does has an effect.
final class VirtualProcess: @unchecked Sendable {  // As `World`.
    let name: String
    private(set) var isAlive = true
    private var atDeath: [() -> Void] = []

    init(name: String) { self.name = name }

    func check() throws(EventLogError) { if !isAlive { throw .closed } }

    func whenKilled(_ body: @escaping () -> Void) { atDeath.append(body) }

    func kill() {
        guard isAlive else { return }
        isAlive = false
        for body in atDeath { body() }
        atDeath = []
    }

    /// Ends in order: nothing is lost that was not lost before.
    func exit() {
        isAlive = false
        atDeath = []
    }
}
