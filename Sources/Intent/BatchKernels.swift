import CGRU

/// The inner loops of training, over many sessions at once: one time step of all of them is a product of matrices.
///
/// Every choice gives the same bits: the sums run in the same order, nothing is contracted, and the elementary functions
/// are `PortableMath`'s. The forward step gives those of the single step that scores.
package enum BatchKernels: Sendable, CaseIterable {
    /// The C file, for the widest vectors that the processor has.
    case fastest
    /// The C file, for any processor of the kind.
    case plain
    /// The same loops in Swift, which has no more than `plain` either.
    case swift

    var table: gru_kernels {
        switch self {
        case .fastest: gru_kernels_fastest()
        case .plain: gru_kernels_plain()
        case .swift:
            gru_kernels(
                inputs: SwiftKernels.inputs, forward: SwiftKernels.forward, backward: SwiftKernels.backward,
                gradient: SwiftKernels.gradient)
        }
    }
}

extension Weights.Shape {
    var forKernels: gru_shape {
        precondition(Encoder.numbers < 8 && Encoder.oneHots <= 8, "BatchKernels: the eighth number is the bias's")
        return gru_shape(
            blocks: blocks, one_hots: Encoder.oneHots, numbers: Encoder.numbers, number_row: Int(Encoder.numberRow),
            recurrent: 8 * recurrent, bias: 8 * bias, recurrent_bias: 8 * recurrentBias, head: 8 * head,
            head_bias: 8 * headBias)
    }
}

/// Events stand by time step, then by session; floats in rows of whole blocks of eight.
private enum SwiftKernels {
    typealias Block = SIMD8<Float>
    typealias Blocks = UnsafePointer<Block>
    typealias MutableBlocks = UnsafeMutablePointer<Block>
    static let tape = 5

    /// Blocks where C has floats: Swift's arrays of blocks are where they come from.
    private static func blocks(_ floats: UnsafePointer<Float>) -> Blocks {
        UnsafeRawPointer(floats).assumingMemoryBound(to: Block.self)
    }
    private static func blocks(_ floats: UnsafeMutablePointer<Float>) -> MutableBlocks {
        UnsafeMutableRawPointer(floats).assumingMemoryBound(to: Block.self)
    }

    /// What the inputs add to the three gates: bias, the rows that are on, the rows that carry numbers.
    static let inputs:
        @convention(c) (
            UnsafePointer<gru_shape>, UnsafePointer<Float>, UnsafePointer<UInt16>, UnsafePointer<Float>, Int,
            UnsafeMutablePointer<Float>
        ) -> Void = { shape, weights, rows, numbers, count, sums in
            let shape = shape.pointee
            let row = 3 * shape.blocks
            let matrix = blocks(weights)
            let bias = blocks(weights + shape.bias)
            let numberLines = matrix + shape.number_row * row
            for event in 0..<count {
                let sum = blocks(sums) + event * row
                for index in 0..<row { sum[index] = bias[index] }
                for place in 0..<shape.one_hots {
                    let line = matrix + Int(rows[event * 8 + place]) * row
                    for index in 0..<row { sum[index] += line[index] }
                }
                for place in 0..<shape.numbers {
                    let line = numberLines + place * row
                    let number = Block(repeating: numbers[event * 8 + place])
                    for index in 0..<row { sum[index] += number * line[index] }
                }
            }
        }

    /// One time step: h' of `count` sessions, their logits, and on the tape what the way back needs: r, z, n, Un·h + cn
    /// and h. `before` is nil at the first step.
    static let forward:
        @convention(c) (
            UnsafePointer<gru_shape>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>?, Int,
            UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>,
            UnsafeMutablePointer<Float>
        ) -> Void = { shape, weights, sums, before, count, scratch, tapes, after, logits in
            let shape = shape.pointee
            let size = shape.blocks
            let row = 3 * size
            let newBias = blocks(weights + shape.recurrent_bias)
            let head = blocks(weights + shape.head)
            let hidden = blocks(scratch)
            for session in 0..<count {
                let line = hidden + session * row
                for index in 0..<(2 * size) { line[index] = Block(repeating: 0) }
                for index in 0..<size { line[2 * size + index] = newBias[index] }
            }
            if let before { addProduct(before, count, 8 * size, blocks(weights + shape.recurrent), hidden, row) }
            for session in 0..<count {
                let x = blocks(sums) + session * row
                let y = hidden + session * row
                let tape = blocks(tapes) + session * Self.tape * size
                let next = blocks(after) + session * size
                var sum = Block(repeating: 0)
                for index in 0..<size {
                    let r = PortableMath.sigmoid(x[index] + y[index])
                    let z = PortableMath.sigmoid(x[size + index] + y[size + index])
                    let u = y[2 * size + index]
                    let n = PortableMath.tanh(x[2 * size + index] + r * u)
                    let h = before.map { blocks($0)[session * size + index] } ?? Block(repeating: 0)
                    let result = n + z * (h - n)
                    tape[index] = r
                    tape[size + index] = z
                    tape[2 * size + index] = n
                    tape[3 * size + index] = u
                    tape[4 * size + index] = h
                    next[index] = result
                    sum += result * head[index]
                }
                logits[session] = GRU.total(sum) + weights[shape.head_bias]
            }
        }

