import Events
public import Sessions

/// Why a session has the score it has: what each event did to it, and what each kind of input does to it.
///
/// Nothing is estimated: every figure is the model's own score of the session less its score of the session with one
/// thing left out. Effects need not add up to anything, for what is left out is missed differently in other company.
public struct Explanation: Codable, Sendable, Equatable {
    /// One event's part.
    public struct Event: Codable, Sendable, Equatable {
        /// From 1.
        public var number: Int
        /// What the visitor did: the word of `EventKind`.
        public var kind: String
        /// After this event.
        public var score: Float
        /// Less the score before it; for the first event the score of nobody in particular.
        public var change: Float
        /// The session's score less what it would be had this event left no trace; `nil` for all but the newest
        /// `Explanation.maxEvents`.
        public var effect: Float?
    }

    /// One kind of input's part.
    public struct Input: Codable, Sendable, Equatable {
        public var name: String
        /// The session's score less what it would be were the input as `otherwise` says.
        public var effect: Float
        public var otherwise: String
    }

    public static let maxEvents = 256

    /// After the last event.
    public var score: Float
    /// Before any event.
    public var prior: Float
    public var events: [Event]
    /// The strongest first.
    public var inputs: [Input]
    /// The score and what moved it most, for a person.
    public var sentence: String

    /// - Parameter steps: a session's, up to now and before its first purchase; not empty.
    public init(model: IntentModel, steps: [Step]) {
        precondition(!steps.isEmpty, "Explanation.init: a session without steps")
        var runner = StepRunner(model.weights)
        // The hidden vector of nobody is zero.
        var logit = model.weights.values[model.weights.shape.headBias][0]
        prior = model.calibration.probability(logit)
        var before = prior
        events = []
        var states: [(runner: StepRunner, logit: Float)] = []
        let first = max(0, steps.count - Self.maxEvents)
        for (index, step) in steps.enumerated() {
            if index >= first { states.append((runner, logit)) }
            logit = runner.step(model.encoder.encode(step))
            let score = model.calibration.probability(logit)
            events.append(Event(number: index + 1, kind: step.kind.name, score: score, change: score - before))
            before = score
        }
        score = before
        for index in first..<steps.count {
            var (without, logit) = states[index - first]
            for step in steps[(index + 1)...] { logit = without.step(model.encoder.encode(step)) }
            events[index].effect = before - model.calibration.probability(logit)
        }
        inputs = InputGroup.allCases.map { group in
            var runner = StepRunner(model.weights)
            var logit: Float = 0
            for (index, step) in steps.enumerated() {
                let product = group == .productStatistics ? Encoder.Product.unseen : nil
                let changed = group.removed(from: step, index)
                logit = runner.step(
                    product.map { model.encoder.encode(changed, product: $0) } ?? model.encoder.encode(changed))
            }
            return Input(
                name: group.rawValue, effect: before - model.calibration.probability(logit),
                otherwise: group.otherwise)
        }.sorted { (abs($0.effect), $1.name) > (abs($1.effect), $0.name) }
        sentence = ""
        sentence = text
    }
}

extension Explanation {
    private var text: String {
        let moved = events.sorted { (abs($0.change), $1.number) > (abs($1.change), $0.number) }
            .prefix(2).filter { abs($0.change) >= 0.0005 }
            .map {
                "the \($0.kind) at event \($0.number) \($0.change > 0 ? "raised" : "lowered") it by \(Self.percent(abs($0.change)))"
            }
        let pulled = inputs.prefix(2).filter { abs($0.effect) >= 0.0005 }
            .map { "with \($0.otherwise) it would be \(Self.percent(score - $0.effect))" }
        var text =
            "A purchase is \(Self.percent(score)) likely after \(events.count) event\(events.count == 1 ? "" : "s"), "
            + "\(Self.percent(prior)) before any"
        if !moved.isEmpty { text += ": " + moved.joined(separator: ", ") }
        if !pulled.isEmpty { text += "; " + pulled.joined(separator: ", ") }
        return text + "."
    }

    /// One digit behind the point.
    private static func percent(_ value: Float) -> String { "\((Double(value) * 1_000).rounded() / 10) %" }
}
