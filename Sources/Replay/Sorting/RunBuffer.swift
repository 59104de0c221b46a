/// Rows that are gathered in one piece of memory and sorted there.
///
/// Encoded rows grow from the front, the entries that are sorted from the back; full is where they would meet, with
/// room for the sort's own scratch memory (half the entries) counted in. So the memory used is what was asked for.
final class RunBuffer {
    /// Where a row begins, and what it is sorted by: equal times keep the order in which the rows came.
    private struct Entry {
        var time: Int64
        var start: Int

        @inline(__always)
        static func precedes(_ one: Entry, _ other: Entry) -> Bool {
            one.time < other.time || (one.time == other.time && one.start < other.start)
        }
    }

    private let memory: UnsafeMutableRawBufferPointer
    private var used = 0
    private(set) var count = 0

    private static let stride = MemoryLayout<Entry>.stride

    init(capacity: Int) {
        let whole = capacity / Self.stride * Self.stride
        // Pages that are never written to cost nothing.
        memory = .allocate(byteCount: whole, alignment: Self.stride)
    }

    deinit { memory.deallocate() }

    /// Takes a row; refuses it where there is no room.
    func add(_ row: TimedRow) -> Bool {
        let size = RowCodec.size(of: row)
        guard used + size + (count + 1) * Self.stride * 3 / 2 <= memory.count, let base = memory.baseAddress else {
            precondition(count > 0, "RunBuffer.add: a row of \(size) bytes in a buffer of \(memory.count)")
            return false
        }
        RowCodec.encode(row, to: base + used)
        count += 1
        (base + memory.count - count * Self.stride).storeBytes(of: Entry(time: row.time, start: used), as: Entry.self)
        used += size
        return true
    }

    func removeAll() {
        used = 0
        count = 0
    }

    func sort() {
        var entries = entries
        entries.sort(by: Entry.precedes)
    }

    /// Hands every encoded row to `body`, in the order of the last sort.
    func forEach(_ body: (UnsafeRawBufferPointer) throws(ReplayError) -> Void) throws(ReplayError) {
        for index in 0..<count { try body(self[index]) }
    }

    /// The encoded row at a place in the order of the last sort.
    subscript(index: Int) -> UnsafeRawBufferPointer {
        let start = entries[index].start
        guard let base = memory.baseAddress else { preconditionFailure("RunBuffer: no memory") }
        return UnsafeRawBufferPointer(start: base + start, count: RowCodec.size(at: base + start))
    }

    private var entries: UnsafeMutableBufferPointer<Entry> {
        let bytes = memory[(memory.count - count * Self.stride)...]
        return UnsafeMutableRawBufferPointer(rebasing: bytes).bindMemory(to: Entry.self)
    }
}
