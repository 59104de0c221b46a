/// Reads a segment's entries in order, a window of bytes at a time.
struct SegmentCursor {
    private let file: SpoolFile
    private let size: Int
    private let windowBytes: Int
    private var window: [UInt8] = []
    private var windowOffset: Int
    private var index = 0

    /// - Parameters:
    ///   - size: where the segment ends, whatever stands behind that.
    ///   - windowBytes: read at a time, if it is more than the largest entry.
    init(_ file: SpoolFile, from offset: Int, size: Int, windowBytes: Int) {
        self.file = file
        self.size = size
        self.windowBytes = max(windowBytes, 2 * (SpoolFormat.headerBytes + SpoolFormat.maxPayloadBytes))
        windowOffset = offset
    }

    /// Where the next entry begins.
    var offset: Int { windowOffset + index }

    /// What comes next, with its bytes as they stand; `nil` at the end.
    mutating func next() throws(SpoolFailure) -> (found: SpoolFormat.Found, bytes: ArraySlice<UInt8>)? {
        while offset < size {
            let isEnd = windowOffset + window.count == size
            if let found = SpoolFormat.read(window, at: index, isEnd: isEnd) {
                let start = index
                switch found {
                case .item(_, _, let bytes), .damaged(let bytes, _), .torn(let bytes): index += bytes
                }
                return (found, window[start..<index])
            }
            windowOffset += index
            index = 0
            let wanted = min(windowBytes, size - windowOffset)
            window = try file.read(wanted, at: windowOffset)
            guard window.count == wanted else {
                throw .failed("\(file.path) ends at byte \(windowOffset + window.count), before its \(size)")
            }
        }
        return nil
    }
}
