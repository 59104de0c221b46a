/// What all open sessions remember of their events, in chunks of four entries: a list of chunks a session, from the
/// latest back. Chunks of sessions that have closed are used again.
///
/// A list of its own costs a session no allocation, its growth no copy, and at most three entries stand empty.
struct Histories: Sendable {
    /// One event that was not a repeated one.
    struct Entry: Sendable, BitwiseCopyable {
        /// `StableHash` of the event's id.
        var id: UInt64
        /// Means something where the event came before the first purchase.
        var step: Step
    }

    /// One session's list, and what it may hold: a bit that is not set says that nothing of that hash is in it.
    struct List: Sendable {
        fileprivate var last = Chunks.none
        fileprivate(set) var count: Int32 = 0
        fileprivate var ids: UInt64 = 0
        /// Of products and pages.
        fileprivate var items: UInt64 = 0
    }

    /// What a session has seen of an event before.
    struct Seen {
        var id = false
        /// Steps that named the product, the page; stop at 255.
        var sku: UInt8 = 0
        var page: UInt8 = 0
    }

    private var chunks = Chunks()
    /// The last chunks of lists that were given back.
    private var free: [Int32] = []

    /// From the latest entry back, as far as something is left to be found: most events of most sessions repeat nothing,
    /// or what is near. No session has more entries than the muting limit.
    ///
    /// - Parameters:
    ///   - sku: of a step; 0 where there is none, or where it is not wanted.
    ///   - page: likewise.
    func look(for id: UInt64, sku: UInt64, page: UInt64, in list: List) -> Seen {
        var seen = Seen()
        let wantsID = list.ids & Self.bit(id) != 0
        var wantsSku = sku != 0 && list.items & Self.bit(sku) != 0
        var wantsPage = page != 0 && list.items & Self.bit(page) != 0
        var chunk = list.last
        var left = Int(list.count)
        while left > 0, wantsID || wantsSku || wantsPage {
            let entries = chunks.entries(chunk)
            for place in stride(from: (left - 1) % Chunks.size, through: 0, by: -1) {
                if wantsID, entries[place].id == id {
                    seen.id = true
                    return seen
                }
                // A step says how often the steps before it had named the same.
                if wantsSku, entries[place].step.sku == sku {
                    seen.sku = UInt8(clamping: Int(entries[place].step.skuSeen) + 1)
                    wantsSku = false
                }
                if wantsPage, entries[place].step.page == page {
                    seen.page = UInt8(clamping: Int(entries[place].step.pageSeen) + 1)
                    wantsPage = false
                }
                left -= 1
            }
            chunk = chunks.before(chunk).pointee
        }
        return seen
    }

    /// The steps of the first entries of a list.
    func steps(_ count: Int, of list: List) -> [Step] {
        guard count > 0 else { return [] }
        var chunk = list.last
        var left = Int(list.count)
        return [Step](unsafeUninitializedCapacity: count) { steps, initialized in
            while left > 0 {
                let entries = chunks.entries(chunk)
                for place in stride(from: (left - 1) % Chunks.size, through: 0, by: -1) {
                    left -= 1
                    if left < count { steps.initializeElement(at: left, to: entries[place].step) }
                }
                chunk = chunks.before(chunk).pointee
            }
            initialized = count
        }
    }

    /// The step of the last entry of a list that has one.
    func lastStep(of list: List) -> Step {
        chunks.entries(list.last)[(Int(list.count) - 1) % Chunks.size].step
    }

    mutating func append(_ entry: Entry, to list: inout List) {
        chunks.makeOwn()
        let place = Int(list.count) % Chunks.size
        if place == 0 {
            let chunk = takeChunk()
            chunks.before(chunk).pointee = list.last
            list.last = chunk
        }
        chunks.entries(list.last)[place] = entry
        list.count += 1
        list.ids |= Self.bit(entry.id)
        list.items |= Self.bit(entry.step.sku) | Self.bit(entry.step.page)
    }

    /// Gives the chunks of a list back; it is empty from then on.
    mutating func release(_ list: inout List) {
        if list.last != Chunks.none { free.append(list.last) }
        list = List()
    }

    private mutating func takeChunk() -> Int32 {
        guard let chunk = free.last else { return chunks.add() }
        let before = chunks.before(chunk).pointee
        if before == Chunks.none { free.removeLast() } else { free[free.count - 1] = before }
        return chunk
    }

    @inline(__always)
    private static func bit(_ hash: UInt64) -> UInt64 { 1 << (hash & 63) }
}
