/// What is done to which process at which time: a function of the seed and the size of the fleet alone.
public struct ChaosPlan: Sendable, Equatable {
    /// A process by its role and number, from 0.
    public enum Target: Sendable, Hashable, CustomStringConvertible {
        case collector(Int)
        case scorer(Int)

        public var description: String {
            switch self {
            case .collector(let number): "collector \(number)"
            case .scorer(let number): "scorer \(number)"
            }
        }
    }

    public enum Deed: Sendable, Equatable {
        /// kill -9, and started again after so long.
        case kill(downFor: Duration)
        /// SIGSTOP, and SIGCONT after so long.
        case pause(Duration)
        /// SIGTERM, waited for, and started again after so long: partitions move in order.
        case leave(downFor: Duration)
    }

    public struct Step: Sendable, Equatable {
        /// Since the load began.
        public var at: Duration
        public var target: Target
        public var deed: Deed

        /// When the target is left alone again.
        public var ends: Duration {
            switch deed {
            case .kill(let duration), .pause(let duration), .leave(let duration): at + duration
            }
        }
    }

    /// In the order of their times; no target has two at a time.
    public var steps: [Step]

    /// - Parameters:
    ///   - length: how long there is load; the last deed ends before it.
    ///   - sessionTimeout: of the scorers' group. Some scorers are paused past it.
    public init(seed: UInt64, length: Duration, collectors: Int, scorers: Int, sessionTimeout: Duration) {
        precondition(collectors > 0 && scorers > 0, "ChaosPlan.init: no processes")
        var random = SeededRandom(seed)
        let targets = (0..<collectors).map(Target.collector) + (0..<scorers).map(Target.scorer)
        var busyUntil: [Target: Duration] = [:]
        var time = Duration.seconds(3)
        steps = []
        while time < length {
            let free = targets.filter { busyUntil[$0] ?? .zero <= time }
            if let target = free.randomElement(using: &random) {
                let step = Step(at: time, target: target, deed: Self.deed(target, sessionTimeout, &random))
                if step.ends <= length {
                    steps.append(step)
                    // A moment in which it works, so that there is something to lose.
                    busyUntil[target] = step.ends + .seconds(2)
                }
            }
            time += .milliseconds(Int.random(in: 1_000...6_000, using: &random))
        }
    }

    private static func deed(
        _ target: Target, _ sessionTimeout: Duration, _ random: inout SeededRandom
    ) -> Deed {
        let down = Duration.milliseconds(Int.random(in: 0...3_000, using: &random))
        let kind = Int.random(in: 0..<10, using: &random)
        switch (target, kind) {
        case (_, 0..<5): return .kill(downFor: down)
        case (.scorer, 5..<8):
            // Past the session's timeout: the group goes on without it, and it wakes up replaced.
            return .pause(sessionTimeout + .milliseconds(Int.random(in: 1_500...6_000, using: &random)))
        case (.collector, 5..<8): return .pause(.milliseconds(Int.random(in: 500...8_000, using: &random)))
        default: return .leave(downFor: down)
        }
    }
}
