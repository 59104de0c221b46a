import Synchronization

/// Lets the same complaint be heard once, until it has gone away or another has come.
final class Complaint: Sendable {
    private let last = Mutex<String?>(nil)

    func isNew(_ text: String) -> Bool {
        last.withLock { last in
            defer { last = text }
            return last != text
        }
    }

    func clear() { last.withLock { $0 = nil } }
}
