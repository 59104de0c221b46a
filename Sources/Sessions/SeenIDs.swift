/// The event ids that a session has seen, as `StableHash`es. The first four stand in the session itself: half of all
/// sessions have no more, and need neither an allocation nor a further place in memory to be looked at.
struct SeenIDs: Sendable, Equatable {
    /// 0, which no hash is, where there is none yet. Comparing all four at once costs less than a loop.
    private var first = SIMD4<UInt64>(repeating: 0)
    private var more: [UInt64] = []
    private var count: Int32 = 0

    /// Returns false where the id was seen before. A linear look: no session has more than the muting limit.
    mutating func insert(_ id: UInt64) -> Bool {
        if any(first .== id) || more.contains(id) { return false }
        if count < 4 { first[Int(count)] = id } else { more.append(id) }
        count += 1
        return true
    }
}
