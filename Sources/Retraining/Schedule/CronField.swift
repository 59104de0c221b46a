/// One of the five fields of a schedule: the set of values it allows.
///
/// Syntax as in crontab(5): `*`, numbers, ranges `a-b`, steps `*/n` and `a-b/n`, lists of these with commas; names of
/// months and weekdays wherever a number may stand.
struct CronField: Sendable, Equatable {
    struct Kind {
        var name: String
        var range: ClosedRange<Int>
        /// In the order of their numbers, from the range's lower bound on.
        var names: [String] = []

        static let minute = Kind(name: "minute", range: 0...59)
        static let hour = Kind(name: "hour", range: 0...23)
        static let dayOfMonth = Kind(name: "day of month", range: 1...31)
        static let month = Kind(
            name: "month", range: 1...12,
            names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"])
        /// 0 and 7 are both Sunday.
        static let dayOfWeek = Kind(
            name: "day of week", range: 0...7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])
    }

    /// Bit n: the value n is allowed.
    private var bits: UInt64 = 0
    /// The field begins with `*`: it does not restrict the day (crontab(5)'s rule for the two day fields).
    let startsWithStar: Bool

    func contains(_ value: Int) -> Bool { bits & (1 << UInt64(value)) != 0 }

    /// The allowed values, rising.
    var values: [Int] { (0..<64).filter(contains) }

    init(_ text: Substring, _ kind: Kind) throws(CronError) {
        startsWithStar = text.hasPrefix("*")
        for element in text.split(separator: ",", omittingEmptySubsequences: false) {
            try insert(element, kind)
        }
        if kind.name == Kind.dayOfWeek.name, contains(7) {
            bits = (bits | 1) & ~(1 << 7)
        }
    }

    private mutating func insert(_ element: Substring, _ kind: Kind) throws(CronError) {
        func refuse(_ reason: String) -> CronError { CronError(field: kind.name, reason: reason) }
        guard !element.isEmpty else { throw refuse("an element of the list is empty") }
        let parts = element.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let base = parts[0]
        // A week has seven days: the step over all of them must not count Sunday twice.
        var span = kind.name == Kind.dayOfWeek.name ? 0...6 : kind.range
        if base != "*" {
            let ends = base.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            let first = try Self.value(ends[0], kind)
            var last = first
            if ends.count == 2 {
                last = try Self.value(ends[1], kind)
                // As the end of a range Sunday is the seventh day: SAT-SUN.
                if kind.name == Kind.dayOfWeek.name, last == 0, first > 0 { last = 7 }
            } else if parts.count == 2 {
                throw refuse(
                    "a step needs a range: write \(base)-\(kind.range.upperBound)/\(parts[1]) instead of \(element)")
            }
            guard first <= last else { throw refuse("the range \(base) runs backwards: split it in two with a comma") }
            span = first...last
        }
        var step = 1
        if parts.count == 2 {
            guard let number = Self.number(parts[1]), number > 0 else {
                throw refuse("\"\(parts[1])\" in \(element) is no step: a step is a whole number above 0")
            }
            guard number <= kind.range.upperBound else {
                throw refuse("the step \(number) in \(element) is larger than the field (\(Self.words(kind.range)))")
            }
            step = number
        }
        for value in stride(from: span.lowerBound, through: span.upperBound, by: step) {
            bits |= 1 << UInt64(value)
        }
    }

    private static func value(_ text: Substring, _ kind: Kind) throws(CronError) -> Int {
        if let name = kind.names.firstIndex(of: text.uppercased()) { return kind.range.lowerBound + name }
        guard let number = number(text) else {
            let names = kind.names.isEmpty ? "" : " or a name (\(kind.names.joined(separator: ", ")))"
            throw CronError(field: kind.name, reason: "\"\(text)\" is neither a whole number nor *\(names)")
        }
        guard kind.range.contains(number) else {
            throw CronError(field: kind.name, reason: "\(number) is outside \(words(kind.range))")
        }
        return number
    }

    /// Digits only: `Int` itself would take a sign.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    private static func words(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }
}
