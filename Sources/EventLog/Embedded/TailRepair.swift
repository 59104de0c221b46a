public import EventLog
import Events
import FoundationEssentials
import GRDB
import LogDirectory

/// Cuts off the end of a log from the first damaged record of a partition on: what `dinghy repair` does to the files.
///
/// The sound beginning is copied into new files, which then take the place of the old ones; those stay beside them as
/// `events.sqlite.damaged` and so on. Drafts are complete and on the disk before the first is put in place, and as long
/// as one waits for its place nobody opens the directory for writing: a repair that is killed is run again.
public final class TailRepair: Sendable {
    /// What is kept of a partition of the events log, and what goes.
    public struct Cut: Sendable, Equatable, Codable {
        public var partition: Int
        /// Offsets: `start..<end` stay.
        public var start: Int64
        public var end: Int64
        /// The first offset beyond those that go; `nil` where even that cannot be read.
        public var lostEnd: Int64?
        /// What is wrong at `end`; `nil` where nothing is and nothing goes.
        public var reason: String?
        /// Of those that go, what can still be read: events by session key (the first thousand) and by timeline.
        public var readable: Int64 = 0
        public var sessions: [String: Int] = [:]
        public var timelines: [String: Int] = [:]

        /// Counts one of those that go.
        fileprivate mutating func note(_ value: [UInt8]) {
            readable += 1
            guard case .event(let event, let timeline)? = try? RecordCoder.decode(value) else { return }
            timelines[timeline.name, default: 0] += 1
            if sessions.count < maxSessions || sessions[event.sessionKey] != nil {
                sessions[event.sessionKey, default: 0] += 1
            }
        }
    }

    /// What is kept of a partition of the outputs.
    public struct KeptOutputs: Sendable {
        public var scoresEnd: Int64
        public var outcomesEnd: Int64
        /// `nil`: the partition is scored from the log's start.
        public var position: (next: Int64, lowWaterOffset: Int64, text: String)?

        public init(
            scoresEnd: Int64, outcomesEnd: Int64, position: (next: Int64, lowWaterOffset: Int64, text: String)?
        ) {
            self.scoresEnd = scoresEnd
            self.outcomesEnd = outcomesEnd
            self.position = position
        }
    }

    private static let maxSessions = 1_000

    private let path: String
    private let lock: DirectoryLock
    private let data: DataDirectory
    private let events: DatabasePool
    private let scores: DatabasePool
    /// Of every partition.
    public let cuts: [Cut]
    /// The log; only what the cuts keep can be read for sure.
    public var log: any EventLog { data.log }
    /// The outputs up to the first damaged record of each stream.
    public let outputs: any OutputLog
    /// Of every partition, the streams of outputs that are damaged.
    public let damagedOutputs: [[OutputStream]]
    /// Partitions whose committed position is.
    public let damagedPositions: [Int]
    /// Whether some output or position is damaged.
    public var outputsAreDamaged: Bool { !damagedPositions.isEmpty || damagedOutputs.contains { !$0.isEmpty } }

