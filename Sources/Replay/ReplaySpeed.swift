/// How fast a replay runs: a multiple of the speed at which its rows happened, or as fast as they are taken.
public enum ReplaySpeed: Sendable, Equatable, LosslessStringConvertible {
    /// 1 is the original pace. Positive and finite.
    case times(Double)
    case max

    /// `1`, `100x`, `0.5x`, `max`; `nil` for anything else.
    public init?(_ description: String) {
        if description == "max" {
            self = .max
            return
        }
        let digits = description.hasSuffix("x") ? description.dropLast() : description[...]
        // `Double` would take more: signs, hexadecimal digits, words.
        guard digits.allSatisfy({ "0123456789.e".contains($0) }),
            let times = Double(digits), times.isFinite, times > 0
        else { return nil }
        self = .times(times)
    }

    public var description: String {
        switch self {
        case .max: "max"
        case .times(let times): "\(times)x"
        }
    }
}
