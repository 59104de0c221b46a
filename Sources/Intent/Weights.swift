/// All numbers that training moves, in one array of blocks of eight; gradients and optimiser state have the same shape.
///
/// GRU as PyTorch words it (Cho et al. 2014, with the reset gate after the recurrent product):
/// r = σ(Wr·x + Ur·h + br), z = σ(Wz·x + Uz·h + bz), n = tanh(Wn·x + bn + r ⊙ (Un·h + cn)), h' = (1 − z) ⊙ n + z ⊙ h.
/// Matrices stand transposed, a row an input: products are then sums of scaled rows, which vectorise, not dot products,
/// which do not.
package struct Weights: Sendable, Equatable {
    package let shape: Shape
    package var values: [SIMD8<Float>]

    /// Where the parts stand, in blocks of eight.
    package struct Shape: Sendable, Equatable {
        package let hiddenSize: Int

        package init(hiddenSize: Int) { self.hiddenSize = hiddenSize }

        /// Blocks of a hidden vector. Places beyond `hiddenSize` have weight zero and stay zero.
        var blocks: Int { (hiddenSize + 7) / 8 }
        /// Blocks of a row: r, z and n side by side.
        var row: Int { 3 * blocks }
        /// [rowCount][3H]
        var inputs: Int { 0 }
        /// [H][3H]
        package var recurrent: Int { Encoder.rowCount * row }
        /// [3H]: br, bz, bn.
        package var bias: Int { recurrent + 8 * blocks * row }
        /// [H]: cn.
        package var recurrentBias: Int { bias + row }
        /// [H]
        package var head: Int { recurrentBias + blocks }
        /// One block, its first place is the head's bias.
        package var headBias: Int { head + blocks }
        package var count: Int { headBias + 1 }
    }

    init(zeros shape: Shape) {
        self.shape = shape
        values = Array(repeating: SIMD8(repeating: 0), count: shape.count)
    }

    /// Fresh weights: inputs uniform in ±1/√H, recurrent matrices orthogonal, the head's bias the logit of the base rate.
    package init(shape: Shape, baseRate: Double, random: inout RandomSource) {
        self.init(zeros: shape)
        let hidden = shape.hiddenSize
        let scale = 1 / Double(hidden).squareRoot()
        for row in 0..<Encoder.rowCount {
            for gate in 0..<3 {
                for unit in 0..<hidden {
                    self[shape.inputs + row * shape.row, gate, unit] = Float((random.uniform() * 2 - 1) * scale)
                }
            }
        }
        for gate in 0..<3 {
            let matrix = Self.orthogonal(hidden, &random)
            for from in 0..<hidden {
                for to in 0..<hidden { self[shape.recurrent + from * shape.row, gate, to] = Float(matrix[from][to]) }
            }
        }
        for unit in 0..<hidden {
            values[shape.head + unit / 8][unit % 8] = Float((random.uniform() * 2 - 1) * scale)
        }
        values[shape.headBias][0] = Float(PortableMath.logit(min(max(baseRate, 1e-4), 1 - 1e-4)))
    }

    /// A place in a row: gate 0 is r, 1 is z, 2 is n.
    private subscript(row: Int, gate: Int, unit: Int) -> Float {
        get { values[row + gate * shape.blocks + unit / 8][unit % 8] }
        set { values[row + gate * shape.blocks + unit / 8][unit % 8] = newValue }
    }

    /// A random orthogonal matrix, by Gram–Schmidt on normal vectors.
    private static func orthogonal(_ size: Int, _ random: inout RandomSource) -> [[Double]] {
        var rows: [[Double]] = []
        while rows.count < size {
            var row = (0..<size).map { _ in random.normal() }
            for other in rows {
                let overlap = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
                for index in row.indices { row[index] -= overlap * other[index] }
            }
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            if length > 1e-6 { rows.append(row.map { $0 / length }) }
        }
        return rows
    }
}
