import EventLog
import Events

/// The live events of a log as rows of a replay, all partitions merged by append time; of equal times the lower
/// partition's come first. Bounded: a run of records of each partition is held.
struct LogRows {
    enum Time {
        /// An event's own time.
        case event(Int64)
        case none
    }

    private struct Source {
        var reader: any EventReader
        var end: Int64
        var records: ArraySlice<StoredRecord> = []
        var isAtEnd = false
    }

    private let name: String
    private let now: @Sendable () -> Int64
    private var sources: [Source] = []
    private var number: Int64 = 0
    /// Records of the log, control and replays included.
    private(set) var total: Int64 = 0
    private(set) var done: Int64 = 0

    private static let run = 2_000

    init(_ log: any EventLog, replay name: String, now: @escaping @Sendable () -> Int64) async throws(ReplayError) {
        self.name = name
        self.now = now
        do throws(EventLogError) {
            for partition in 0..<log.partitionCount {
                let bounds = try await log.bounds(partition: partition)
                total += Int64(bounds.count)
                sources.append(
                    Source(
                        reader: try await log.reader(partition: partition, from: bounds.lowerBound),
                        end: bounds.upperBound, isAtEnd: bounds.isEmpty))
            }
        } catch { throw .log(error) }
    }

    /// The next rows; `nil` after the last one.
    mutating func next(_ limits: BatchLimits) async throws(ReplayError) -> (batch: Batch, times: [Time])? {
        var batch = Batch()
        var times: [Time] = []
        var bytes = 0
        while batch.rows.count < limits.rows, bytes < limits.bytes, let record = try await nextRecord() {
            guard let (content, time) = content(of: record) else { continue }
            number += 1
            batch.rows.append(ReplayRow(number: number, content: content))
            batch.lines.append(Int(number))
            batch.dues.append(0)
            times.append(time)
            bytes += record.value.count
        }
        return batch.isEmpty ? nil : (batch, times)
    }

    private mutating func nextRecord() async throws(ReplayError) -> StoredRecord? {
        var best: Int?
        for index in sources.indices {
            if sources[index].records.isEmpty, !sources[index].isAtEnd { try await fill(index) }
            guard let time = sources[index].records.first?.time else { continue }
            if let other = best.flatMap({ sources[$0].records.first?.time }), other <= time { continue }
            best = index
        }
        guard let best else { return nil }
        done += 1
        return sources[best].records.removeFirst()
    }

    private mutating func fill(_ index: Int) async throws(ReplayError) {
        let end = sources[index].end
        do throws(EventLogError) {
            let records = try await sources[index].reader.next(limit: Self.run, wait: .zero)
            sources[index].records = records.prefix { $0.offset < end }
            sources[index].isAtEnd = records.isEmpty || records[records.endIndex - 1].offset >= end - 1
        } catch { throw .log(error) }
    }

    /// A live event on the replay's timeline; `nil` for what moves no shopper: control records and other replays.
    private func content(of record: StoredRecord) -> (ReplayRow.Content, Time)? {
        do throws(EventError) {
            guard case .event(let event, .live) = try RecordCoder.decode(record.value) else { return nil }
            let value = RecordCoder.encode(event, timeline: .replay(name), received: record.time)
            return (
                .event(NewRecord(key: event.sessionKey, value: value, identity: event.identity)),
                .event(event.timestamp)
            )
        } catch {
            return (
                .rejected(
                    RejectedRecord(time: now(), source: name, reason: error.description, bytes: record.value)),
                .none
            )
        }
    }
}
