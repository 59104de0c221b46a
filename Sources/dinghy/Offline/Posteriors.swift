import FoundationEssentials

/// What the simulator knows of its own shop: P(a purchase later in the session) after every row before the session's
/// purchase. A CSV `id,posterior`; `id` is the row of the shop's CSV, from 1, the header not counted; rows at or after a
/// purchase are left out.
struct Posteriors: Sendable {
    /// By row less one; NaN where the file says nothing.
    private var values: [Float] = []

    private static let header = "id,posterior"
    /// Rows beyond it are a mistake, not a reason to ask for memory.
    private static let maxRows = 1 << 31 - 1

    init(_ file: String) throws {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: file), options: .mappedIfSafe) } catch {
            throw CommandFailure("\(file) cannot be read: \(error)")
        }
        try data.withUnsafeBytes { try read($0, file) }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer, _ file: String) throws {
        var line = 0
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            var text = bytes[start..<end]
            if text.last == UInt8(ascii: "\r") { text.removeLast() }
            start = end + 1
            line += 1
            if line == 1 {
                guard text.elementsEqual(Self.header.utf8) else {
                    throw CommandFailure("\(file) line 1: is not '\(Self.header)'")
                }
            } else if !text.isEmpty {
                try add(text, file, line)
            }
        }
    }

    private mutating func add(_ text: Slice<UnsafeRawBufferPointer>, _ file: String, _ line: Int) throws {
        guard let comma = text.firstIndex(of: UInt8(ascii: ",")),
            let row = Int(String(decoding: text[..<comma], as: UTF8.self)), (values.count + 1...Self.maxRows) ~= row,
            let posterior = Float(String(decoding: text[(comma + 1)...], as: UTF8.self)), (0...1).contains(posterior)
        else {
            throw CommandFailure(
                "\(file) line \(line): is no row and probability, or the row does not come after the one before")
        }
        while values.count < row - 1 { values.append(.nan) }
        values.append(posterior)
    }

    /// `nil` where the file says nothing of the row.
    subscript(row: Int32) -> Float? {
        guard row >= 1, Int(row) <= values.count, !values[Int(row) - 1].isNaN else { return nil }
        return values[Int(row) - 1]
    }
}
