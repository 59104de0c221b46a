package import Events

/// An LSTM (Hochreiter, Schmidhuber 1997, with the forget gate of Gers, Schmidhuber, Cummins 2000) over kinds of events
/// alone, one logit at its last step: what many shops start from, and what a report can be asked to compare with.
///
/// i, f, o = σ(W·x + U·h + b), g = tanh(W·x + U·h + b), c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh c'; x is one-hot.
package struct KindLSTM {
    typealias Block = SIMD8<Float>

    private let hiddenSize: Int
    /// Inputs [kinds][4H], recurrent [H][4H], bias [4H], head [H], one block with the head's bias. Gates: i, f, g, o.
    package var values: [SIMD8<Float>]

    private var blocks: Int { hiddenSize / 8 }
    private var row: Int { 4 * blocks }
    private var recurrent: Int { EventKind.allCases.count * row }
    private var bias: Int { recurrent + hiddenSize * row }
    private var head: Int { bias + row }
    private var headBias: Int { head + blocks }

    /// Fresh weights: uniform in ±1/√H, the forget gate's bias 1.
    ///
    /// - Parameter hiddenSize: a multiple of eight.
    package init(hiddenSize: Int, random: inout RandomSource) {
        precondition(hiddenSize > 0 && hiddenSize % 8 == 0, "KindLSTM.init: \(hiddenSize) units")
        self.hiddenSize = hiddenSize
        values = []
        let scale = 1 / Double(hiddenSize).squareRoot()
        let count = (EventKind.allCases.count + hiddenSize + 1) * 4 * hiddenSize / 8 + hiddenSize / 8 + 1
        values = (0..<count).map { _ in
            var block = Block(repeating: 0)
            for lane in 0..<8 { block[lane] = Float((random.uniform() * 2 - 1) * scale) }
            return block
        }
        for index in bias..<head { values[index] = Block(repeating: 0) }
        for index in (bias + blocks)..<(bias + 2 * blocks) { values[index] = Block(repeating: 1) }
        values[headBias] = Block(repeating: 0)
    }

    /// What one step leaves for the way back: i, f, g, o, c (before), c' and h (before).
    private var tapeBlocks: Int { 7 * blocks }

    /// The state of a session: h, c and the gates' sums.
    package struct State {
        var hidden: [SIMD8<Float>]
        var cell: [SIMD8<Float>]
        var sums: [SIMD8<Float>]
    }

    package func start() -> State {
        let zero = [Block](repeating: Block(repeating: 0), count: blocks)
        return State(hidden: zero, cell: zero, sums: [Block](repeating: Block(repeating: 0), count: row))
    }

    /// Takes one event and gives the logit after it.
    package func step(_ kind: EventKind, _ state: inout State) -> Float {
        values.withUnsafeBufferPointer { values in
            advance(values, kind, &state, tape: nil)
            return logit(values, state)
        }
    }

    private func logit(_ values: UnsafeBufferPointer<Block>, _ state: State) -> Float {
        var sum = Block(repeating: 0)
        for index in 0..<blocks { sum += values[head + index] * state.hidden[index] }
        return Self.total(sum) + values[headBias][0]
    }

    private func advance(
        _ values: UnsafeBufferPointer<Block>, _ kind: EventKind, _ state: inout State,
        tape: UnsafeMutablePointer<Block>?
    ) {
        let (blocks, row, bias) = (blocks, row, bias)
        let input = Int(kind.rawValue) * row
        state.sums.withUnsafeMutableBufferPointer { sums in
            for index in 0..<row { sums[index] = values[bias + index] + values[input + index] }
            var line = recurrent
            for block in 0..<blocks {
                let hidden = state.hidden[block]
                for lane in 0..<8 {
                    let h = Block(repeating: hidden[lane])
                    for index in 0..<row { sums[index] += h * values[line + index] }
                    line += row
                }
            }
            for index in 0..<blocks {
                let i = PortableMath.sigmoid(sums[index])
                let f = PortableMath.sigmoid(sums[blocks + index])
                let g = PortableMath.tanh(sums[2 * blocks + index])
                let o = PortableMath.sigmoid(sums[3 * blocks + index])
                let before = state.cell[index]
                let after = f * before + i * g
                if let tape {
                    for (place, value) in [i, f, g, o, before, after, state.hidden[index]].enumerated() {
                        tape[place * blocks + index] = value
                    }
                }
                state.cell[index] = after
                state.hidden[index] = o * PortableMath.tanh(after)
            }
        }
    }

    /// Adds the gradient of a session's loss, which stands at its last event alone, to `gradient`, times `weight`.
    ///
    /// - Parameters:
    ///   - kinds: not empty.
    ///   - gradient: as long as `values`.
    /// - Returns: the loss, not weighed.
    package func addGradient(
        _ kinds: [EventKind], purchased: Bool, weight: Float, to gradient: inout [SIMD8<Float>]
    ) -> Double {
        let (blocks, row) = (blocks, row)
        var tape = [Block](repeating: Block(repeating: 0), count: kinds.count * tapeBlocks)
        return values.withUnsafeBufferPointer { values in
            tape.withUnsafeMutableBufferPointer { tape in
                gradient.withUnsafeMutableBufferPointer { gradient in
                    guard let base = tape.baseAddress else { preconditionFailure("KindLSTM: a session without events") }
                    var state = start()
                    for (index, kind) in kinds.enumerated() {
                        advance(values, kind, &state, tape: base + index * tapeBlocks)
                    }
                    let logit = logit(values, state)
                    let probability = PortableMath.sigmoid(Block(repeating: logit))[0]
                    let error = Block(repeating: (probability - (purchased ? 1 : 0)) * weight)
                    var hiddenError = [Block](repeating: Block(repeating: 0), count: blocks)
                    var cellError = hiddenError
                    var gateError = [Block](repeating: Block(repeating: 0), count: row)
                    gradient[headBias][0] += error[0]
                    for index in 0..<blocks {
                        gradient[head + index] += error * state.hidden[index]
                        hiddenError[index] = error * values[head + index]
                    }
                    for (index, kind) in kinds.enumerated().reversed() {
                        backward(
                            values, kind, base + index * tapeBlocks, &hiddenError, &cellError, &gateError, gradient)
                    }
                    return Self.loss(logit: Double(logit), purchased: purchased)
                }
            }
        }
    }

    /// −ln P(label), from the logit, without overflow; NaN where the logit is no finite number.
    static func loss(logit: Double, purchased: Bool) -> Double {
        guard logit.isFinite else { return .nan }
        let signed = purchased ? -logit : logit
        return max(signed, 0) + PortableMath.log1p(PortableMath.exp(-abs(signed)))
    }

    private func backward(
        _ values: UnsafeBufferPointer<Block>, _ kind: EventKind, _ tape: UnsafeMutablePointer<Block>,
        _ hiddenError: inout [Block], _ cellError: inout [Block], _ gateError: inout [Block],
        _ gradient: UnsafeMutableBufferPointer<Block>
    ) {
        let (blocks, row) = (blocks, row)
        for index in 0..<blocks {
            let (i, f) = (tape[index], tape[blocks + index])
            let (g, o) = (tape[2 * blocks + index], tape[3 * blocks + index])
            let squashed = PortableMath.tanh(tape[5 * blocks + index])
            let cell = cellError[index] + hiddenError[index] * o * (1 - squashed * squashed)
            gateError[index] = cell * g * i * (1 - i)
            gateError[blocks + index] = cell * tape[4 * blocks + index] * f * (1 - f)
            gateError[2 * blocks + index] = cell * i * (1 - g * g)
            gateError[3 * blocks + index] = hiddenError[index] * squashed * o * (1 - o)
            cellError[index] = cell * f
        }
        gateError.withUnsafeBufferPointer { gateError in
            let input = Int(kind.rawValue) * row
            for index in 0..<row {
                gradient[bias + index] += gateError[index]
                gradient[input + index] += gateError[index]
            }
            var line = recurrent
            for block in 0..<blocks {
                let before = tape[6 * blocks + block]
                for lane in 0..<8 {
                    let h = Block(repeating: before[lane])
                    var sum = Block(repeating: 0)
                    for index in 0..<row {
                        gradient[line + index] += h * gateError[index]
                        sum += values[line + index] * gateError[index]
                    }
                    hiddenError[block][lane] = Self.total(sum)
                    line += row
                }
            }
        }
    }

    @inline(__always)
    private static func total(_ block: Block) -> Float {
        let four = block.lowHalf + block.highHalf
        let two = four.lowHalf + four.highHalf
        return two[0] + two[1]
    }
}
