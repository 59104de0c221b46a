import EventLog
import Events
import Testing

/// What the trials append, and how they read it back.
extension LogContract {
    /// How long a trial waits for something that has been made to happen: long enough for a busy machine.
    static let patience = Duration.seconds(30)

    static func record(_ number: Int, key: String, bytes: Int = 0) -> NewRecord {
        let value = #"{"id":"e\#(number)","session":"\#(key)","padding":"\#(String(repeating: "x", count: bytes))"}"#
        return NewRecord(key: "s:" + key, value: Array(value.utf8), identity: StableHash.of("s:\(key) e\(number)"))
    }

    static func row(_ number: Int64, key: String) -> ReplayRow {
        ReplayRow(number: number, content: .event(record(Int(number), key: key)))
    }

    static func rejected(_ number: Int, line: Int? = nil) -> RejectedRecord {
        RejectedRecord(
            time: 1_570_000_000_000 + Int64(number), source: "collect", reason: "sku: missing (\(number))", line: line,
            bytes: [0, 255, 10, UInt8(truncatingIfNeeded: number)])
    }

    /// A key for the given partition.
    static func key(for partition: Int, of log: any EventLog) -> String {
        for number in 0... {
            let key = "k\(number)"
            if Partitioner.partition(ofKey: "s:" + key, count: log.partitionCount) == partition { return key }
        }
        preconditionFailure("LogContract.key: no key falls on partition \(partition)")
    }

    /// Everything a partition holds, from its start to its end of now.
    static func contents(of log: any EventLog, partition: Int) async throws -> [StoredRecord] {
        let bounds = try await log.bounds(partition: partition)
        let reader = try await log.reader(partition: partition, from: bounds.lowerBound)
        return try await drain(reader)
    }

    static func contents(of outputs: any OutputLog, _ stream: OutputStream, partition: Int) async throws -> [String] {
        let bounds = try await outputs.bounds(stream, partition: partition)
        let reader = try await outputs.reader(stream, partition: partition, from: bounds.lowerBound)
        return try await drain(reader).map { text($0.value) }
    }

    /// Reads until nothing more is there.
    static func drain(_ reader: any EventReader) async throws -> [StoredRecord] {
        var all: [StoredRecord] = []
        while true {
            let records = try await reader.next(limit: 7, wait: .zero)
            if records.isEmpty { return all }
            all += records
        }
    }

    /// Reads until `count` records have come.
    static func read(_ count: Int, from reader: any EventReader) async throws -> [StoredRecord] {
        var all: [StoredRecord] = []
        while all.count < count {
            let records = try await reader.next(limit: count - all.count, wait: patience)
            try #require(!records.isEmpty, "only \(all.count) of \(count) records came")
            all += records
        }
        return all
    }

    /// Appends records that must all be stored.
    @discardableResult
    static func store(_ records: [NewRecord], in log: any EventLog) async throws -> [Location] {
        let verdicts = try await log.append(records)
        return try verdicts.map { verdict in
            guard case .stored(let location) = verdict else { throw Unexpected(what: "\(verdict) for a new record") }
            return location
        }
    }

    /// Ends a trial that an implementation cannot be put to, so that the test's output says so.
    static func skip(_ reason: Comment) throws -> Never { try Test.cancel(reason) }

    static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Whether offsets rise, without holes where the implementation promises that.
    static func expectOrder(
        _ records: [StoredRecord], _ fixture: LogFixture, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for (earlier, later) in zip(records, records.dropFirst()) {
            #expect(earlier.offset < later.offset, sourceLocation: sourceLocation)
            #expect(earlier.time <= later.time, sourceLocation: sourceLocation)
            if fixture.offsetsAreDense {
                #expect(later.offset == earlier.offset + 1, sourceLocation: sourceLocation)
            }
        }
    }
}

struct Unexpected: Error, CustomStringConvertible {
    var what: String
    var description: String { "unexpected: \(what)" }
}
