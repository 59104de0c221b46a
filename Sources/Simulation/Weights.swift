/// Weights over the cases of an enumeration with raw values 0 to 15; those that are not named weigh nothing.
///
/// The lanes stand in the value itself, so that a law is read without counting references.
package struct Weights<Choice: RawRepresentable<Int> & Hashable>: ExpressibleByDictionaryLiteral, Sendable {
    private var lanes = SIMD16<Double>.zero

    package init(dictionaryLiteral elements: (Choice, Double)...) {
        for (choice, weight) in elements { self[choice] = weight }
    }

    package subscript(choice: Choice) -> Double {
        get { lanes[choice.rawValue] }
        set { lanes[choice.rawValue] = newValue }
    }

    package var total: Double {
        var sum = 0.0
        for lane in 0..<16 { sum += lanes[lane] }
        return sum
    }

    /// The same law with a total of 1.
    var normalised: Self {
        var same = self
        same.lanes /= total
        return same
    }

    /// The choice at `share` (0 up to 1) of the total, by weight.
    func choice(at share: Double) -> Choice {
        guard let choice = choice(below: share * total) ?? last else {
            preconditionFailure("Weights.choice: every weight is zero")
        }
        return choice
    }

    /// As probabilities that may sum to less than 1: nil for the remainder.
    func choice(below probability: Double) -> Choice? {
        var rest = probability
        for lane in 0..<16 {
            rest -= lanes[lane]
            if rest < 0 { return Choice(rawValue: lane) }
        }
        return nil
    }

    /// The last choice that has a weight: where rounding has left a share just beyond the total.
    private var last: Choice? {
        for lane in stride(from: 15, through: 0, by: -1) where lanes[lane] > 0 { return Choice(rawValue: lane) }
        return nil
    }
}
