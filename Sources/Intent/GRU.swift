/// One step of the recurrent network, forward and backward. Training and everything that scores share the forward step:
/// there is one, so nothing can differ.
///
/// Pointers, because bounds are checked once per step by the shapes and the inner loops are all there is to the cost.
enum GRU {
    typealias Block = SIMD8<Float>

    /// What the backward step needs of the forward one, `6 · blocks` blocks: r, z, n, Un·h + cn, h (before), h' (after).
    struct Tape {
        static func blocks(_ shape: Weights.Shape) -> Int { 6 * shape.blocks }
    }

    /// h' from h. `hidden` is read and replaced; `scratch` holds two rows.
    @inline(__always)
    static func forward(
        _ weights: UnsafePointer<Block>, _ shape: Weights.Shape, _ input: Encoder.Input,
        hidden: UnsafeMutablePointer<Block>, scratch: UnsafeMutablePointer<Block>, tape: UnsafeMutablePointer<Block>?
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
            if let tape {
                tape[index] = r
                tape[blocks + index] = z
                tape[2 * blocks + index] = n
                tape[3 * blocks + index] = u
                tape[4 * blocks + index] = before
                tape[5 * blocks + index] = after
            }
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

    /// Adds one step's part to the gradient.
    ///
    /// - Parameters:
    ///   - error: dL/dlogit of this step.
    ///   - hiddenError: dL/dh' of what comes after; replaced by dL/dh.
    ///   - scratch: two rows.
    @inline(__always)
    static func backward(
        _ weights: UnsafePointer<Block>, _ shape: Weights.Shape, _ input: Encoder.Input, error: Float,
        tape: UnsafePointer<Block>, hiddenError: UnsafeMutablePointer<Block>, scratch: UnsafeMutablePointer<Block>,
        gradient: UnsafeMutablePointer<Block>
    ) {
        let blocks = shape.blocks
        let row = shape.row
        let inputError = scratch
        let recurrentError = scratch + row
        let head = weights + shape.head
        let headGradient = gradient + shape.head
        let spread = Block(repeating: error)
        gradient[shape.headBias][0] += error
        for index in 0..<blocks {
            let r = tape[index]
            let z = tape[blocks + index]
            let n = tape[2 * blocks + index]
            let u = tape[3 * blocks + index]
            let before = tape[4 * blocks + index]
            headGradient[index] += spread * tape[5 * blocks + index]
            let dAfter = hiddenError[index] + spread * head[index]
            let dn = dAfter * (1 - z) * (1 - n * n)
            let dz = dAfter * (before - n) * z * (1 - z)
            let dr = dn * u * r * (1 - r)
            inputError[index] = dr
            inputError[blocks + index] = dz
            inputError[2 * blocks + index] = dn
            recurrentError[index] = dr
            recurrentError[blocks + index] = dz
            recurrentError[2 * blocks + index] = dn * r
            hiddenError[index] = dAfter * z
        }
        let bias = gradient + shape.bias
        for index in 0..<row { bias[index] += inputError[index] }
        let recurrentBias = gradient + shape.recurrentBias
        for index in 0..<blocks { recurrentBias[index] += recurrentError[2 * blocks + index] }
        for place in 0..<Encoder.oneHots {
            let line = gradient + Int(input.rows[place]) * row
            for index in 0..<row { line[index] += inputError[index] }
        }
        for place in 0..<Encoder.numbers {
            let number = Block(repeating: input.numbers[place])
            let line = gradient + (Int(Encoder.numberRow) + place) * row
            for index in 0..<row { line[index] += number * inputError[index] }
        }
        var line = weights + shape.recurrent
        var lineGradient = gradient + shape.recurrent
        for block in 0..<blocks {
            let before = tape[4 * blocks + block]
            var dBefore = Block(repeating: 0)
            for lane in 0..<8 {
                let value = Block(repeating: before[lane])
                var sum = Block(repeating: 0)
                for index in 0..<row {
                    let error = recurrentError[index]
                    lineGradient[index] += value * error
                    sum += line[index] * error
                }
                dBefore[lane] = total(sum)
                line += row
                lineGradient += row
            }
            hiddenError[block] += dBefore
        }
    }
}
