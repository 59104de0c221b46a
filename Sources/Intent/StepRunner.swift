import CGRU

/// The scratch memory of a step, and a hidden vector for those who have none.
///
/// The step is that of training with one session in the batch: the same kernels, for the widest vectors that the
/// processor has. All of them give the same bits, so a score does not depend on the machine.
struct StepRunner: Sendable {
    let weights: Weights
    private var hidden: ContiguousArray<SIMD8<Float>>
    private let kernels: gru_kernels
    private var shape: gru_shape
    /// What the inputs add, the recurrent row, and the tape that only training reads.
    private var scratch: ContiguousArray<SIMD8<Float>>

    init(_ weights: Weights, kernels: BatchKernels = .fastest) {
        self.weights = weights
        self.kernels = kernels.table
        shape = weights.shape.forKernels
        hidden = ContiguousArray(repeating: SIMD8(repeating: 0), count: weights.shape.blocks)
        let tape = 5 * weights.shape.blocks
        scratch = ContiguousArray(repeating: SIMD8(repeating: 0), count: 2 * weights.shape.row + tape)
    }

    /// Takes one step of the session whose hidden vector is its own, and gives its logit.
    mutating func step(_ input: Encoder.Input) -> Float {
        var own: ContiguousArray<SIMD8<Float>> = []
        swap(&own, &hidden)
        defer { swap(&own, &hidden) }
        return step(input, &own, at: 0)
    }

    /// Takes one step of the session whose hidden vector stands in `vectors` from the block `first` on.
    mutating func step(
        _ input: Encoder.Input, _ vectors: inout ContiguousArray<SIMD8<Float>>, at first: Int
    ) -> Float {
        let row = weights.shape.row
        precondition(first + weights.shape.blocks <= vectors.count, "StepRunner.step: no hidden vector at \(first)")
        var logit: Float = 0
        weights.values.withUnsafeBytes { weights in
            vectors.withUnsafeMutableBytes { vectors in
                scratch.withUnsafeMutableBytes { scratch in
                    withUnsafeBytes(of: input.rows) { rows in
                        withUnsafeBytes(of: input.numbers) { numbers in
                            guard let weights = weights.baseAddress?.assumingMemoryBound(to: Float.self),
                                let vectors = vectors.baseAddress?.assumingMemoryBound(to: Float.self),
                                let sums = scratch.baseAddress?.assumingMemoryBound(to: Float.self),
                                let rows = rows.baseAddress?.assumingMemoryBound(to: UInt16.self),
                                let numbers = numbers.baseAddress?.assumingMemoryBound(to: Float.self)
                            else { preconditionFailure("StepRunner.step: a network without units") }
                            let hidden = vectors + 8 * first
                            kernels.inputs(&shape, weights, rows, numbers, 1, sums)
                            // h' takes the place of h block by block, after all of h has been multiplied.
                            kernels.forward(
                                &shape, weights, sums, hidden, 1, sums + 8 * row, sums + 16 * row, hidden, &logit)
                        }
                    }
                }
            }
        }
        return logit
    }
}
