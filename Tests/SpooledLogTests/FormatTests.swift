import EventLog
import LogContract
import SpooledLog
import Testing

/// A segment's bytes, whatever has become of them, give back every entry that is whole and account for all others.
struct FormatTests {
    private static let items: [SpoolItem] = [
        .event(record(1)), .rejected(rejected(2)), .event(record(3, key: "v:ü", bytes: 40)),
        .rejected(rejected(4, line: 17)), .event(NewRecord(key: "", value: [], identity: .max)), .event(record(6)),
    ]

    private static func entries() throws -> [[UInt8]] {
        try items.enumerated().map { try #require(SpoolFormat.encode($1, time: Int64($0))) }
    }

    /// Everything that a segment gives; traps the test where it does not come to the end.
    private static func read(_ bytes: [UInt8]) throws -> [SpoolFormat.Found] {
        var all: [SpoolFormat.Found] = []
        var offset = 0
        while let found = SpoolFormat.read(bytes, at: offset, isEnd: true) {
            switch found {
            case .item(_, _, let count), .damaged(let count, _), .torn(let count): offset += count
            }
            all.append(found)
            try #require(all.count <= bytes.count)
        }
        #expect(offset == bytes.count)
        return all
    }

    private static func items(_ found: [SpoolFormat.Found]) -> [SpoolItem] {
        found.compactMap { if case .item(let item, _, _) = $0 { item } else { nil } }
    }

    @Test func entriesAreReadBackAsTheyWere() throws {
        let entries = try Self.entries()
        let expected = zip(Self.items, entries).enumerated().map { number, pair in
            SpoolFormat.Found.item(pair.0, time: Int64(number), bytes: pair.1.count)
        }
        #expect(try Self.read(Array(entries.joined())) == expected)
    }

    @Test func anEntryThatIsTooLargeIsNotMade() {
        let event = NewRecord(key: "k", value: [UInt8](repeating: 32, count: SpoolFormat.maxPayloadBytes), identity: 1)
        #expect(SpoolFormat.encode(.event(event), time: 0) == nil)
    }

    @Test func aCutAnywhereLeavesWholeEntriesAndATornOne() throws {
        let entries = try Self.entries()
        let bytes = Array(entries.joined())
        var ends = [0]
        for entry in entries { ends.append((ends.last ?? 0) + entry.count) }
        for cut in 0...bytes.count {
            let found = try Self.read(Array(bytes[..<cut]))
            let whole = ends.count { $0 <= cut } - 1
            #expect(Self.items(found) == Array(Self.items[..<whole]), "cut at \(cut)")
            let rest = cut - ends[whole]
            #expect(found.count == whole + (rest > 0 ? 1 : 0))
            if rest > 0 { #expect(found.last == .torn(bytes: rest), "cut at \(cut)") }
        }
    }

    @Test func aFlippedBitAnywhereHarmsOneEntryAndIsSeen() throws {
        let entries = try Self.entries()
        let bytes = Array(entries.joined())
        for position in bytes.indices {
            for bit in [0, 7] {
                var flipped = bytes
                flipped[position] ^= 1 << UInt8(bit)
                let found = try Self.read(flipped)
                var start = 0
                let harmed = try #require(
                    entries.firstIndex { entry in
                        start += entry.count
                        return position < start
                    })
                var expected = Self.items
                expected.remove(at: harmed)
                #expect(Self.items(found) == expected, "bit \(bit) of byte \(position)")
                guard case .damaged(let count, _) = found[harmed] else {
                    Issue.record("bit \(bit) of byte \(position) gave \(found[harmed])")
                    continue
                }
                #expect(count == entries[harmed].count)
            }
        }
    }

    @Test func aTailOfZerosIsTorn() throws {
        let entries = try Self.entries()
        let found = try Self.read(Array(entries.joined()) + [UInt8](repeating: 0, count: 4_096))
        #expect(Self.items(found) == Self.items)
        #expect(found.last == .torn(bytes: 4_096))
    }

    /// Several wounds at once: bytes changed, dropped and put in. What is untouched is found.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func whatIsUntouchedIsFoundAmongWounds(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var bytes: [UInt8] = []
        var untouched: [SpoolItem] = []
        for (item, entry) in zip(Self.items + Self.items, try Self.entries() + Self.entries()) {
            var entry = entry
            switch Int.random(in: 0..<6, using: &random) {
            case 0: entry[Int.random(in: entry.indices, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            case 1: entry.remove(at: Int.random(in: entry.indices, using: &random))
            case 2:
                let noise = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                entry.insert(contentsOf: noise, at: Int.random(in: 1..<entry.count, using: &random))
            default: untouched.append(item)
            }
            bytes += entry
        }
        let found = Self.items(try Self.read(bytes))
        var rest = found[...]
        for item in untouched {
            let place = rest.firstIndex(of: item)
            #expect(place != nil, "\(item) is lost")
            rest = rest[((place ?? rest.startIndex - 1) + 1)...]
        }
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func noiseIsReadToItsEnd(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let bytes = (0..<Int.random(in: 0...500, using: &random)).map { _ in
            // Many a beginning of a header.
            Bool.random(using: &random) ? 0xff : UInt8.random(in: 0...255, using: &random)
        }
        #expect(Self.items(try Self.read(bytes)) == [])
    }
}
