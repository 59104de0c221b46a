/// Finds the slot of a key's open session: open addressing with linear probing, eight bytes an entry. Keys stand in
/// their sessions only and are compared byte by byte, as the log partitions by them; to Swift's `String` two spellings
/// of one letter would be equal.
///
/// Hashes are seeded anew in every process, so that nobody can choose keys that collide; nothing depends on them but
/// where an entry stands.
struct SlotTable: Sendable {
    private struct Entry: Sendable {
        var hash: UInt32 = 0
        var slot = SlotLinks.none
    }

    /// A power of two of them, or none yet; at most three quarters are in use.
    private var entries: ContiguousArray<Entry> = []
    private var count = 0

    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(key))
        return UInt32(truncatingIfNeeded: hasher.finalize())
    }

    /// The slot with this hash that `isWanted`.
    @inline(__always)
    func slot(_ hash: UInt32, where isWanted: (Int32) -> Bool) -> Int32? {
        guard count > 0 else { return nil }
        let mask = entries.count - 1
        var place = Int(hash) & mask
        while entries[place].slot != SlotLinks.none {
            if entries[place].hash == hash, isWanted(entries[place].slot) { return entries[place].slot }
            place = (place + 1) & mask
        }
        return nil
    }

    /// The key must not be in the table.
    mutating func insert(_ slot: Int32, _ hash: UInt32) {
        if (count + 1) * 4 > entries.count * 3 { grow() }
        place(Entry(hash: hash, slot: slot))
        count += 1
    }

    /// The slot must be in the table under this hash.
    mutating func remove(_ slot: Int32, _ hash: UInt32) {
        let mask = entries.count - 1
        var hole = Int(hash) & mask
        while entries[hole].slot != slot { hole = (hole + 1) & mask }
        // Entries behind the hole move up where that brings them closer to where their hash wants them (Knuth, The Art
        // of Computer Programming 3, 6.4, algorithm R).
        var next = (hole + 1) & mask
        while entries[next].slot != SlotLinks.none {
            let home = Int(entries[next].hash) & mask
            if (next - home) & mask >= (next - hole) & mask {
                entries[hole] = entries[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        entries[hole] = Entry()
        count -= 1
    }

    private mutating func place(_ entry: Entry) {
        let mask = entries.count - 1
        var place = Int(entry.hash) & mask
        while entries[place].slot != SlotLinks.none { place = (place + 1) & mask }
        entries[place] = entry
    }

    private mutating func grow() {
        let old = entries
        entries = ContiguousArray(repeating: Entry(), count: max(8, old.count * 2))
        for entry in old where entry.slot != SlotLinks.none { place(entry) }
    }
}
