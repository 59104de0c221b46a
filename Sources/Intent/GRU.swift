/// The single step of the recurrent network: what everything that scores uses. Training takes many sessions at once
/// (`BatchKernels`), with the same sums in the same order, so it sees the same bits.
///
/// Pointers, because bounds are checked once per step by the shapes and the inner loops are all there is to the cost.
enum GRU {
    typealias Block = SIMD8<Float>

    /// h' from h. `hidden` is read and replaced; `scratch` holds two rows.
    @inline(__always)
    static func forward(
        _ weights: UnsafePointer<Block>, _ shape: Weights.Shape, _ input: Encoder.Input,
        hidden: UnsafeMutablePointer<Block>, scratch: UnsafeMutablePointer<Block>
    ) {
        let blocks = shape.blocks
        let row = shape.row
        let fromInput = scratch
        let fromHidden = scratch + row
        let bias = weights + shape.bias
        for index in 0..<row {
            fromInput[index] = bias[index]
            fromHidden[index] = Block(repeating: 0)
        }
        let recurrentBias = weights + shape.recurrentBias
        for index in 0..<blocks { fromHidden[2 * blocks + index] = recurrentBias[index] }
        for place in 0..<Encoder.oneHots {
            let line = weights + Int(input.rows[place]) * row
            for index in 0..<row { fromInput[index] += line[index] }
        }
        for place in 0..<Encoder.numbers {
            let number = Block(repeating: input.numbers[place])
            let line = weights + (Int(Encoder.numberRow) + place) * row
            for index in 0..<row { fromInput[index] += number * line[index] }
        }
        var line = weights + shape.recurrent
        for block in 0..<blocks {
            let values = hidden[block]
            // Four rows at a time: the accumulators are loaded and stored a quarter as often.
            for lane in stride(from: 0, to: 8, by: 4) {
                let a = Block(repeating: values[lane])
                let b = Block(repeating: values[lane + 1])
                let c = Block(repeating: values[lane + 2])
                let d = Block(repeating: values[lane + 3])
                let lineB = line + row
                let lineC = lineB + row
                let lineD = lineC + row
                for index in 0..<row {
                    fromHidden[index] +=
                        (a * line[index] + b * lineB[index]) + (c * lineC[index] + d * lineD[index])
                }
                line = lineD + row
            }
        }
        for index in 0..<blocks {
            let r = PortableMath.sigmoid(fromInput[index] + fromHidden[index])
            let z = PortableMath.sigmoid(fromInput[blocks + index] + fromHidden[blocks + index])
            let u = fromHidden[2 * blocks + index]
            let n = PortableMath.tanh(fromInput[2 * blocks + index] + r * u)
            let before = hidden[index]
            let after = n + z * (before - n)
            hidden[index] = after
        }
    }

    /// The head's logit of a hidden vector.
    @inline(__always)
    static func logit(
        _ weights: UnsafePointer<Block>, _ shape: Weights.Shape, hidden: UnsafePointer<Block>
    ) -> Float {
        var sum = Block(repeating: 0)
        let head = weights + shape.head
        for index in 0..<shape.blocks { sum += hidden[index] * head[index] }
        return total(sum) + weights[shape.headBias][0]
    }

    /// The sum of a block's places, always in this order.
    @inline(__always)
    static func total(_ block: Block) -> Float {
        ((block[0] + block[4]) + (block[2] + block[6])) + ((block[1] + block[5]) + (block[3] + block[7]))
    }
}
