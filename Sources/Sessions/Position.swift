public import Events
import FoundationEssentials

/// Where a fold stands, small enough for a Kafka offset's metadata: with the log from `lowWaterOffset` on, it is the
/// whole state. Folding again from there, with empty state and these clocks, reproduces every open session exactly.
public struct Position: Sendable, Equatable {
    /// One timeline's part of a position.
    public struct TimelinePosition: Sendable, Equatable {
        public var timeline: Timeline
        /// The oldest first offset of the timeline's open sessions, or the position's `next` where there are none.
        public var lowWaterOffset: Int64
        public var clockAtLowWater: Int64
        public var clockAtNext: Int64
    }

    /// The log offset that the fold began with, ever.
    public var start: Int64
    /// The first offset not folded yet.
    public var next: Int64
    /// `FoldParameters.digest` of the fold.
    public var digest: String
    public var timelines: [TimelinePosition]
    public var counters: Counters
    public var sessions: SessionCounters
    /// Muted sessions that do not hold the low-water: at most `maxMuted`, fewer where `maxBytes` asks for it.
    public var muted: [MutedSession]

    public static let maxBytes = 3_500
    public static let maxMuted = 200

    public var lowWaterOffset: Int64 { timelines.map(\.lowWaterOffset).min() ?? next }

    /// The position before the first record of a log that begins at `start`.
    public init(start: Int64, parameters: FoldParameters = .standard) {
        self.init(
            start: start, next: start, digest: parameters.digest, timelines: [], counters: Counters(),
            sessions: SessionCounters(), muted: [])
    }

    init(
        start: Int64, next: Int64, digest: String, timelines: [TimelinePosition], counters: Counters,
        sessions: SessionCounters, muted: [MutedSession]
    ) {
        self.start = start
        self.next = next
        self.digest = digest
        self.timelines = timelines
        self.counters = counters
        self.sessions = sessions
        self.muted = muted
    }

    /// JSON, readable but for the muted sessions, which are packed.
    public func encoded() -> String {
        let timelines = timelines.map {
            "\"\($0.timeline.name)\":[\($0.lowWaterOffset),\($0.clockAtLowWater),\($0.clockAtNext)]"
        }
        let counters = Counters.accounts.map { "\"\($0.name)\":\(self.counters[keyPath: $0.path])" }
        let sessions = SessionCounters.accounts.map { "\"\($0.name)\":\(self.sessions[keyPath: $0.path])" }
        return """
            {"v":1,"start":\(start),"next":\(next),"low":\(lowWaterOffset),"fold":"\(digest)",\
            "timelines":{\(timelines.joined(separator: ","))},"counters":{\(counters.joined(separator: ","))},\
            "sessions":{\(sessions.joined(separator: ","))},"muted":"\(packedMuted())"}
            """
    }

    public init(decoding text: String) throws(PositionError) {
        let wire: Wire
        do { wire = try JSONDecoder().decode(Wire.self, from: Data(text.utf8)) } catch {
            throw .unreadable("\(error)")
        }
        guard wire.v == 1 else { throw .unreadable("version \(wire.v), this program knows version 1") }
        var timelines: [TimelinePosition] = []
        for (name, values) in wire.timelines.sorted(by: { $0.key < $1.key }) {
            guard values.count == 3 else { throw .unreadable("timeline \(name) has \(values.count) values, not 3") }
            timelines.append(
                TimelinePosition(
                    timeline: Timeline(name: name), lowWaterOffset: values[0], clockAtLowWater: values[1],
                    clockAtNext: values[2]))
        }
        var counters = Counters()
        for account in Counters.accounts { counters[keyPath: account.path] = wire.counters[account.name] ?? 0 }
        var sessions = SessionCounters()
        for account in SessionCounters.accounts { sessions[keyPath: account.path] = wire.sessions[account.name] ?? 0 }
        self.init(
            start: wire.start, next: wire.next, digest: wire.fold, timelines: timelines, counters: counters,
            sessions: sessions, muted: [])
        muted = try unpackMuted(wire.muted)
    }

    private struct Wire: Decodable {
        var v: Int
        var start: Int64
        var next: Int64
        var fold: String
        var timelines: [String: [Int64]]
        var counters: [String: Int64]
        var sessions: [String: Int64]
        var muted: String
    }
}

/// Why a committed position cannot be used.
public enum PositionError: Error, Equatable, CustomStringConvertible {
    case unreadable(String)
    /// The position was made by a fold with other parameters: its sessions are not ours.
    case foreignDigest(committed: String, own: String)

    public var description: String {
        switch self {
        case .unreadable(let reason):
            "the committed position cannot be read: \(reason)"
        case .foreignDigest(let committed, let own):
            """
            the committed position was made with other session rules (\(committed)) than this program's (\(own)): \
            run the version that made it, or score the log again from its start into an empty scores file
            """
        }
    }
}

// Muted sessions, packed: per session the timeline's index, the key hash (8 bytes) and three differences as LEB128.
extension Position {
    private func packedMuted() -> String {
        var bytes: [UInt8] = []
        for session in muted {
            guard let index = timelines.firstIndex(where: { $0.timeline == session.timeline }) else {
                preconditionFailure("Position.packedMuted: a muted session's timeline has no position")
            }
            bytes.append(UInt8(index))
            withUnsafeBytes(of: session.keyHash.littleEndian) { bytes.append(contentsOf: $0) }
            Self.appendLEB128(UInt64(next - session.firstOffset), to: &bytes)
            Self.appendLEB128(UInt64(timelines[index].clockAtNext - session.lastClock), to: &bytes)
            Self.appendLEB128(UInt64(session.lastClock - session.startClock), to: &bytes)
        }
        return Data(bytes).base64EncodedString()
    }

    private func unpackMuted(_ text: String) throws(PositionError) -> [MutedSession] {
        guard let data = Data(base64Encoded: text) else { throw .unreadable("muted is not base64") }
        var rest = [UInt8](data)[...]
        var sessions: [MutedSession] = []
        while let index = rest.popFirst() {
            guard Int(index) < timelines.count, rest.count >= 8 else { throw .unreadable("muted is cut short") }
            let timeline = timelines[Int(index)]
            var keyHash: UInt64 = 0
            for shift in 0..<8 { keyHash |= UInt64(rest.removeFirst()) << (8 * UInt64(shift)) }
            let first = try Self.takeLEB128(&rest)
            let silence = try Self.takeLEB128(&rest)
            let duration = try Self.takeLEB128(&rest)
            let lastClock = timeline.clockAtNext - silence
            sessions.append(
                MutedSession(
                    timeline: timeline.timeline, keyHash: keyHash, firstOffset: next - first,
                    startClock: lastClock - duration, lastClock: lastClock))
        }
        return sessions
    }

    private static func appendLEB128(_ value: UInt64, to bytes: inout [UInt8]) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(value & 0x7f) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    private static func takeLEB128(_ bytes: inout ArraySlice<UInt8>) throws(PositionError) -> Int64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 56, by: 7) {
            guard let byte = bytes.popFirst() else { throw .unreadable("muted is cut short") }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return Int64(value) }
        }
        throw .unreadable("muted holds a number that is too long")
    }
}
