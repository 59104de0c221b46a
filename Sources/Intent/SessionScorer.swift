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
    /// By slot, in shelves: memory is taken where sessions are scored, and never copied to grow.
    private var shelves: ContiguousArray<Shelf> = []
    /// Raised by every swap: a slot of another generation holds nothing of use.
    private var generation: UInt32 = 1

    /// The slots of a shelf.
    private static let shelf = 256

    private struct Shelf {
        var states: ContiguousArray<State> = []
        /// A hidden vector a slot.
        var hidden: ContiguousArray<SIMD8<Float>> = []
    }

    private struct State {
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
        if model.weights.shape != self.model.weights.shape { shelves = [] }
        self.model = model
        runner = StepRunner(model.weights)
        generation += 1
    }

    /// The score after the last of a session's steps.
    ///
    /// - Parameter steps: all steps of the session in the slot, not empty.
    public mutating func score(slot: Int, steps: [Step]) -> Score {
        score(slot: slot, count: steps.count, last: { steps[steps.count - 1] }, all: { steps })
    }

    /// The score of the session in a fold's slot, whose last event must have been a step.
    package mutating func score(slot: Int, of fold: borrowing SessionFold) -> Score {
        score(
            slot: slot, count: fold.prefix(of: slot), last: { fold.lastStep(of: slot) },
            all: { fold.steps(of: slot) })
    }

    /// - Parameters:
    ///   - count: how many steps the session has; at least one.
    ///   - last: the last of them, nearly always all that is asked for.
    @inline(__always)
    private mutating func score(slot: Int, count: Int, last: () -> Step, all: () -> [Step]) -> Score {
        precondition(count > 0, "SessionScorer.score: a session without steps")
        let place = slot % Self.shelf
        let shelf = slot / Self.shelf
        makeRoom(for: shelf)
        var state = shelves[shelf].states[place]
        if state.generation != generation || state.steps >= count {
            state = State(generation: generation)
            clear(shelf, place)
        }
        var previous = state.lastScore
        if state.steps == count - 1 {
            state.lastScore = step(last(), shelf, place)
        } else {
            for one in all()[Int(state.steps)...] {
                previous = state.lastScore
                state.lastScore = step(one, shelf, place)
            }
        }
        state.steps = Int32(count)
        shelves[shelf].states[place] = state
        return Score(value: state.lastScore, change: count > 1 ? state.lastScore - previous : nil)
    }

    private mutating func step(_ step: Step, _ shelf: Int, _ place: Int) -> Float {
        let input = model.encoder.encode(step)
        let logit = runner.step(input, &shelves[shelf].hidden, at: place * model.weights.shape.blocks)
        return model.calibration.probability(logit)
    }

    private mutating func clear(_ shelf: Int, _ place: Int) {
        let blocks = model.weights.shape.blocks
        for block in 0..<blocks { shelves[shelf].hidden[place * blocks + block] = SIMD8(repeating: 0) }
    }

    private mutating func makeRoom(for shelf: Int) {
        while shelves.count <= shelf { shelves.append(Shelf()) }
        guard shelves[shelf].states.isEmpty else { return }
        shelves[shelf] = Shelf(
            states: ContiguousArray(repeating: State(), count: Self.shelf),
            hidden: ContiguousArray(
                repeating: SIMD8(repeating: 0), count: Self.shelf * model.weights.shape.blocks))
    }

    /// The session in a slot has closed.
    public mutating func free(slot: Int) {
        let shelf = slot / Self.shelf
        guard shelf < shelves.count, !shelves[shelf].states.isEmpty else { return }
        shelves[shelf].states[slot % Self.shelf] = State()
    }
}
