import FoundationEssentials

/// Why a model file cannot be used.
public enum ModelFileError: Error, Equatable, CustomStringConvertible {
    case notAModel
    case foreignVersion(UInt32)
    case truncated(have: Int, need: Int)
    case damaged
    case malformed(String)

    public var description: String {
        switch self {
        case .notAModel: "is no Dinghy model: it does not begin with DINGHYMD"
        case .foreignVersion(let version):
            "is a model of version \(version), this program reads version \(IntentModel.fileVersion): use the program that wrote it, or train again"
        case .truncated(let have, let need): "is cut short: \(have) of \(need) bytes; copy it again"
        case .damaged: "is damaged: its checksum does not match; copy it again, or take another model"
        case .malformed(let what): "is malformed: \(what)"
        }
    }
}

// The file, described in docs/model.md: magic, version, length and checksum of the body, then the body; all numbers
// little-endian.
extension IntentModel {
    static let fileVersion: UInt32 = 1
    private static let magic = Array("DINGHYMD".utf8)
    private static let headerBytes = 8 + 4 + 8 + 8
    /// No model of ours is larger; a length beyond it is damage, not a reason to ask for memory.
    private static let maxBodyBytes = 256 << 20
    /// The most bytes that a model file may have.
    public static let maxFileBytes = headerBytes + maxBodyBytes

    private struct Head: Codable {
        var hiddenSize: Int
        var slope: Float
        var offset: Float
        var metadata: ModelMetadata
    }

    public func serialized() -> [UInt8] {
        var body = ByteWriter()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let head: Data
        do {
            head = try encoder.encode(
                Head(hiddenSize: hiddenSize, slope: calibration.slope, offset: calibration.offset, metadata: metadata))
        } catch {
            preconditionFailure("IntentModel.serialized: metadata cannot be encoded: \(error)")
        }
        body.append(UInt64(head.count))
        body.bytes += head
        body.append(UInt64(self.encoder.pages.count))
        for page in self.encoder.pages { body.append(page) }
        body.append(UInt64(self.encoder.products.count))
        for (sku, product) in self.encoder.products.sorted(by: { $0.key < $1.key }) {
            body.append(sku)
            for number in [product.popularity, product.conversion, product.adding] { body.append(number) }
        }
        for block in weights.values { for lane in 0..<8 { body.append(block[lane]) } }

        var file = ByteWriter()
        file.bytes = Self.magic
        file.append(Self.fileVersion)
        file.append(UInt64(body.bytes.count))
        file.append(Self.checksum(body.bytes[...]))
        return file.bytes + body.bytes
    }

    public init(deserializing bytes: [UInt8]) throws(ModelFileError) {
        guard bytes.starts(with: Self.magic.prefix(bytes.count)) else { throw .notAModel }
        guard bytes.count >= Self.headerBytes else { throw .truncated(have: bytes.count, need: Self.headerBytes) }
        var header = ByteReader(bytes[Self.magic.count...])
        let version: UInt32 = try header.take()
        guard version == Self.fileVersion else { throw .foreignVersion(version) }
        let length: UInt64 = try header.take()
        let checksum: UInt64 = try header.take()
        guard length <= UInt64(Self.maxBodyBytes) else { throw .damaged }
        let need = Self.headerBytes + Int(length)
        guard bytes.count >= need else { throw .truncated(have: bytes.count, need: need) }
        guard bytes.count == need, Self.checksum(bytes[Self.headerBytes...]) == checksum else { throw .damaged }

        var body = ByteReader(bytes[Self.headerBytes...])
        let head: Head
        do {
            head = try JSONDecoder().decode(
                Head.self, from: Data(try body.take(bytes: Int(clamping: try body.takeCount()))))
        } catch let error as ModelFileError { throw error } catch { throw .malformed("its metadata: \(error)") }
        guard TrainingOptions.hiddenSizes.contains(head.hiddenSize) else {
            throw .malformed("hidden size \(head.hiddenSize)")
        }
        let pageCount = try body.takeCount()
        guard pageCount <= Encoder.maxPages else { throw .malformed("\(pageCount) pages") }
        var pages: [UInt64] = []
        for _ in 0..<pageCount { pages.append(try body.take()) }
        let productCount = try body.takeCount()
        guard productCount <= Encoder.maxProducts else { throw .malformed("\(productCount) products") }
        var products: [UInt64: Encoder.Product] = [:]
        for _ in 0..<productCount {
            let sku: UInt64 = try body.take()
            let product = Encoder.Product(
                popularity: try body.take(), conversion: try body.take(), adding: try body.take())
            guard product.popularity.isFinite, product.conversion.isFinite, product.adding.isFinite else {
                throw .malformed("a product's figure that is no number")
            }
            products[sku] = product
        }
        let shape = Weights.Shape(hiddenSize: head.hiddenSize)
        // Before memory is asked for.
        guard body.count == shape.count * 8 * MemoryLayout<Float>.size else {
            throw .malformed("\(body.count) bytes of weights for hidden size \(head.hiddenSize)")
        }
        var weights = Weights(zeros: shape)
        for index in weights.values.indices {
            for lane in 0..<8 {
                let value: Float = try body.take()
                guard value.isFinite else { throw .malformed("a weight that is no number") }
                weights.values[index][lane] = value
            }
        }
        self.init(
            encoder: Encoder(pages: pages, products: products), weights: weights,
            calibration: Calibration(slope: head.slope, offset: head.offset), metadata: head.metadata)
    }

    /// FNV-1a, 64 bits: finds accidents, not attackers.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return hash
    }
}

private struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    mutating func append(_ value: Float) { append(value.bitPattern) }
}

private struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var count: Int { rest.count }

    mutating func take(bytes count: Int) throws(ModelFileError) -> ArraySlice<UInt8> {
        guard rest.count >= count else { throw .malformed("it ends inside a part") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func take<T: FixedWidthInteger>() throws(ModelFileError) -> T {
        var value: T = 0
        for (index, byte) in try take(bytes: MemoryLayout<T>.size).enumerated() { value |= T(byte) << T(8 * index) }
        return value
    }

    mutating func take() throws(ModelFileError) -> Float { Float(bitPattern: try take()) }

    mutating func takeCount() throws(ModelFileError) -> Int {
        let count: UInt64 = try take()
        return Int(clamping: count)
    }
}
