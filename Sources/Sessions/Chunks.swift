/// The memory of histories: chunks by number, each of a few entries and the number of another chunk.
///
/// Taken in segments that never move: growth copies nothing, no event waits for it, and memory follows what is held
/// instead of doubling. Numbers come from `Histories` alone and are not checked.
///
/// Sendable although it holds pointers: what they point to changes after `makeOwn` only, when no other value has it.
struct Chunks: @unchecked Sendable {
    /// No chunk's number.
    static let none: Int32 = -1
    /// Entries of a chunk.
    static let size = 4
    private static let stride = size * MemoryLayout<Histories.Entry>.stride + MemoryLayout<Int64>.stride
    /// Chunks of a segment, as a power of two: 400 KiB.
    private static let shift = 11

    private var segments: ContiguousArray<UnsafeMutableRawPointer> = []
    private var count = 0
    private var owner = Owner()

    /// Frees the segments with the last value that has them.
    private final class Owner {
        var segments: ContiguousArray<UnsafeMutableRawPointer> = []

        deinit { for segment in segments { segment.deallocate() } }
    }

    @inline(__always)
    func entries(_ chunk: Int32) -> UnsafeMutablePointer<Histories.Entry> {
        start(chunk).assumingMemoryBound(to: Histories.Entry.self)
    }

    /// The number that stands beside a chunk's entries.
    @inline(__always)
    func before(_ chunk: Int32) -> UnsafeMutablePointer<Int32> {
        (start(chunk) + Self.size * MemoryLayout<Histories.Entry>.stride).assumingMemoryBound(to: Int32.self)
    }

    @inline(__always)
    private func start(_ chunk: Int32) -> UnsafeMutableRawPointer {
        segments[Int(chunk) >> Self.shift] + (Int(chunk) & (1 << Self.shift - 1)) * Self.stride
    }

    /// One more chunk; it holds nothing of meaning.
    mutating func add() -> Int32 {
        if count & (1 << Self.shift - 1) == 0 { append(Self.segment()) }
        count += 1
        return Int32(count - 1)
    }

    /// To be called before anything is changed: copies the memory where another value has it, too.
    @inline(__always)
    mutating func makeOwn() {
        if !isKnownUniquelyReferenced(&owner) { copy() }
    }

    @inline(never)
    private mutating func copy() {
        let shared = segments
        owner = Owner()
        segments = []
        for segment in shared {
            let own = Self.segment()
            own.copyMemory(from: segment, byteCount: Self.stride << Self.shift)
            append(own)
        }
    }

    private mutating func append(_ segment: UnsafeMutableRawPointer) {
        segments.append(segment)
        owner.segments.append(segment)
    }

    private static func segment() -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer.allocate(
            byteCount: stride << shift, alignment: MemoryLayout<Histories.Entry>.alignment)
    }
}
