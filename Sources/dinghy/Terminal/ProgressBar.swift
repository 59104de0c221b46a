import Synchronization

/// One line on standard error that tells how far something has come. Silent where standard error is no terminal, and
/// for the first moments, so that what is quick stays quiet.
final class ProgressBar: Sendable {
    private struct State {
        var shown = false
        var last: ContinuousClock.Instant?
    }

    private let title: String
    private let enabled: Bool
    private let started = ContinuousClock.now
    private let state = Mutex(State())

    init(_ title: String, enabled: Bool = Terminal.errorIsTerminal) {
        self.title = title
        self.enabled = enabled
    }

    /// - Parameters:
    ///   - total: `nil` where it is not known.
    ///   - detail: what else is worth a word: counts, a loss.
    func update(done: Int64, total: Int64?, unit: String, detail: String = "") {
        guard enabled else { return }
        let now = ContinuousClock.now
        let elapsed = (now - started).seconds
        guard elapsed > 0.5 else { return }
        let due = state.withLock { state in
            if let last = state.last, now - last < .milliseconds(100) { return false }
            state.last = now
            state.shown = true
            return true
        }
        guard due else { return }
        let rate = Double(done) / elapsed
        var line = "\r\u{1b}[K\(title) "
        if let total, total > 0 {
            let share = min(1, Double(done) / Double(total))
            let filled = Int(share * 24)
            line += "[" + String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled) + "] "
            line += "\(Int(share * 100)) %  "
        }
        line += "\(Terminal.thousands(done)) \(unit)  \(Terminal.thousands(Int64(rate)))/s"
        if let total, done > 0, total > done {
            line += "  ETA \(Terminal.duration(Double(total - done) / max(rate, 1e-9)))"
        }
        if !detail.isEmpty { line += "  \(detail)" }
        Terminal.error(line)
    }

    /// Clears the line.
    func finish() {
        if state.withLock({ $0.shown }) { Terminal.error("\r\u{1b}[K") }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
