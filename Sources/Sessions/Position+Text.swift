import Events
import FoundationEssentials

// A position as text: JSON, readable but for the muted sessions, which are packed.
extension Position {
    /// One line of JSON, the same for the same position.
    public func encoded() -> String {
        let wire = Wire(
            v: 1, start: start, next: next, low: lowWaterOffset, fold: digest, truncated_before: truncatedBefore,
            timelines: timelines.map {
                Wire.Timeline(
                    name: $0.timeline.name, low: $0.lowWaterOffset, clock_at_low: $0.clockAtLowWater,
                    clock: $0.clockAtNext)
            },
            counters: Self.named(counters, Counters.accounts), sessions: Self.named(sessions, SessionCounters.accounts),
            muted: packedMuted())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(wire), as: UTF8.self)
        } catch {
            preconditionFailure("Position.encoded: numbers and texts have an encoding in JSON: \(error)")
        }
    }

    /// Reads what `encoded` wrote. Refuses whatever cannot be a fold's position, so that no fold starts from it.
    public init(decoding text: String) throws(PositionError) {
        let wire: Wire
        do { wire = try JSONDecoder().decode(Wire.self, from: Data(text.utf8)) } catch {
            throw .unreadable("\(error)")
        }
        guard wire.v == 1 else { throw .unreadable("version \(wire.v), this program knows version 1") }
        let timelines = wire.timelines.map {
            TimelinePosition(
                timeline: Timeline(name: $0.name), lowWaterOffset: $0.low, clockAtLowWater: $0.clock_at_low,
                clockAtNext: $0.clock)
        }
        self.init(
            start: wire.start, next: wire.next, digest: wire.fold, truncatedBefore: wire.truncated_before,
            timelines: timelines, counters: try Self.accounts(wire.counters, Counters(), Counters.accounts),
            sessions: try Self.accounts(wire.sessions, SessionCounters(), SessionCounters.accounts), muted: [])
        try checkOffsets()
        try checkTimelines()
        muted = try unpackMuted(wire.muted)
    }

    private struct Wire: Codable {
        struct Timeline: Codable {
            var name: String
            var low: Int64
            var clock_at_low: Int64
            var clock: Int64
        }

        var v: Int
        var start: Int64
        var next: Int64
        /// For whoever reads the text; worked out again when it is decoded.
        var low: Int64
        var fold: String
        var truncated_before: Int64
        var timelines: [Timeline]
        var counters: [String: Int64]
        var sessions: [String: Int64]
        var muted: String
    }

    private typealias Accounts<Root> = [(name: String, path: any WritableKeyPath<Root, Int64> & Sendable)]

    private static func named<Root>(_ root: Root, _ accounts: Accounts<Root>) -> [String: Int64] {
        Dictionary(uniqueKeysWithValues: accounts.map { ($0.name, root[keyPath: $0.path]) })
    }

    private static func accounts<Root>(
        _ values: [String: Int64], _ zero: Root, _ accounts: Accounts<Root>
    ) throws(PositionError) -> Root {
        var root = zero
        for account in accounts {
            let missing: Int64? = SessionCounters.addedLater.contains(account.name) ? 0 : nil
            guard let value = values[account.name] ?? missing, possible.contains(value) else {
                throw .unreadable("the count of \(account.name) is missing or out of range")
            }
            root[keyPath: account.path] = value
        }
        return root
    }

    /// Offsets, counts and times of a position: wide enough for any log, narrow enough that no sum of a few overflows.
    private static let possible = Int64(0)...(1 << 56)

    private func checkOffsets() throws(PositionError) {
        guard Self.possible.contains(next), (0...next).contains(start) else {
            throw .unreadable("start \(start) and next \(next) are no range of offsets")
        }
        guard (0...next).contains(truncatedBefore) else {
            throw .unreadable("truncated_before \(truncatedBefore) lies outside of the log")
        }
        guard counters.total == next - start else {
            throw .unreadable("its accounts hold \(counters.total) records of the \(next - start) it has folded")
        }
    }

    private func checkTimelines() throws(PositionError) {
        for (index, known) in timelines.enumerated() {
            let name = known.timeline.name
            guard index == 0 || timelines[index - 1].timeline != known.timeline else {
                throw .unreadable("timeline \(name) stands there twice")
            }
            guard (start...next).contains(known.lowWaterOffset) else {
                throw .unreadable("the low-water \(known.lowWaterOffset) of \(name) lies outside of what it has folded")
            }
            guard Self.possible.contains(known.clockAtLowWater), Self.possible.contains(known.clockAtNext),
                known.clockAtLowWater <= known.clockAtNext
            else { throw .unreadable("the clocks of \(name) are out of order or out of range") }
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
        var sessions = MutedSessions()
        while let index = rest.popFirst() {
            guard Int(index) < timelines.count, rest.count >= 8 else { throw .unreadable("muted is cut short") }
            let timeline = timelines[Int(index)]
            var keyHash: UInt64 = 0
            for shift in 0..<8 { keyHash |= UInt64(rest.removeFirst()) << (8 * UInt64(shift)) }
            let first = try Self.takeLEB128(&rest)
            let silence = try Self.takeLEB128(&rest)
            let duration = try Self.takeLEB128(&rest)
            let lastClock = timeline.clockAtNext - silence
            guard (start..<next).contains(next - first), lastClock - duration >= 0 else {
                throw .unreadable("a muted session began before everything it has folded")
            }
            guard !sessions.contains(keyHash, on: timeline.timeline) else {
                throw .unreadable("a muted session stands there twice")
            }
            sessions.append(
                MutedSession(
                    timeline: timeline.timeline, keyHash: keyHash, firstOffset: next - first,
                    startClock: lastClock - duration, lastClock: lastClock))
        }
        return sessions.list
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
