/// Back-propagation through time over one session (Werbos 1990), adding to a gradient. Keeps its memory between sessions.
package struct Backpropagation {
    private let shape: Weights.Shape
    package private(set) var gradient: [SIMD8<Float>]
    private var tapes: [SIMD8<Float>] = []
    private var errors: [Float] = []
    private var hidden: [SIMD8<Float>]
    private var hiddenError: [SIMD8<Float>]
    private var scratch: [SIMD8<Float>]

    package init(_ shape: Weights.Shape) {
        self.shape = shape
        let zero = SIMD8<Float>(repeating: 0)
        gradient = Array(repeating: zero, count: shape.count)
        hidden = Array(repeating: zero, count: shape.blocks)
        hiddenError = hidden
        scratch = Array(repeating: zero, count: 2 * shape.row)
    }

    package mutating func clear() {
        for index in gradient.indices { gradient[index] = SIMD8(repeating: 0) }
    }

    /// Adds the gradient of a session's mean loss over its steps, times `weight`; returns that loss times `weight`.
    package mutating func add(_ inputs: ArraySlice<Encoder.Input>, purchased: Bool, weight: Float, weights: Weights)
        -> Double
    {
        let zero = SIMD8<Float>(repeating: 0)
        let stride = GRU.Tape.blocks(shape)
        if tapes.count < inputs.count * stride {
            tapes = Array(repeating: zero, count: inputs.count * stride)
            errors = Array(repeating: 0, count: inputs.count)
        }
        for index in hidden.indices {
            hidden[index] = zero
            hiddenError[index] = zero
        }
        let shape = shape
        let first = inputs.startIndex
        let scale = weight / Float(inputs.count)
        let label: Float = purchased ? 1 : 0
        var loss = 0.0
        weights.values.withUnsafeBufferPointer { weights in
            gradient.withUnsafeMutableBufferPointer { gradient in
                tapes.withUnsafeMutableBufferPointer { tapes in
                    hidden.withUnsafeMutableBufferPointer { hidden in
                        hiddenError.withUnsafeMutableBufferPointer { hiddenError in
                            scratch.withUnsafeMutableBufferPointer { scratch in
                                guard let weights = weights.baseAddress, let gradient = gradient.baseAddress,
                                    let tapes = tapes.baseAddress, let hidden = hidden.baseAddress,
                                    let hiddenError = hiddenError.baseAddress, let scratch = scratch.baseAddress
                                else { preconditionFailure("Backpropagation.add: a network without units") }
                                for step in 0..<inputs.count {
                                    GRU.forward(
                                        weights, shape, inputs[first + step], hidden: hidden, scratch: scratch,
                                        tape: tapes + step * stride)
                                    let logit = GRU.logit(weights, shape, hidden: hidden)
                                    let probability = PortableMath.sigmoid(SIMD8(repeating: logit))[0]
                                    errors[step] = (probability - label) * scale
                                    loss += Self.loss(logit: Double(logit), purchased: purchased)
                                }
                                for step in (0..<inputs.count).reversed() {
                                    GRU.backward(
                                        weights, shape, inputs[first + step], error: errors[step],
                                        tape: tapes + step * stride, hiddenError: hiddenError, scratch: scratch,
                                        gradient: gradient)
                                }
                            }
                        }
                    }
                }
            }
        }
        return loss * Double(scale)
    }

    /// −ln P(label), from the logit, without overflow; NaN where the logit is no finite number.
    package static func loss(logit: Double, purchased: Bool) -> Double {
        guard logit.isFinite else { return .nan }
        let signed = purchased ? -logit : logit
        return max(signed, 0) + PortableMath.log1p(PortableMath.exp(-abs(signed)))
    }
}
