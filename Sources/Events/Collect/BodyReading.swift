/// One walk over a request's body: finds out its shape and judges its elements.
struct BodyReading {
    let decoder: CollectDecoder
    let body: [UInt8]
    /// The bytes of `body`.
    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var items: [CollectDecoder.Item] = []
    private var index = 0

    init(decoder: CollectDecoder, body: [UInt8], bytes: UnsafeBufferPointer<UInt8>) {
        self.decoder = decoder
        self.body = body
        self.bytes = bytes
    }

    mutating func run(_ draft: inout Draft, _ makeID: () -> String) throws(EventError) {
        var scanner = JSONScanner(bytes)
        scanner.skipByteOrderMark()
        scanner.skipWhitespace()
        guard scanner.at < bytes.count else { throw EventError(reason: "an empty body", position: scanner.at) }
        let start = scanner.at
        if scanner.current == UInt8(ascii: "[") {
            try elements(&scanner, &draft, depth: 0, sentAt: nil, makeID)
            try scanner.end()
            return
        }
        let end: Int
        do throws(EventError) {
            try scanner.object(into: &draft, depth: 0)
            end = scanner.at
            try scanner.end()
        } catch {
            // Only what is not one JSON document can be many.
            guard Lines(bytes, from: start).areEvents else { throw error }
            return try lines(from: start, &draft, makeID)
        }
        try document(&draft, start..<end, makeID)
    }

    /// A body that is one object: an event, or an envelope around many.
    private mutating func document(
        _ draft: inout Draft, _ range: Range<Int>, _ makeID: () -> String
    ) throws(EventError) {
        let events = draft[.events]
        guard events.isGiven else { return try judge(draft, range, sentAt: nil, makeID) }
        try draft.checkRepeated(among: Field.events.bit | Field.sentAt.bit)
        guard events.kind == .array else { throw EventError(field: "events", reason: "must be an array of events") }
        let sentAt = try FieldReader(bytes: bytes).time(draft[.sentAt], "sentAt")
        var scanner = JSONScanner(bytes, at: Int(events.start))
        try elements(&scanner, &draft, depth: 1, sentAt: sentAt, makeID)
    }

    private mutating func elements(
        _ scanner: inout JSONScanner, _ draft: inout Draft, depth: Int, sentAt: Int64?, _ makeID: () -> String
    ) throws(EventError) {
        try scanner.open(UInt8(ascii: "["), depth: depth)
        // Most events have more bytes than this; far fewer cost a reallocation or two.
        items.reserveCapacity(min(decoder.maxItems, (bytes.count - scanner.at) / 128))
        var more = try scanner.firstElement()
        while more {
            scanner.skipWhitespace()
            let start = scanner.at
            if scanner.current == UInt8(ascii: "{") {
                draft.clear()
                try scanner.object(into: &draft, depth: depth + 1)
                try judge(draft, start..<scanner.at, sentAt: sentAt, makeID)
            } else {
                _ = try scanner.value(depth: depth + 1)
                try append(nil, .failure(EventError(reason: "an event must be an object")), start..<scanner.at)
                index += 1
            }
            more = try scanner.nextElement()
        }
    }

    private mutating func lines(from start: Int, _ draft: inout Draft, _ makeID: () -> String) throws(EventError) {
        var lines = Lines(bytes, from: start)
        while let line = lines.next() {
            // Up to the line's end only, so that positions are those of the body.
            var scanner = JSONScanner(UnsafeBufferPointer(rebasing: bytes[..<line.upperBound]), at: line.lowerBound)
            draft.clear()
            do throws(EventError) {
                try scanner.object(into: &draft, depth: 0)
                try scanner.end()
            } catch {
                try append(nil, .failure(error), line)
                index += 1
                continue
            }
            try judge(draft, line, sentAt: nil, makeID)
        }
    }

    private mutating func judge(
        _ draft: borrowing Draft, _ range: Range<Int>, sentAt: Int64?, _ makeID: () -> String
    ) throws(EventError) {
        decoder.judge(
            draft, bytes: bytes, sentAt: sentAt, index: index, original: body[range], makeID, into: &items)
        index += 1
        try checkCount()
    }

    private mutating func append(
        _ id: String?, _ result: Result<Event, EventError>, _ range: Range<Int>
    ) throws(EventError) {
        items.append(CollectDecoder.Item(index: index, id: id, result: result, bytes: body[range]))
        try checkCount()
    }

    private func checkCount() throws(EventError) {
        guard items.count <= decoder.maxItems else { throw .tooManyEvents(limit: decoder.maxItems) }
    }
}

/// The lines of a body that is not one JSON document, without white space around them; blank ones are passed over.
private struct Lines {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
        self.bytes = bytes
        at = start
    }

    mutating func next() -> Range<Int>? {
        while at < bytes.count {
            let newline = UInt8(ascii: "\n")
            let end = ByteSearch.first(newline, or: newline, in: bytes, from: at)
            var line = at..<end
            at = end + 1
            while let first = line.first, Self.isBlank(bytes[first]) { line = first + 1..<line.upperBound }
            while let last = line.last, Self.isBlank(bytes[last]) { line = line.lowerBound..<last }
            if !line.isEmpty { return line }
        }
        return nil
    }

    /// Whether this is newline-delimited JSON rather than one broken document: there are several lines, one of them is
    /// an object by itself, and the first does not stop where a document spread over lines would.
    var areEvents: Bool {
        var lines = self
        guard let first = lines.next(), lines.next() != nil else { return false }
        switch bytes[first.upperBound - 1] {
        case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ","), UInt8(ascii: ":"): return false
        default: break
        }
        lines = self
        while let line = lines.next() {
            if isObject(line) { return true }
        }
        return false
    }

    private func isObject(_ line: Range<Int>) -> Bool {
        guard bytes[line.lowerBound] == UInt8(ascii: "{") else { return false }
        var scanner = JSONScanner(UnsafeBufferPointer(rebasing: bytes[..<line.upperBound]), at: line.lowerBound)
        do throws(EventError) {
            _ = try scanner.value(depth: 0)
            try scanner.end()
            return true
        } catch {
            return false
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D
    }
}
