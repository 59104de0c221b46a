import Events
import Intent
import Testing

struct FittingTests {
    private static let encoder = Encoder(
        pages: [1, 2, 3], products: [666: Encoder.Product(popularity: .nan, conversion: 0, adding: 0)])

    private static func sessions(_ count: Int, seed: UInt64) -> [TrainingSession] {
        var random = RandomSource(seed: seed)
        return Examples.random(count: count, &random)
    }

    private static func fit(
        _ training: [TrainingSession], _ validation: [TrainingSession], threads: Int = 2,
        kernels: BatchKernels = .fastest, options: TrainingOptions = Examples.small,
        progress: (TrainingProgress) -> Bool = { _ in true }
    ) throws -> (weights: Weights, ending: TrainingEnding) {
        try Fitting(
            EncodedSessions(training, encoder: encoder), validation: EncodedSessions(validation, encoder: encoder),
            options: options, threads: threads, kernels: kernels
        ).run(baseRate: 0.3, progress: progress)
    }

    /// Neither the number of threads nor the width of the machine's vectors decides what is learnt.
    @Test(arguments: [1, 2] as [UInt64])
    func threadsAndKernelsChangeNoBit(seed: UInt64) throws {
        let training = Self.sessions(700, seed: seed)
        let validation = Self.sessions(60, seed: seed + 100)
        let expected = try Self.fit(training, validation, threads: 1).weights
        for threads in [2, 3, 8, 50] {
            #expect(
                try Self.fit(training, validation, threads: threads).weights == expected, "\(threads), seed \(seed)")
        }
        for kernels in BatchKernels.allCases {
            #expect(try Self.fit(training, validation, kernels: kernels).weights == expected, "seed \(seed)")
        }
    }

    @Test func aBatchMayBeOfAnySize() throws {
        for batch in [1, 5, 16, 17, 1_000] {
            var options = Examples.small
            options.batch = batch
            options.epochs = 1
            var events = 0
            _ = try Self.fit(Self.sessions(70, seed: 9), Self.sessions(20, seed: 8), options: options) {
                events = $0.events
                #expect($0.loss.isFinite && $0.loss > 0)
                return true
            }
            #expect(events == Self.sessions(70, seed: 9).reduce(0) { $0 + $1.steps.count })
        }
    }

    @Test func aLossThatIsNoNumberKeepsTheWeightsFromBefore() throws {
        let poisoned = Self.sessions(600, seed: 4) + [Examples.session([.detail], purchased: false, sku: 666)]
        var batches = 0
        let (weights, ending) = try Self.fit(poisoned, Self.sessions(60, seed: 5)) { _ in
            batches += 1
            return true
        }
        #expect(ending == .diverged(epoch: 1, batch: batches + 1))
        #expect(weights.values.allSatisfy { ($0 * 0).sum() == 0 })
    }

    @Test func aLossThatWasNeverANumberIsAnError() {
        let poisoned = [Examples.session([.detail], purchased: false, sku: 666)]
        #expect(throws: TrainingError.diverged(epoch: 1, batch: 1)) { try Self.fit(poisoned, poisoned) }
    }

    @Test func endingEarlyKeepsTheBestSoFar() throws {
        var stopAt = 2
        let training = Self.sessions(600, seed: 6)
        let validation = Self.sessions(60, seed: 7)
        let (kept, ending) = try Self.fit(training, validation) { $0.epoch < stopAt }
        #expect(ending == .stopped(epoch: 2, batch: 1))
        // One epoch more of the same run, ended at once, is the same first epoch.
        stopAt = 3
        var best: [Double] = []
        let (later, _) = try Self.fit(training, validation) {
            if let loss = $0.validationLoss, best.last != loss { best.append(loss) }
            return $0.epoch < stopAt
        }
        #expect(best.count == 2 && (best[1] < best[0]) == (later != kept))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func bucketsHoldEverySessionOnceTheLongestFirst(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let encoded = EncodedSessions(
            Self.sessions(500, seed: seed) + [
                Examples.session(Array(repeating: .pageview, count: 2_000), purchased: false)
            ], encoder: Self.encoder)
        let order = Array(0..<Int32(encoded.count)).shuffled(using: &random)
        let buckets = Buckets(encoded, order: order, size: 16)
        #expect(buckets.order.sorted() == order.sorted())
        var next = 0
        var previous = Int.max
        for (bucket, range) in buckets.ranges.enumerated() {
            #expect(range.lowerBound == next && (1...16).contains(range.count))
            next = range.upperBound
            let lengths = buckets[bucket].map { encoded.length($0) }
            #expect(lengths.reduce(0, +) == buckets.events[bucket])
            for length in lengths {
                #expect(length <= previous)
                previous = length
            }
        }
        #expect(next == order.count)
        let dealt = buckets.dealt(buckets.ranges.indices.map { $0 }[...], shards: 8)
        #expect(dealt.flatMap { $0 }.sorted() == Array(buckets.ranges.indices), "seed \(seed)")
    }
}
