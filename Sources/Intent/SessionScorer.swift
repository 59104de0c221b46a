public import Sessions

/// What a model says after an event.
public struct Score: Sendable, Equatable {
    /// Calibrated P(a purchase later in the session).
    public var value: Float
    /// Less the same model's score one event earlier; `nil` at the first.
    public var change: Float?
}

/// Scores sessions one step at a time. Keeps a hidden vector for every slot of a fold; a slot whose vector is missing,
/// older or another model's is encoded again from the session's history, so that a score depends on model and history
/// alone.
public struct SessionScorer: Sendable {
    public private(set) var model: IntentModel
    private var runner: StepRunner
    /// By slot: `blocks` each.
    private var hidden: [SIMD8<Float>] = []
    private var slots: [Slot] = []
    /// Raised by every swap: a slot of another generation holds nothing of use.
    private var generation: UInt32 = 1

    private struct Slot {
        var generation: UInt32 = 0
        /// Steps that the hidden vector has seen.
        var steps: Int32 = 0
        var lastScore: Float = 0
    }

    public init(model: IntentModel) {
        self.model = model
        runner = StepRunner(model.weights)
    }

    /// Takes another model. Every open session is encoded again at its next event.
    public mutating func swap(to model: IntentModel) {
        if model.weights.shape != self.model.weights.shape { hidden = [] }
        self.model = model
        runner = StepRunner(model.weights)
        generation += 1
        if hidden.isEmpty { slots = [] }
    }

    /// The score after the last of a session's steps.
    ///
    /// - Parameter steps: all steps of the session in the slot, not empty.
    public mutating func score(slot: Int, steps: [Step]) -> Score {
        precondition(!steps.isEmpty, "SessionScorer.score: a session without steps")
        let blocks = model.weights.shape.blocks
        while slots.count <= slot {
            slots.append(Slot())
            hidden.append(contentsOf: repeatElement(SIMD8(repeating: 0), count: blocks))
        }
        var state = slots[slot]
        if state.generation != generation || state.steps >= steps.count {
            state = Slot(generation: generation)
            runner.reset()
        } else {
            for block in 0..<blocks { runner.hidden[block] = hidden[slot * blocks + block] }
        }
        var previous = state.lastScore
        for step in steps[Int(state.steps)...] {
            previous = state.lastScore
            state.lastScore = model.calibration.probability(runner.step(model.encoder.encode(step)))
        }
        state.steps = Int32(steps.count)
        slots[slot] = state
        for block in 0..<blocks { hidden[slot * blocks + block] = runner.hidden[block] }
        return Score(value: state.lastScore, change: steps.count > 1 ? state.lastScore - previous : nil)
    }

    /// The session in a slot has closed.
    public mutating func free(slot: Int) {
        if slot < slots.count { slots[slot] = Slot() }
    }
}
