import CGRU

/// Back-propagation through time (Werbos 1990) over buckets: some sessions of like length, the longest first, one time
/// step of all of them after another. Adds to a gradient; keeps its memory between buckets.
///
/// The forward half gives the bits of the single step, so what is trained is what scores.
package final class Backpropagation {
    private typealias Block = SIMD8<Float>

    private let shape: Weights.Shape
    private var kernelShape: gru_shape
    private let kernels: gru_kernels
    private let gradientMemory: Memory<SIMD8<Float>>

    // By event, as the kernels want them: by time step, then by place in the bucket.
    private var rows = Memory<SIMD8<UInt16>>(SIMD8(repeating: 0))
    private var numbers = Memory<SIMD8<Float>>(SIMD8(repeating: 0))
    /// What the inputs add to the gates; on the way back, dL/d of the same.
    private var sums = Memory<Float>(0)
    private var recurrentErrors = Memory<Float>(0)
    private var tape = Memory<Float>(0)
    private var hidden = Memory<Float>(0)
    private var logits = Memory<Float>(0)
    private var errors = Memory<Float>(0)
    private var hiddenErrors = Memory<Float>(0)
    private var scratch = Memory<Float>(0)
    /// By time step: how many sessions have one, and where the first of them stands; at the end, how many events.
    private var active: [Int] = []
    private var offsets: [Int] = [0]

    package init(_ shape: Weights.Shape, kernels: BatchKernels = .fastest) {
        self.shape = shape
        self.kernels = kernels.table
        kernelShape = shape.forKernels
        gradientMemory = Memory(Block(repeating: 0), count: shape.count)
    }

    /// The sum of what was added since it was cleared.
    package var gradient: [SIMD8<Float>] { Array(UnsafeBufferPointer(start: gradientBlocks, count: shape.count)) }
    /// The same, to be summed and cleared; valid as long as `self` is.
    var gradientBlocks: UnsafeMutablePointer<SIMD8<Float>> { gradientMemory.start }

    package func clear() { gradientMemory.clear() }

    /// Adds the gradient of the sessions' losses over their steps, times `weight`.
    ///
    /// All steps weigh the same. Sessions must not: 1 / their length depends on what comes after a prefix, and since those
    /// who buy stay longer, it would teach that short prefixes buy more seldom than they do.
    ///
    /// A step aims at what came of its session only in part: TD(λ), a mixture of the outcome and of what the network
    /// itself says after the steps that follow (Sutton 1988, "Learning to Predict by the Methods of Temporal
    /// Differences", eq. 4; the λ-return of Sutton, Barto 2018, eq. 12.2). One in a hundred sessions buys, so outcomes
    /// are nearly all noise; that a step's probability is the mean of its successors' is not.
    ///
    /// - Parameters:
    ///   - bucket: places in `sessions`, the longest first.
    ///   - lambda: 1 aims at outcomes alone, 0 at the next step's probability alone.
    /// - Returns: the sum of the log-losses, times `weight`; NaN where a logit is no finite number.
    package func add(
        _ sessions: EncodedSessions, _ bucket: ArraySlice<Int32>, weight: Float, lambda: Float,
        network: borrowing Network
    ) -> Double {
        forward(sessions, bucket, network)
        let loss = judge(sessions, bucket)
        for (place, session) in bucket.enumerated() {
            var target: Float = sessions.purchased[Int(session)] ? 1 : 0
            for step in (0..<sessions.length(session)).reversed() {
                let event = offsets[step] + place
                let probability = logits.start[event]
                errors.start[event] = (probability - target) * weight
                target = lambda * target + (1 - lambda) * probability
            }
        }
        backward(bucket.count, network)
        return loss * Double(weight)
    }

    /// The sum of the sessions' log-losses over their steps; NaN where a logit is no finite number.
    package func loss(_ sessions: EncodedSessions, _ bucket: ArraySlice<Int32>, network: borrowing Network) -> Double {
        forward(sessions, bucket, network)
        return judge(sessions, bucket)
    }

    /// The logits after every step of each session.
    package func logits(
        _ sessions: EncodedSessions, _ bucket: ArraySlice<Int32>, network: borrowing Network
    ) -> [[Float]] {
        forward(sessions, bucket, network)
        return bucket.enumerated().map { place, session in
            (0..<sessions.length(session)).map { logits.start[offsets[$0] + place] }
        }
    }

    /// Lays a bucket's events out, and finds memory for them.
    private func pack(_ sessions: EncodedSessions, _ bucket: ArraySlice<Int32>) {
        active.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        var count = 0
        var alive = bucket.count
        for step in 0..<sessions.length(bucket[bucket.startIndex]) {
            while sessions.length(bucket[bucket.startIndex + alive - 1]) <= step { alive -= 1 }
            active.append(alive)
            offsets.append(count)
            count += alive
        }
        offsets.append(count)

        let floats = 8 * shape.blocks
        rows.reserve(count)
        numbers.reserve(count)
        sums.reserve(3 * floats * count)
        tape.reserve(5 * floats * count)
        hidden.reserve(floats * count)
        logits.reserve(count + 8)
        scratch.reserve(3 * floats * max(8, bucket.count))
        for (place, session) in bucket.enumerated() {
            let first = sessions.start(session)
            for step in 0..<sessions.length(session) {
                let event = offsets[step] + place
                rows.start[event] = sessions.rows[first + step]
                numbers.start[event] = sessions.numbers[first + step]
            }
        }
    }

    private func forward(_ sessions: EncodedSessions, _ bucket: ArraySlice<Int32>, _ network: borrowing Network) {
        pack(sessions, bucket)
        let floats = 8 * shape.blocks
        let weights = network.weights
        kernels.inputs(
            &kernelShape, weights, rows.numbers(UInt16.self), numbers.numbers(Float.self), offsets[active.count],
            sums.start)
        for step in active.indices {
            let event = offsets[step]
            let before = step == 0 ? nil : hidden.start + offsets[step - 1] * floats
            kernels.forward(
                &kernelShape, weights, sums.start + 3 * floats * event, before, active[step], scratch.start,
                tape.start + 5 * floats * event, hidden.start + floats * event, logits.start + event)
        }
    }

    private func backward(_ sessions: Int, _ network: borrowing Network) {
        let floats = 8 * shape.blocks
        let count = offsets[active.count]
        recurrentErrors.reserve(3 * floats * count)
        hiddenErrors.reserve(floats * sessions)
        hiddenErrors.start.update(repeating: 0, count: floats * sessions)
        for step in active.indices.reversed() {
            let event = offsets[step]
            kernels.backward(
                &kernelShape, network.weights, network.transposed, tape.start + 5 * floats * event,
                errors.start + event, active[step], step == 0 ? 1 : 0, hiddenErrors.start,
                sums.start + 3 * floats * event, recurrentErrors.start + 3 * floats * event)
        }
        kernels.gradient(
            &kernelShape, rows.numbers(UInt16.self), numbers.numbers(Float.self), tape.start, hidden.start,
            errors.start,
            sums.start, recurrentErrors.start, count, active[0], scratch.start, gradientMemory.numbers(Float.self))
    }

    /// Turns logits into probabilities and gives the sum of the sessions' losses.
    private func judge(_ sessions: EncodedSessions, _ bucket: ArraySlice<Int32>) -> Double {
        let count = offsets[active.count]
        errors.reserve(count)
        for event in count..<(count + 7) { logits.start[event] = 0 }
        // 0 · ∞ is no number, and neither is what it is added to.
        var zeros = Block(repeating: 0)
        for event in stride(from: 0, to: count, by: 8) {
            var block = Block(repeating: 0)
            for lane in 0..<8 { block[lane] = logits.start[event + lane] }
            zeros += block * 0
            block = PortableMath.sigmoid(block)
            for lane in 0..<8 { logits.start[event + lane] = block[lane] }
        }
        guard zeros.sum() == 0 else { return .nan }
        var loss = 0.0
        for (place, session) in bucket.enumerated() {
            let purchased = sessions.purchased[Int(session)]
            // One logarithm for several steps: eight factors of at least 1e-38 stay above the smallest number.
            var product = 1.0
            for step in 0..<sessions.length(session) {
                let probability = Double(logits.start[offsets[step] + place])
                product *= max(purchased ? probability : 1 - probability, 1e-38)
                if step & 7 == 7 {
                    loss -= PortableMath.log(product)
                    product = 1
                }
            }
            loss -= PortableMath.log(product)
        }
        return loss
    }
}
