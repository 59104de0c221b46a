import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A place at which this process dies, as by `kill -9`, when it is told to: how the promises about crashes are tried.
///
///     DINGHY_FAULT_POINT=commit.before:17 dinghy serve
///
/// dies at the 17th passage of `commit.before`; without a number at the first. Where the variable is not set a passage
/// costs one load. Passages are per batch, per commit or rarer, never per event.
public enum FaultPoint: String, Sendable, CaseIterable {
    /// An append waits for its turn; no transaction holds it yet.
    case append
    /// The group commit's rows are written; SQLite has not been asked to commit them.
    case commitBefore = "commit.before"
    /// They are durable; nobody has been told.
    case commitAfter = "commit.after"
    /// Scores, outcomes and position are written; SQLite has not been asked to commit them.
    case positionBefore = "position.before"
    /// They are durable; scoring does not know.
    case positionAfter = "position.after"
    /// A batch between the low-water and the committed position has been folded again.
    case refold
    /// A checkpoint has moved pages of the WAL into the database file; the WAL has not begun anew.
    case checkpoint
    /// Old records are removed; SQLite has not been asked to commit that.
    case retention
    /// A new model's file is kept, its card is not: it has no number yet.
    case modelAdd = "model.add"
    /// A change of the champion is in the history; the old champion still scores.
    case modelPromote = "model.promote"
    /// Scoring has taken a new champion; nothing by it is committed.
    case modelSwap = "model.swap"

    /// The environment variable that arms a point.
    public static let variable = "DINGHY_FAULT_POINT"

    /// Ends this process if this passage is the one that the variable names.
    public func pass() {
        guard let armed = Self.armed, armed.fault.point == self else { return }
        if armed.passages.add(1, ordering: .relaxed).newValue == armed.fault.passage { die() }
    }

    private func die() -> Never {
        kill(getpid(), SIGKILL)
        // The signal may reach another thread first.
        while true { pause() }
    }

    private final class Armed: Sendable {
        let fault: Fault
        let passages = Atomic(0)

        init(_ fault: Fault) { self.fault = fault }
    }

    private static let armed: Armed? = getenv(variable).map { text in
        do throws(Fault.Malformed) { return Armed(try Fault(String(cString: text))) } catch {
            preconditionFailure("\(variable): \(error)")
        }
    }
}

/// Which passage of which point is the last: `POINT` or `POINT:NUMBER`.
public struct Fault: Sendable, Equatable, CustomStringConvertible {
    public var point: FaultPoint
    /// From 1.
    public var passage: Int

    public struct Malformed: Error, CustomStringConvertible {
        public var description: String
    }

    public init(_ point: FaultPoint, passage: Int = 1) {
        precondition(passage > 0, "Fault.init: passage \(passage)")
        self.point = point
        self.passage = passage
    }

    /// - Throws: what is wrong with the text, and which points there are.
    public init(_ text: String) throws(Malformed) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let point = FaultPoint(rawValue: String(parts[0])) else {
            let known = FaultPoint.allCases.map(\.rawValue).joined(separator: ", ")
            throw Malformed(description: "'\(parts[0])' is no fault point; known are \(known)")
        }
        guard let passage = parts.count == 1 ? 1 : Int(parts[1]), passage > 0 else {
            throw Malformed(description: "'\(parts[1])' is no passage: write a whole number from 1 on")
        }
        self.init(point, passage: passage)
    }

    public var description: String { "\(point.rawValue):\(passage)" }
}
