/// One seed's shop from its opening to the last check.
public struct Simulation: Sendable {
    public let seed: UInt64
    public var breakage: Breakage?

    public struct Result: Sendable, Equatable {
        public var seed: UInt64
        /// Broken promises; empty where all were kept.
        public var failures: [String] = []
        /// Equal in two runs of one seed.
        public var digest: UInt64 = 0
        public var events = 0
        public var acknowledged = 0
        public var scores = 0
        public var outcomes = 0
        public var kills = 0
        public var swaps = 0
        public var shutdowns = 0
        /// Records that retention removed, and readers of removed records that were refused.
        public var removed = 0
        public var refusals = 0
        /// Virtual time.
        public var milliseconds: Int64 = 0
    }

    public init(seed: UInt64, breakage: Breakage? = nil) {
        self.seed = seed
        self.breakage = breakage
    }

    /// Blocks its thread, which must be one of its own and not a task's.
    ///
    /// - Parameter trace: told every line of what happens.
    public func run(trace: ((String) -> Void)? = nil) -> Result {
        let world = World(seed: seed, breakage: breakage, tracing: trace)
        let law = ShopLaw(&world.random)
        let shop = Shop(world, law)
        shop.open()
        world.run(maxJobs: 2_000_000) { shop.isOver }
        if world.failures.isEmpty { Checks(shop).run() }
        var result = Result(seed: seed, failures: world.failures, digest: world.digest)
        result.acknowledged = shop.ledger.acknowledged
        result.events = shop.disk.partitions.reduce(0) { $0 + $1.records.count }
        result.scores = shop.disk.partitions.reduce(0) { $0 + $1.scores.count }
        result.outcomes = shop.disk.partitions.reduce(0) { $0 + $1.outcomes.count }
        result.kills = shop.kills
        result.shutdowns = shop.shutdowns
        result.removed = shop.disk.partitions.reduce(0) { $0 + $1.removed }
        result.refusals = shop.refusals
        result.swaps = max(0, shop.champions.count - 1)
        result.milliseconds = world.now
        shop.end()
        world.drain(maxJobs: 100_000)
        return result
    }
}