    /// One time step back: the errors of what the gates summed, and `hidden_error` from dL/dh' to dL/dh.
    static let backward:
        @convention(c) (
            UnsafePointer<gru_shape>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>,
            UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>,
            UnsafeMutablePointer<Float>
        ) -> Void = {
            shape, weights, transposed, tapes, errors, count, isFirst, hiddenError, inputError, recurrentError in
            let shape = shape.pointee
            let size = shape.blocks
            let row = 3 * size
            let head = blocks(weights + shape.head)
            for session in 0..<count {
                let tape = blocks(tapes) + session * Self.tape * size
                let carried = blocks(hiddenError) + session * size
                let x = blocks(inputError) + session * row
                let y = blocks(recurrentError) + session * row
                let error = Block(repeating: errors[session])
                for index in 0..<size {
                    let r = tape[index]
                    let z = tape[size + index]
                    let n = tape[2 * size + index]
                    let u = tape[3 * size + index]
                    let h = tape[4 * size + index]
                    let next = carried[index] + error * head[index]
                    let dn = next * (1 - z) * (1 - n * n)
                    let dz = next * (h - n) * z * (1 - z)
                    let dr = dn * u * r * (1 - r)
                    x[index] = dr
                    y[index] = dr
                    x[size + index] = dz
                    y[size + index] = dz
                    x[2 * size + index] = dn
                    y[2 * size + index] = dn * r
                    carried[index] = next * z
                }
            }
            guard isFirst == 0 else { return }
            addProduct(recurrentError, count, 8 * row, blocks(transposed), blocks(hiddenError), size)
        }

    /// Adds the gradient of all events. The eighth number of every input is 1: its line is the bias's.
    static let gradient:
        @convention(c) (
            UnsafePointer<gru_shape>, UnsafePointer<UInt16>, UnsafePointer<Float>, UnsafePointer<Float>,
            UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, Int, Int,
            UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>
        ) -> Void = {
            shape, rows, numbers, tapes, after, errors, inputError, recurrentError, count, firstCount, scratch,
            gradient in
            let shape = shape.pointee
            let size = shape.blocks
            let row = 3 * size
            let x = blocks(inputError)
            let y = blocks(recurrentError)
            let matrix = blocks(gradient)
            for event in 0..<count {
                for place in 0..<shape.one_hots {
                    let line = matrix + Int(rows[event * 8 + place]) * row
                    for index in 0..<row { line[index] += x[event * row + index] }
                }
            }
            let lines = blocks(scratch)
            for index in 0..<(8 * row) { lines[index] = Block(repeating: 0) }
            addOuter(numbers, 8, 8, x, row, count, lines)
            for index in 0..<(shape.numbers * row) { matrix[shape.number_row * row + index] += lines[index] }
            let bias = blocks(gradient + shape.bias)
            for index in 0..<row { bias[index] += lines[7 * row + index] }
            // Before the first step there is nothing to recur to.
            addOuter(
                tapes + (firstCount * Self.tape + 4) * 8 * size, Self.tape * 8 * size, 8 * size, y + firstCount * row,
                row, count - firstCount, blocks(gradient + shape.recurrent))
            let newBias = blocks(gradient + shape.recurrent_bias)
            let head = blocks(gradient + shape.head)
            for index in 0..<size {
                for event in 0..<count {
                    newBias[index] += y[event * row + 2 * size + index]
                    head[index] += errors[event] * blocks(after)[event * size + index]
                }
            }
            for event in 0..<count { gradient[shape.head_bias] += errors[event] }
        }

    /// Rows of `left`, of `depth` floats, times `right`, added to `sums`: four rows of `right` at a time, as the single
    /// step does.
    private static func addProduct(
        _ left: UnsafePointer<Float>, _ count: Int, _ depth: Int, _ right: Blocks, _ sums: MutableBlocks, _ stride: Int
    ) {
        for line in 0..<count {
            let values = left + line * depth
            let sum = sums + line * stride
            for k in Swift.stride(from: 0, to: depth, by: 4) {
                let a = Block(repeating: values[k])
                let b = Block(repeating: values[k + 1])
                let c = Block(repeating: values[k + 2])
                let d = Block(repeating: values[k + 3])
                let rows = right + k * stride
                for index in 0..<stride {
                    sum[index] +=
                        (a * rows[index] + b * rows[stride + index])
                        + (c * rows[2 * stride + index] + d * rows[3 * stride + index])
                }
            }
        }
    }

    /// The sum over events of a column of `left` times a row of `right`, event by event: four columns in
    /// registers.
    private static func addOuter(
        _ left: UnsafePointer<Float>, _ leftStride: Int, _ columns: Int, _ right: Blocks, _ stride: Int, _ count: Int,
        _ sums: MutableBlocks
    ) {
        for index in 0..<stride {
            for column in Swift.stride(from: 0, to: columns, by: 4) {
                let sum = sums + column * stride + index
                var (a, b, c, d) = (sum[0], sum[stride], sum[2 * stride], sum[3 * stride])
                for event in 0..<count {
                    let values = left + event * leftStride + column
                    let line = right[event * stride + index]
                    a += values[0] * line
                    b += values[1] * line
                    c += values[2] * line
                    d += values[3] * line
                }
                (sum[0], sum[stride], sum[2 * stride], sum[3 * stride]) = (a, b, c, d)
            }
        }
    }
}