    /// Takes the directory's lock and looks for damage from the beginning of every partition on. Changes nothing, but
    /// finishes a repair that was killed.
    ///
    /// - Parameter progress: records looked at and to look at.
    /// - Throws: `.unusable` where the directory is in use, or damaged in a way that no cut mends.
    public init(
        _ path: String, progress: @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws(EventLogError) {
        self.path = path
        let named = DirectoryLock.Named(path, kind: "data directory", setting: "--data")
        guard FileManager.default.fileExists(atPath: path + "/" + Schema.events.name) else {
            throw .unusable("there is no \(path)/\(Schema.events.name): is this a Dinghy data directory?")
        }
        lock = try DirectoryLock(named)
        try Draft.finish(path)
        events = try Schema.open(path, Schema.events, readOnly: true)
        scores = try Schema.open(path, Schema.scores, readOnly: true)
        data = try await DataDirectory.openReadOnly(path)
        let count = data.log.partitionCount
        var bounds: [Range<Int64>] = []
        for partition in 0..<count {
            do throws(EventLogError) { bounds.append(try await data.log.bounds(partition: partition)) } catch {
                // Where even the beginning cannot be told, nothing is sound.
                let start = try? await events.answer("the log's beginning could not be read") {
                    try $0.firstOffset(of: .event, partition: partition)
                }
                bounds.append((start ?? 0)..<Int64.max)
            }
        }
        let total = bounds.reduce(Int64(0)) { $1.upperBound == .max ? $0 : $0 + Int64($1.count) }
        var cuts: [Cut] = []
        var done: Int64 = 0
        for partition in 0..<count {
            let before = done
            var cut = try await Self.cut(data.log, partition, bounds[partition]) { progress(before + $0, total) }
            done += cut.end - cut.start
            if cut.reason != nil { try await Self.describeLost(&cut, events) }
            cuts.append(cut)
        }
        self.cuts = cuts
        var ends: [OutputStream: [Int64]] = [:]
        var damaged: [[OutputStream]] = Array(repeating: [], count: count)
        var damagedPositions: [Int] = []
        for stream in OutputStream.allCases {
            for partition in 0..<count {
                let (end, isWhole) = await Self.soundEnd(data.outputs, stream, partition)
                ends[stream, default: []].append(end)
                if !isWhole { damaged[partition].append(stream) }
            }
        }
        for partition in 0..<count where (try? await data.outputs.position(partition: partition)) == nil {
            // Unlike one that was never committed, one that cannot be read is damage.
            do throws(EventLogError) { _ = try await data.outputs.position(partition: partition) } catch {
                damagedPositions.append(partition)
            }
        }
        outputs = SoundOutputs(outputs: data.outputs, ends: ends)
        damagedOutputs = damaged
        self.damagedPositions = damagedPositions
    }

    public func close() async {
        await data.close()
        try? events.close()
        try? scores.close()
        lock.release()
    }

    // MARK: Looking

    private static func cut(
        _ log: EmbeddedLog, _ partition: Int, _ bounds: Range<Int64>, progress: (Int64) -> Void
    ) async throws(EventLogError) -> Cut {
        var cut = Cut(
            partition: partition, start: bounds.lowerBound, end: bounds.lowerBound,
            lostEnd: bounds.upperBound == .max ? nil : bounds.upperBound)
        let reader = try await log.reader(partition: partition, from: bounds.lowerBound)
        while cut.end < bounds.upperBound {
            do throws(EventLogError) {
                let records = try await reader.next(limit: 2_000, wait: .zero)
                guard let last = records.last else {
                    cut.reason = "offsets from here on are missing"
                    return cut
                }
                cut.end = last.offset + 1
                progress(cut.end - cut.start)
            } catch {
                cut.reason = "\(error)"
                return cut
            }
        }
        return cut
    }

    /// What can still be read of the records that go, from both sides of what cannot.
    private static func describeLost(_ cut: inout Cut, _ events: DatabasePool) async throws(EventLogError) {
        let (partition, end) = (cut.partition, cut.end)
        let described = try await events.answer("the end of the log could not be read") { [cut] database in
            var cut = cut
            var last = end - 1
            for direction in [Database.Direction.forward, .backward] {
                do {
                    try database.batches(
                        of: .event, partition: partition, in: (last + 1)..<Int64.max, direction
                    ) { batch in
                        try batch.forEach(from: last + 1) { record in
                            if direction == .forward { last = record.offset }
                            cut.note([UInt8](record.value))
                            return true
                        }
                    }
                    break
                } catch {
                    // From the other side.
                    continue
                }
            }
            return cut
        }
        cut = described
    }

    /// Up to where a stream of a partition can be read.
    private static func soundEnd(
        _ outputs: EmbeddedOutputs, _ stream: OutputStream, _ partition: Int
    ) async -> (end: Int64, isWhole: Bool) {
        var end: Int64 = 0
        do throws(EventLogError) {
            end =
                try await outputs.pool.answer("the first output could not be read") {
                    try $0.firstOffset(of: stream.table, partition: partition)
                } ?? 0
            let reader = try await outputs.reader(stream, partition: partition, from: end)
            while let last = try await reader.next(limit: 2_000, wait: .zero).last { end = last.offset + 1 }
            let bounds = try await outputs.bounds(stream, partition: partition)
            return (end, end == bounds.upperBound)
        } catch { return (end, false) }
    }

    // MARK: Cutting

    /// Cuts. `kept` has a place for every partition; `nil` leaves the outputs as they are.
    public func apply(_ kept: [KeptOutputs]?) async throws(EventLogError) {
        do {
            var drafts: [Draft] = []
            if cuts.contains(where: { $0.reason != nil }) {
                let draft = try Draft(path, Schema.events)
                try await draft.copyEvents(events, cuts)
                drafts.append(draft)
            }
            if let kept {
                let draft = try Draft(path, Schema.scores)
                try await draft.copyOutputs(scores, kept)
                drafts.append(draft)
            }
            // The scores first: where only these come into place, the next repair finds the events as damaged as ever.
            for draft in drafts.reversed() { try draft.complete() }
            await data.close()
            try events.close()
            try scores.close()
            try Draft.finish(path)
        } catch {
            throw EventLogError(error, "the repaired files could not be written, the old ones are as they were")
        }
    }
}

/// Outputs that end where they can no longer be read.
private struct SoundOutputs: OutputLog {
    let outputs: EmbeddedOutputs
    let ends: [OutputStream: [Int64]]

    var partitionCount: Int { outputs.partitionCount }

    func bounds(_ stream: OutputStream, partition: Int) async throws(EventLogError) -> Range<Int64> {
        let end = ends[stream]?[partition] ?? 0
        let start = try await outputs.pool.answer("the first output could not be read") {
            try $0.firstOffset(of: stream.table, partition: partition)
        }
        return min(start ?? end, end)..<end
    }

    func reader(
        _ stream: OutputStream, partition: Int, from offset: Int64
    ) async throws(EventLogError) -> any EventReader {
        try await outputs.reader(stream, partition: partition, from: offset)
    }

    func position(partition: Int) async throws(EventLogError) -> String? {
        try await outputs.position(partition: partition)
    }
}
