import FoundationEssentials
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a person reads: what is a terminal gets colours and progress, what is a file or a pipe gets plain lines.
enum Terminal {
    static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    static func out(_ text: String) { write(text.utf8, to: .standardOutput) }
    static func out(_ bytes: [UInt8]) { write(bytes, to: .standardOutput) }
    static func error(_ text: String) { write(text.utf8, to: .standardError) }

    private static func write(_ bytes: some Sequence<UInt8>, to descriptor: FileDescriptor) {
        do {
            _ = try descriptor.writeAll(bytes)
        } catch {
            // Nobody reads any more (`dinghy tail | head`): there is nobody left to tell either.
            exit(descriptor == .standardOutput ? 141 : 1)
        }
    }

    enum Colour: String {
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case bold = "1"
    }

    static func colour(_ text: String, _ colour: Colour, if enabled: Bool = outputIsTerminal) -> String {
        enabled ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }

    static func thousands(_ number: some BinaryInteger) -> String {
        var digits = String(number.magnitude)
        var groups: [Substring] = []
        while digits.count > 3 {
            groups.insert(Substring(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (number < 0 ? "-" : "") + ([Substring(digits)] + groups).joined(separator: ",")
    }

    static func duration(_ seconds: Double) -> String {
        let whole = Int(max(0, seconds).rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }

    /// A score as people read it: `3.12 %`.
    static func percent(_ share: Double, digits: Int = 2) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((share * 100 * scale).rounded())
        let fraction = String(abs(scaled) % Int(scale))
        let sign = scaled < 0 ? "-" : ""
        return "\(sign)\(abs(scaled) / Int(scale))."
            + String(repeating: "0", count: digits - fraction.count) + fraction + " %"
    }
}
