/// Writes flat JSON objects, member by member, one after the other.
///
/// Into memory of its own, without the checks that an array makes at every byte: a score and a record of an event are
/// written this way for every event.
package struct JSONWriter: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0

    package init(reserving capacity: Int = 256) {
        self.capacity = max(16, capacity)
        start = .allocate(capacity: self.capacity)
        append(UInt8(ascii: "{"))
    }

    deinit { start.deallocate() }

    package mutating func member(_ key: StaticString, _ value: String) {
        begin(key)
        var value = value
        value.withUTF8 { text($0) }
    }

    package mutating func member(_ key: StaticString, _ value: Substring) {
        begin(key)
        var value = value
        value.withUTF8 { text($0) }
    }

    package mutating func member(_ key: StaticString, _ value: Int64) {
        begin(key)
        number(value)
    }

    /// A text: both numbers with a colon between them.
    package mutating func member(_ key: StaticString, _ left: Int64, colon right: Int64) {
        begin(key)
        append(UInt8(ascii: "\""))
        number(left)
        append(UInt8(ascii: ":"))
        number(right)
        append(UInt8(ascii: "\""))
    }

    package mutating func member(_ key: StaticString, _ value: Int) { member(key, Int64(value)) }

    /// The shortest digits that read back as the same number, which must be finite.
    package mutating func member(_ key: StaticString, _ value: Double) {
        precondition(value.isFinite, "JSONWriter.member: JSON has no word for infinity")
        begin(key)
        plain(value.description)
    }

    /// As for `Double`.
    package mutating func member(_ key: StaticString, _ value: Float) {
        precondition(value.isFinite, "JSONWriter.member: JSON has no word for infinity")
        begin(key)
        plain(value.description)
    }

    package mutating func member(_ key: StaticString, _ value: Bool) {
        begin(key)
        plain(value ? "true" : "false")
    }

    /// Closes the object. What is written next begins another one.
    package mutating func finish() -> [UInt8] {
        append(UInt8(ascii: "}"))
        defer { count = 1 }
        return Array(UnsafeBufferPointer(start: start, count: count))
    }

    /// Keys are ours and need no escapes.
    private mutating func begin(_ key: StaticString) {
        reserve(key.utf8CodeUnitCount + 4)
        if count > 1 { put(UInt8(ascii: ",")) }
        put(UInt8(ascii: "\""))
        put(UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ":"))
    }

    private mutating func text(_ text: UnsafeBufferPointer<UInt8>) {
        reserve(text.count + 2)
        put(UInt8(ascii: "\""))
        var start = 0
        while case let end = ByteSearch.firstEscape(in: text, from: start), end < text.count {
            append(UnsafeBufferPointer(rebasing: text[start..<end]))
            escape(text[end])
            start = end + 1
        }
        append(UnsafeBufferPointer(rebasing: text[start...]))
        append(UInt8(ascii: "\""))
    }

    /// Text that needs no escapes.
    private mutating func plain(_ value: String) {
        var value = value
        value.withUTF8 { append($0) }
    }

    private mutating func number(_ value: Int64) {
        reserve(1 + Self.mostDigits)
        if value < 0 { put(UInt8(ascii: "-")) }
        var rest = value.magnitude
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.mostDigits) { digits in
            // From the last to the first.
            var first = Self.mostDigits
            repeat {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            put(UnsafeBufferPointer(rebasing: digits[first...]))
        }
    }

    private static var mostDigits: Int { 20 }

    private mutating func escape(_ byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte)
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0x09: append(UInt8(ascii: "t"))
        default:
            plain("u00")
            plain(byte < 16 ? "0" : "")
            plain(String(byte, radix: 16))
        }
    }

    // MARK: Memory

    private mutating func append(_ byte: UInt8) {
        reserve(1)
        put(byte)
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        reserve(bytes.count)
        put(bytes)
    }

    /// There must be room.
    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        start[count] = byte
        count += 1
    }

    @inline(__always)
    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let from = bytes.baseAddress else { return }
        Self.copy(UnsafeRawPointer(from), to: UnsafeMutableRawPointer(start + count), bytes.count)
        count += bytes.count
    }

    /// Most of what is written is a few bytes long: then two words that overlap are faster than a call.
    @inline(__always)
    private static func copy(_ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, _ count: Int) {
        switch count {
        case 0: break
        case 1..<4:
            for index in 0..<count {
                to.storeBytes(of: from.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index, as: UInt8.self)
            }
        case 4..<8: copyEnds(from, to, count, UInt32.self)
        case 8...16: copyEnds(from, to, count, UInt64.self)
        default: to.copyMemory(from: from, byteCount: count)
        }
    }

    @inline(__always)
    private static func copyEnds<Word: BitwiseCopyable>(
        _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int, _ word: Word.Type
    ) {
        let end = count - MemoryLayout<Word>.size
        let first = from.loadUnaligned(as: word)
        let last = from.loadUnaligned(fromByteOffset: end, as: word)
        to.storeBytes(of: first, as: word)
        to.storeBytes(of: last, toByteOffset: end, as: word)
    }

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if count + more > capacity { grow(to: count + more) }
    }

    @inline(never)
    private mutating func grow(to wanted: Int) {
        capacity = max(wanted, 2 * capacity)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: start, count: count)
        start.deallocate()
        start = larger
    }
}

extension ByteSearch {
    /// The first byte from `start` on that JSON text must escape; the end where there is none.
    fileprivate static func firstEscape(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var index = start
        while index + 8 <= text.count {
            let word = word(text, at: index)
            let found = equal(word, UInt8(ascii: "\"")) | equal(word, UInt8(ascii: "\\")) | less(word, 0x20)
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < text.count, text[index] >= 0x20, text[index] != UInt8(ascii: "\""),
            text[index] != UInt8(ascii: "\\")
        { index += 1 }
        return index
    }
}
