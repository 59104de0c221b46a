public import Sessions

/// A closed session as training and evaluation may see it: the steps strictly before the first purchase, and whether
/// one came.
public struct TrainingSession: Sendable, Equatable {
    /// Own time of the first event, milliseconds since the epoch: what sessions are split by.
    public var start: Int64
    public var steps: [Step]
    public var purchased: Bool
    /// Of a simulated shop: the true P(a purchase later) after each step, which only a report reads. Empty where it is
    /// not known.
    public var posterior: [Float] = []

    /// - Parameter steps: not empty.
    public init(start: Int64, steps: [Step], purchased: Bool) {
        precondition(!steps.isEmpty, "TrainingSession.init: a session without steps")
        self.start = start
        self.steps = steps
        self.purchased = purchased
    }

    /// `nil` where no step remains: the session begins with its purchase.
    public init?(_ session: Session) {
        let steps = session.maskedSteps
        guard !steps.isEmpty else { return nil }
        self.init(start: session.startTimestamp, steps: Array(steps), purchased: session.purchased)
    }
}
