import EventLog
import FoundationEssentials
import LogDirectory
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The spool's directory. Used by one thread at a time.
///
///     lock            held by the collector whose spool it is
///     format          `dinghy spool 1`
///     head            how far the log has it
///     N.spool         segments, in the order of their numbers: entries behind each other
///
/// 1. What `append` has returned from is durable, and is given by `batch` until `advance` has passed it.
/// 2. A segment is deleted only when the head behind it is durable.
/// 3. No byte that was durable is written again: after a failure, and after a start, writing goes on in a new segment.
///    So a failed fsync is never asked a second time, which would not tell the truth (PostgreSQL's "fsyncgate", 2018).
final class SpoolFiles {
    private struct Segment {
        var number: Int
        /// Durable bytes.
        var size: Int
    }

    private let settings: SpoolSettings
    private let logger: Logger
    private let lock: DirectoryLock
    private var head: HeadMark
    private var segments: [Segment] = []
    /// Where the last segment is written to, if it still is.
    private var active: SpoolFile?
    private var nextNumber: Int

    /// What was found at the start and waits.
    private(set) var found = SpoolState.Amount()
    /// When the oldest of it came.
    private(set) var oldestTime: Int64?

    /// - Throws: `.unusable`, saying what is wrong with the directory and what to do.
    init(_ settings: SpoolSettings, logger: Logger) throws(EventLogError) {
        self.settings = settings
        self.logger = logger
        let directory = settings.directory
        let named = DirectoryLock.Named(directory, kind: "spool directory", setting: "spool.directory")
        try makeDurableDirectory(named)
        let lock = try DirectoryLock(named)
        self.lock = lock
        do {
            let numbers = try Self.numbers(in: directory)
            try Self.checkFormat(directory, isNew: numbers.isEmpty)
            let beginning = SpoolPosition(segment: numbers.first ?? 0, offset: 0)
            let (mark, isReadable) = try HeadMark.open(directory + "/head", beginning: beginning)
            try SpoolFile.sync(directory: directory)
            if !isReadable {
                logger.warning(
                    "the mark in \(directory)/head cannot be read: all that is spooled is sent again, and counts as repeated"
                )
            }
            head = mark
            nextNumber = max(mark.position.segment, numbers.last ?? 0) + 1
            for number in numbers where number < mark.position.segment { unlink(path(of: number)) }
            for number in numbers where number >= mark.position.segment {
                let segment = Segment(number: number, size: try look(into: number))
                if position(in: segment) < segment.size { segments.append(segment) } else { unlink(path(of: number)) }
            }
        } catch let failure as SpoolFailure {
            lock.release()
            throw .unusable("the spool directory \(directory) cannot be used: \(failure.reason)")
        } catch {
            lock.release()
            throw error as? EventLogError ?? .failed("\(error)")
        }
    }

    func close() {
        active = nil
        lock.release()
    }

    /// What all files take.
    var diskBytes: Int { segments.reduce(0) { $0 + $1.size } }

    // MARK: Opening

