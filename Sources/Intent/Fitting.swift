/// How training came to its end.
public enum TrainingEnding: Sendable, Equatable {
    /// After all epochs, or when the validation loss got no better.
    case finished
    /// Whoever watched ended it.
    case stopped(epoch: Int, batch: Int)
    /// The loss was no number; the weights are the best from before.
    case diverged(epoch: Int, batch: Int)
}

/// Moves weights until the validation loss gets no better.
///
/// A batch is cut into shards whose gradients are summed in a fixed order, so the result does not depend on the number of
/// threads; nor, since every kernel gives the same bits, on the processor.
package struct Fitting {
    private static let bucketSize = 16
    /// Also the most threads that are of use.
    private static let shards = 8

    private let examples: EncodedSessions
    private let validation: EncodedSessions
    private let options: TrainingOptions
    private let threads: Int
    private let kernels: BatchKernels
    private let validationBuckets: Buckets

    package init(
        _ examples: EncodedSessions, validation: EncodedSessions, options: TrainingOptions, threads: Int,
        kernels: BatchKernels = .fastest
    ) {
        self.examples = examples
        self.validation = validation
        self.options = options
        self.threads = threads
        self.kernels = kernels
        validationBuckets = Buckets(validation, order: Array(0..<Int32(validation.count)), size: Self.bucketSize)
    }

    /// - Throws: `.diverged` where there are no good weights yet.
    package func run(
        baseRate: Double, progress: (TrainingProgress) -> Bool
    ) throws(TrainingError) -> (weights: Weights, ending: TrainingEnding) {
        var random = RandomSource(seed: options.seed)
        let fresh = Weights(
            shape: Weights.Shape(hiddenSize: options.hiddenSize), baseRate: baseRate, random: &random)
        let network = Network(fresh)
        let bucketSize = min(Self.bucketSize, options.batch)
        let bucketsPerBatch = max(1, options.batch / bucketSize)
        var order = Array(0..<Int32(examples.count))
        var buckets = Buckets(examples, order: order, size: bucketSize)
        let batches = (buckets.ranges.count + bucketsPerBatch - 1) / bucketsPerBatch
        var adam = Adam(fresh, options: options, totalSteps: batches * options.epochs)
        // A constant divisor: a mean over the batch's own events would weigh long sessions down.
        let eventsPerBatch = Double(options.batch) * Double(examples.events) / Double(examples.count)
        let passes = (0..<Self.shards).map { _ in Backpropagation(fresh.shape, kernels: kernels) }
        let gradients = passes.map { $0.gradientBlocks }
        var losses = Array(repeating: 0.0, count: Self.shards)
        var best = (weights: fresh, loss: Double.infinity, epoch: 0)
        var lastValidationLoss: Double?

        /// The best weights so far; before the first validation, what there is.
        func ended(_ ending: TrainingEnding) -> (Weights, TrainingEnding) {
            (best.loss.isFinite ? best.weights : adam.averaged, ending)
        }
        for epoch in 1...options.epochs {
            order.shuffle(using: &random)
            buckets = Buckets(examples, order: order, size: bucketSize)
            let turns = buckets.ranges.indices.shuffled(using: &random)
            var told = TrainingProgress(
                epoch: epoch, epochs: options.epochs, events: 0, totalEvents: examples.events, loss: 0,
                validationLoss: lastValidationLoss)
            var loss = 0.0
            for batch in 0..<batches {
                let members = turns[(batch * bucketsPerBatch)..<min((batch + 1) * bucketsPerBatch, turns.count)]
                let dealt = buckets.dealt(members, shards: Self.shards)
                losses.withUnsafeMutableBufferPointer { losses in
                    Parallel.perform(Self.shards, threads: threads) { shard, _ in
                        losses[shard] = 0
                        for bucket in dealt[shard] {
                            losses[shard] += passes[shard].add(
                                examples, buckets[bucket], weight: Float(1 / eventsPerBatch), lambda: options.lambda,
                                network: network)
                        }
                    }
                }
                let batchLoss = losses.reduce(0, +)
                guard batchLoss.isFinite, adam.update(network, shards: gradients) else {
                    let (epoch, batch) = (epoch, batch + 1)
                    guard best.loss.isFinite || self.loss(adam.averaged, passes).isFinite else {
                        throw .diverged(epoch: epoch, batch: batch)
                    }
                    return ended(.diverged(epoch: epoch, batch: batch))
                }
                loss += batchLoss * eventsPerBatch
                for bucket in members { told.events += buckets.events[bucket] }
                told.loss = loss / Double(told.events)
                guard progress(told) else { return ended(.stopped(epoch: epoch, batch: batch + 1)) }
            }
            let validationLoss = self.loss(adam.averaged, passes)
            guard validationLoss.isFinite else {
                guard best.loss.isFinite else { throw .diverged(epoch: epoch, batch: batches) }
                return ended(.diverged(epoch: epoch, batch: batches))
            }
            lastValidationLoss = validationLoss
            if validationLoss < best.loss { best = (adam.averaged, validationLoss, epoch) }
            if epoch - best.epoch >= options.patience { break }
        }
        return ended(.finished)
    }

    /// On the validation span: the mean over all prefixes.
    private func loss(_ weights: Weights, _ passes: [Backpropagation]) -> Double {
        let network = Network(weights)
        var losses = Array(repeating: 0.0, count: validationBuckets.ranges.count)
        losses.withUnsafeMutableBufferPointer { losses in
            Parallel.perform(losses.count, threads: min(threads, passes.count)) { bucket, thread in
                losses[bucket] = passes[thread].loss(validation, validationBuckets[bucket], network: network)
            }
        }
        return losses.reduce(0, +) / Double(max(1, validation.events))
    }
}
