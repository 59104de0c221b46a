/// The event ids that a session has seen, as `StableHash`es. The first four stand in the session itself: half of all
/// sessions have no more, and need neither an allocation nor a further place in memory to be looked at.
struct SeenIDs: Sendable, Equatable {
    /// 0, which no hash is, where there is none yet. Four numbers and not a vector of four, which would have to stand on
    /// a multiple of 32 bytes and make every session larger by what that leaves empty.
    private var a: UInt64 = 0
    private var b: UInt64 = 0
    private var c: UInt64 = 0
    private var d: UInt64 = 0
    private var more: [UInt64] = []

    /// Returns false where the id was seen before. A linear look: no session has more than the muting limit.
    mutating func insert(_ id: UInt64) -> Bool {
        if a == id || b == id || c == id || d == id { return false }
        if a == 0 {
            a = id
        } else if b == 0 {
            b = id
        } else if c == 0 {
            c = id
        } else if d == 0 {
            d = id
        } else if more.contains(id) {
            return false
        } else {
            more.append(id)
        }
        return true
    }
}
