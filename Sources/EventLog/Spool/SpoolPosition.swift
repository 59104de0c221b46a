import FoundationEssentials

/// A place in the spool: before the entry at an offset of a segment.
struct SpoolPosition: Comparable {
    var segment: Int
    var offset: Int

    static func < (left: Self, right: Self) -> Bool {
        (left.segment, left.offset) < (right.segment, right.offset)
    }

    /// As it stands in the file `head`: `SEGMENT OFFSET CHECKSUM`.
    var text: String {
        let numbers = "\(segment) \(offset)"
        return "\(numbers) \(SpoolFormat.checksum(Array(numbers.utf8)[...]))\n"
    }

    init(segment: Int, offset: Int) {
        self.segment = segment
        self.offset = offset
    }

    /// `nil` where the text is not what `text` gave.
    init?(text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let segment = Int(parts[0]), let offset = Int(parts[1]), segment >= 0, offset >= 0
        else { return nil }
        self.init(segment: segment, offset: offset)
        guard self.text == text else { return nil }
    }
}
