/// Values by `StableHash`, which is mixed well enough to say by itself where to look: a third of what a dictionary's
/// look-up costs, and the encoder looks two or three things up for every event.
///
/// Hashes are spread by a factor drawn anew in every process, so that nobody can choose ones that collide; nothing
/// depends on it but where an entry stands.
struct HashTable<Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        /// 0, which no hash is, where the place is empty.
        var hash: UInt64
        var value: Value
    }

    /// A power of two of them, at most half of them in use.
    private let entries: ContiguousArray<Entry>
    private let shift: UInt64
    /// Odd, so that no two hashes become one. (The standard library draws the seed that it comes from.)
    private let factor = UInt64(truncatingIfNeeded: Hasher().finalize()) | 1

    init(_ values: [UInt64: Value]) {
        guard let any = values.first?.value else {
            entries = []
            shift = 0
            return
        }
        var bits: UInt64 = 1
        while 1 << bits < 2 * values.count { bits += 1 }
        shift = 64 - bits
        var entries = ContiguousArray(repeating: Entry(hash: 0, value: any), count: 1 << bits)
        for (hash, value) in values where hash != 0 {
            var place = Self.place(hash, factor, shift)
            while entries[place].hash != 0 { place = (place + 1) & (entries.count - 1) }
            entries[place] = Entry(hash: hash, value: value)
        }
        self.entries = entries
    }

    /// `nil` for 0, as for every hash that is not there.
    @inline(__always)
    subscript(hash: UInt64) -> Value? {
        if entries.isEmpty || hash == 0 { return nil }
        var place = Self.place(hash, factor, shift)
        while entries[place].hash != hash {
            if entries[place].hash == 0 { return nil }
            place = (place + 1) & (entries.count - 1)
        }
        return entries[place].value
    }

    @inline(__always)
    private static func place(_ hash: UInt64, _ factor: UInt64, _ shift: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &* factor) >> shift)
    }
}
