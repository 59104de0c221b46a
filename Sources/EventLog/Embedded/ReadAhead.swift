import EventLog
import Synchronization

/// Reads one batch ahead: while a full batch is folded, the one behind it comes off the disk. Used by one task at a
/// time; holds one batch at most, which `TableReader` bounds.
final class ReadAhead: Sendable {
    private struct State {
        /// What was read and not given yet.
        var left: ArraySlice<StoredRecord> = []
        var ahead: Task<Result<[StoredRecord], EventLogError>, Never>?
    }

    private let reader: TableReader
    private let state = Mutex(State())

    init(_ reader: TableReader) { self.reader = reader }

    /// The next records, as far as there are any now.
    func next(limit: Int) async throws(EventLogError) -> [StoredRecord] {
        var (left, ahead) = state.withLock { state in
            defer { state = State() }
            return (state.left, state.ahead)
        }
        if left.isEmpty, let ahead { left = try await ahead.value.get()[...] }
        // What was found at the end some time ago may no longer be the end.
        if left.isEmpty { left = try await reader.next(limit: limit, wait: .zero)[...] }
        let records = Array(left.prefix(limit))
        left = left.dropFirst(limit)
        let isFull = records.count == limit
        state.withLock { [left] state in
            state.left = left
            guard isFull, left.isEmpty else { return }
            state.ahead = Task { [reader] in
                do throws(EventLogError) {
                    return .success(try await reader.next(limit: limit, wait: .zero))
                } catch {
                    return .failure(error)
                }
            }
        }
        return records
    }

    /// Waits for a read that is under way.
    func close() async { _ = await state.withLock { $0.ahead }?.value }
}