    private static func numbers(in directory: String) throws(SpoolFailure) -> [Int] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
            throw .failed("\(directory) cannot be listed")
        }
        return names.filter { $0.hasSuffix(".spool") }.compactMap { Int($0.dropLast(6)) }.sorted()
    }

    private static func checkFormat(_ directory: String, isNew: Bool) throws {
        let path = directory + "/format"
        let ours = "dinghy spool \(SpoolFormat.version)\n"
        let file = try SpoolFile(path, O_RDWR | O_CREAT)
        let found = String(decoding: try file.read(64, at: 0), as: UTF8.self)
        if found == ours { return }
        guard isNew, ours.hasPrefix(found) else {
            throw EventLogError.unusable(
                "\(path) says '\(found.prefix { $0 != "\n" })', and this version reads 'dinghy spool "
                    + "\(SpoolFormat.version)': start the version that wrote it and let it drain, or choose another "
                    + "spool.directory")
        }
        try file.write(Array(ours.utf8), at: 0)
        try file.sync()
    }

    /// Counts what waits in a segment and cuts off what was never written to the end.
    private func look(into number: Int) throws(SpoolFailure) -> Int {
        let file = try SpoolFile(path(of: number), O_RDWR)
        let size = try file.size()
        var offset = number == head.position.segment ? head.position.offset : 0
        guard offset <= size else {
            logger.warning("\(file.path) is shorter than what was drained of it: \(size) of \(offset) bytes")
            return size
        }
        var cursor = SegmentCursor(file, from: offset, size: size, windowBytes: settings.batchBytes)
        while let (next, _) = try cursor.next() {
            switch next {
            case .item(_, let time, let bytes):
                oldestTime = oldestTime ?? time
                found.records += 1
                found.bytes += bytes
            case .damaged(let bytes, let reason):
                logger.error(
                    "\(file.path) is damaged at byte \(offset): \(reason); the \(bytes) bytes go to rejected",
                    metadata: ["bytes": "\(bytes)"])
                found.records += 1
                found.bytes += bytes
            case .torn(let bytes):
                logger.warning(
                    "\(file.path) ends within an entry that was never acknowledged: its \(bytes) bytes are cut off",
                    metadata: ["bytes": "\(bytes)"])
                try file.cut(to: offset)
                try file.sync()
                return offset
            }
            offset = cursor.offset
        }
        return size
    }

    private func path(of number: Int) -> String {
        let digits = String(number)
        return settings.directory + "/" + String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".spool"
    }

    // MARK: Writing

    /// Writes entries behind all others; durable when it returns. After a failure none of them is given.
    func append(_ entries: [[UInt8]]) throws(SpoolFailure) {
        if let last = segments.last, last.size >= settings.segmentBytes { active = nil }
        let isNew = active == nil
        if isNew { try begin() }
        guard let file = active, let index = segments.indices.last else {
            preconditionFailure("SpoolFiles.append: no segment")
        }
        let bytes = Array(entries.joined())
        do throws(SpoolFailure) {
            try file.write(bytes, at: segments[index].size)
            try file.sync()
            if isNew { try SpoolFile.sync(directory: settings.directory) }
            segments[index].size += bytes.count
        } catch {
            // Whether it was cut or not, what stands behind `size` is not read by this process.
            try? file.cut(to: segments[index].size)
            active = nil
            if segments[index].size == 0 {
                unlink(file.path)
                segments.removeLast()
            }
            throw error
        }
    }

    private func begin() throws(SpoolFailure) {
        active = try SpoolFile(path(of: nextNumber), O_RDWR | O_CREAT | O_EXCL)
        segments.append(Segment(number: nextNumber, size: 0))
        nextNumber += 1
    }

    // MARK: Draining

    /// The oldest entries, within `batchBytes` and `batchRecords`, of one segment; empty where none waits.
    func batch() throws(SpoolFailure) -> SpoolBatch {
        var batch = SpoolBatch()
        guard let segment = segments.first(where: { position(in: $0) < $0.size }) else { return batch }
        let file = try SpoolFile(path(of: segment.number), O_RDONLY)
        var cursor = SegmentCursor(
            file, from: position(in: segment), size: segment.size, windowBytes: settings.batchBytes)
        while batch.bytes < settings.batchBytes, batch.entries.count < settings.batchRecords {
            let offset = cursor.offset
            guard let (found, bytes) = try cursor.next() else { break }
            let content: SpoolBatch.Content =
                switch found {
                case .item(let item, let time, _): .item(item, time: time)
                case .damaged(_, let reason): .damaged(Array(bytes), "\(file.path), byte \(offset): \(reason)")
                // What is torn was cut off at the start, and this was whole since.
                case .torn: .damaged(Array(bytes), "\(file.path), byte \(offset): it ends too early")
                }
            batch.append(
                content, bytes: bytes.count, end: SpoolPosition(segment: segment.number, offset: cursor.offset))
        }
        return batch
    }

    private func position(in segment: Segment) -> Int {
        segment.number == head.position.segment ? head.position.offset : 0
    }

    /// The log has everything before `position`: remembers that, then deletes what is no longer needed.
    func advance(to position: SpoolPosition) throws(SpoolFailure) {
        precondition(position >= head.position, "SpoolFiles.advance: back to \(position)")
        var position = position
        if let index = segments.firstIndex(where: { $0.number == position.segment }),
            position.offset == segments[index].size
        {
            // A segment that is drained to its end is written no more.
            if index == segments.count - 1 { active = nil }
            position = SpoolPosition(segment: position.segment + 1, offset: 0)
        }
        try head.move(to: position)
        for segment in segments.prefix(while: { $0.number < position.segment }) {
            if unlink(path(of: segment.number)) != 0, errno != ENOENT {
                logger.warning("\(path(of: segment.number)) cannot be deleted: \(String(cString: strerror(errno)))")
            }
        }
        segments.removeAll { $0.number < position.segment }
    }
}

/// A run of entries from the spool's head on.
struct SpoolBatch: Sendable {
    enum Content: Sendable {
        case item(SpoolItem, time: Int64)
        /// Bytes that cannot be read, with where they stand and why.
        case damaged([UInt8], String)
    }

    struct Entry: Sendable {
        var content: Content
        var bytes: Int
        /// Behind it.
        var end: SpoolPosition
    }

    private(set) var entries: [Entry] = []
    private(set) var bytes = 0

    mutating func append(_ content: Content, bytes count: Int, end: SpoolPosition) {
        entries.append(Entry(content: content, bytes: count, end: end))
        bytes += count
    }
}
