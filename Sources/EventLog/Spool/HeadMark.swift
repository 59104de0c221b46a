#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The file `head`: how far the log has what is in the spool.
///
/// Two places that are written in turn, so that a write that is cut off harms only the older mark; the later of the
/// marks that can be read holds. Written in place, so that it needs no room on a full disk: that is when draining is
/// wanted most.
struct HeadMark {
    private let file: SpoolFile
    private(set) var position: SpoolPosition
    private var turn: Int

    private static let stride = 512
    private static let textBytes = 64

    /// Opens it, or makes one at the beginning. `isReadable` is `false` where there is one and nothing of it can be read.
    static func open(
        _ path: String, beginning: SpoolPosition
    ) throws(SpoolFailure) -> (mark: HeadMark, isReadable: Bool) {
        let file = try SpoolFile(path, O_RDWR | O_CREAT)
        let bytes = try file.read(2 * stride, at: 0)
        let marks = [0, 1].compactMap { turn -> HeadMark? in
            let text = bytes.dropFirst(turn * stride).prefix(textBytes).filter { $0 != 0 }
            return SpoolPosition(text: String(decoding: text, as: UTF8.self)).map {
                HeadMark(file: file, position: $0, turn: 1 - turn)
            }
        }
        if let latest = marks.max(by: { $0.position < $1.position }) { return (latest, true) }
        // Whole blocks from the start: what is overwritten later takes no new ones.
        try file.write([UInt8](repeating: 0, count: 2 * stride), at: 0)
        var mark = HeadMark(file: file, position: beginning, turn: 0)
        try mark.move(to: beginning)
        return (mark, bytes.isEmpty)
    }

    /// Durable when it returns.
    mutating func move(to position: SpoolPosition) throws(SpoolFailure) {
        var bytes = Array(position.text.utf8)
        bytes += [UInt8](repeating: 0, count: Self.textBytes - bytes.count)
        try file.write(bytes, at: turn * Self.stride)
        try file.sync()
        self.position = position
        turn = 1 - turn
    }
}
