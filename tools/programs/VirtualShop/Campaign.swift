import Dispatch
import Foundation
import Synchronization

/// Many seeds on several threads, each seed on one.
public struct Campaign: Sendable {
    public struct Totals: Sendable {
        public var seeds = 0
        public var events = 0
        public var scores = 0
        public var outcomes = 0
        public var kills = 0
        public var swaps = 0
        public var shutdowns = 0
        public var removed = 0
        public var refusals = 0
        public var milliseconds: Int64 = 0
        /// Of broken seeds, in rising order.
        public var broken: [Simulation.Result] = []

        mutating func add(_ result: Simulation.Result) {
            seeds += 1
            events += result.events
            scores += result.scores
            outcomes += result.outcomes
            kills += result.kills
            swaps += result.swaps
            shutdowns += result.shutdowns
            removed += result.removed
            refusals += result.refusals
            milliseconds += result.milliseconds
            if !result.failures.isEmpty { broken.append(result) }
        }
    }

    public var seeds: Range<UInt64>
    public var threads: Int
    public var breakage: Breakage?
    /// Ends after so many broken seeds.
    public var maxBroken = 10

    public init(seeds: Range<UInt64>, threads: Int, breakage: Breakage? = nil) {
        self.seeds = seeds
        self.threads = threads
        self.breakage = breakage
    }

    private struct State {
        var next: UInt64
        var totals = Totals()
    }

    /// Blocks until all seeds are through.
    ///
    /// - Parameters:
    ///   - starting: told of a seed before it is run, with the number of the thread: what a crash was doing.
    ///   - finished: told how many are through.
    public func run(
        starting: @escaping @Sendable (_ thread: Int, _ seed: UInt64) -> Void = { _, _ in },
        finished: @escaping @Sendable (Int) -> Void = { _ in }
    ) -> Totals {
        let state = Mutex(State(next: seeds.lowerBound))
        let group = DispatchGroup()
        for number in 0..<threads {
            group.enter()
            let thread = Thread { [self] in
                while let seed = take(state) {
                    starting(number, seed)
                    let result = Simulation(seed: seed, breakage: breakage).run()
                    finished(
                        state.withLock { state in
                            state.totals.add(result)
                            return state.totals.seeds
                        })
                }
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        var totals = state.withLock { $0.totals }
        totals.broken.sort { $0.seed < $1.seed }
        return totals
    }

    private func take(_ state: borrowing Mutex<State>) -> UInt64? {
        state.withLock { state in
            guard state.next < seeds.upperBound, state.totals.broken.count < maxBroken else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }
}
