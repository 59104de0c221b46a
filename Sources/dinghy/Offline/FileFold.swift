import EventLog
import Events
import Logging
import Replay
import Synchronization

/// A file's rows as a log would hold them: in time order, with offsets, an end mark behind the last one. Nothing is
/// stored.
enum FileFold {
    /// Hands every record to `body`, in order.
    ///
    /// - Returns: how many rows there were, and which could not be used.
    /// - Throws: `ReplayError`.
    static func read(
        _ file: String, mapping: CSVMapping = .none, logger: Logger, title: String,
        _ body: @escaping @Sendable (StoredRecord) -> Void
    ) async throws -> ReplayResult {
        let bar = ProgressBar(title)
        defer { bar.finish() }
        let sink = Sink(body)
        return try await Replayer(options: ReplayOptions(name: name, mapping: mapping), sink: sink, logger: logger)
            .run(file == "-" ? .standardInput : .file(file)) { bar.update($0) }
    }

    private static let name = "file"

    /// Which row of the file an event was, from 1, the header not counted. Quoted line ends count as rows.
    static func row(of event: Event) -> Int32 {
        // The id is the replay's name and the line.
        Int32(event.id.dropFirst(name.count + 1)).map { $0 - 1 } ?? 0
    }

    /// Takes rows for a log that is forgotten at once.
    private final class Sink: ReplaySink {
        let limits = BatchLimits(rows: 5_000, bytes: 4 << 20)
        private let next = Mutex<Int64>(0)
        private let body: @Sendable (StoredRecord) -> Void

        init(_ body: @escaping @Sendable (StoredRecord) -> Void) { self.body = body }

        private func take(_ value: [UInt8]) {
            let offset = next.withLock { next in
                defer { next += 1 }
                return next
            }
            body(StoredRecord(offset: offset, time: 0, value: value))
        }

        func mark(of name: String) async throws(SinkError) -> ReplayMark? { nil }

        func append(_ rows: [ReplayRow], ofReplay name: String) async throws(SinkError) -> ReplayAppended {
            var appended = ReplayAppended()
            for row in rows {
                switch row.content {
                case .event(let record):
                    take(record.value)
                    appended.stored += 1
                case .rejected: appended.rejected += 1
                }
            }
            return appended
        }

        func end(_ name: String) async throws(SinkError) { take(RecordCoder.encodeEnd(replay: name)) }

        func appendLive(_ rows: [ReplayRow]) async throws(SinkError) -> [LiveVerdict] {
            preconditionFailure("FileFold.Sink.appendLive: a file is folded by its own times")
        }
    }
}

extension ReplayResult {
    /// What a person should know of rows that were passed over; empty where there are none.
    var warning: String {
        guard counts.rejected > 0 else { return "" }
        let first = problems.first.map { ", the first in line \($0.line): \($0.reason)" } ?? ""
        return
            "\(Terminal.thousands(counts.rejected)) of \(Terminal.thousands(counts.rows)) rows cannot be used\(first)\n"
    }
}
