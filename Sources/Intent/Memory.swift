/// Memory for the kernels, which take pointers: on a cache line of its own, never copied, and ends with its owner.
struct Memory<Element: BitwiseCopyable>: ~Copyable {
    private(set) var start: UnsafeMutablePointer<Element>
    private(set) var count: Int
    private let filler: Element

    /// - Parameter filler: what new places hold.
    init(_ filler: Element, count: Int = 1) {
        self.filler = filler
        self.count = count
        start = Self.allocate(filler, count)
    }

    deinit { UnsafeMutableRawPointer(start).deallocate() }

    private static func allocate(_ filler: Element, _ count: Int) -> UnsafeMutablePointer<Element> {
        let raw = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Element>.stride, alignment: 64)
        return raw.initializeMemory(as: Element.self, repeating: filler, count: count)
    }

    /// At least so many places. What they held is lost where there were fewer.
    mutating func reserve(_ wanted: Int) {
        guard wanted > count else { return }
        UnsafeMutableRawPointer(start).deallocate()
        count = max(wanted, count + count / 2)
        start = Self.allocate(filler, count)
    }

    /// The same memory as the single numbers that its vectors are made of.
    func numbers<Number>(_ type: Number.Type) -> UnsafeMutablePointer<Number> {
        UnsafeMutableRawPointer(start).assumingMemoryBound(to: type)
    }

    func clear() { start.update(repeating: filler, count: count) }
}
