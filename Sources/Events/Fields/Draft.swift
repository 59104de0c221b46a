/// The recognised fields of one event before they are checked. Lives on the stack and is reused for every event of a
/// request.
struct Draft {
    /// A product of a Measurement Protocol hit: `prNid`, `prNpr`, `prNqt`.
    struct Product {
        var number: Int
        var id = FieldValue.absent
        var price = FieldValue.absent
        var quantity = FieldValue.absent
    }

    private let values: UnsafeMutableBufferPointer<FieldValue>
    /// A bit for each field that stands there more than once.
    private var repeated: UInt32 = 0
    /// In the order of the input.
    private(set) var products: [Product] = []
    /// A product key that stands there twice, or whose number is out of range.
    private(set) var productError: EventError?

    /// The highest N of `prNid`, as the protocol has it.
    static let maxProducts = 200

    /// Runs `body` with an empty draft that must not outlive it.
    static func withEmpty<Value>(
        _ body: (inout Draft) throws(EventError) -> Value
    ) throws(EventError) -> Value {
        let result = withUnsafeTemporaryAllocation(of: FieldValue.self, capacity: Field.allCases.count) {
            values -> Result<Value, EventError> in
            values.initialize(repeating: .absent)
            var draft = Draft(values: values)
            do throws(EventError) {
                return .success(try body(&draft))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(values: UnsafeMutableBufferPointer<FieldValue>) {
        self.values = values
    }

    mutating func clear() {
        values.update(repeating: .absent)
        repeated = 0
        if !products.isEmpty { products.removeAll(keepingCapacity: true) }
        productError = nil
    }

    @inline(__always)
    subscript(_ field: Field) -> FieldValue { values[Int(field.rawValue)] }

    /// Notes the value where its key is one that is recognised.
    @inline(__always)
    mutating func note(_ key: UnsafeBufferPointer<UInt8>, _ value: FieldValue) {
        if let field = Field.named(key) {
            if values[Int(field.rawValue)].kind != .absent { repeated |= field.bit }
            values[Int(field.rawValue)] = value
        } else if key.count >= 5, key[0] == UInt8(ascii: "p"), key[1] == UInt8(ascii: "r") {
            noteProduct(key, value)
        }
    }

    /// Throws where a field of `fields` (bits) stands there more than once: senders and readers disagree on which of
    /// the two holds.
    func checkRepeated(among fields: UInt32) throws(EventError) {
        let found = repeated & fields
        guard found != 0 else { return }
        let name = Field(rawValue: UInt8(found.trailingZeroBitCount))?.name
        throw EventError(field: name, reason: "stands there more than once")
    }

    /// `pr`, a number, then `id`, `pr` or `qt`; other product keys (name, brand, …) are skipped.
    private mutating func noteProduct(_ key: UnsafeBufferPointer<UInt8>, _ value: FieldValue) {
        var number = 0
        var index = 2
        while index < key.count, index < 8, case let digit = key[index] &- UInt8(ascii: "0"), digit <= 9 {
            number = number * 10 + Int(digit)
            index += 1
        }
        guard index > 2, key.count == index + 2 else { return }
        let part: WritableKeyPath<Product, FieldValue>
        switch (key[index], key[index + 1]) {
        case (UInt8(ascii: "i"), UInt8(ascii: "d")): part = \.id
        case (UInt8(ascii: "p"), UInt8(ascii: "r")): part = \.price
        case (UInt8(ascii: "q"), UInt8(ascii: "t")): part = \.quantity
        default: return
        }
        guard number >= 1, number <= Self.maxProducts else {
            productError = EventError(
                field: String(decoding: key, as: UTF8.self), reason: "products are numbered 1 to \(Self.maxProducts)")
            return
        }
        // Keys of one product nearly always stand together.
        let place: Int
        if let last = products.last, last.number == number {
            place = products.count - 1
        } else if let found = products.firstIndex(where: { $0.number == number }) {
            place = found
        } else {
            place = products.count
            products.append(Product(number: number))
        }
        if products[place][keyPath: part].kind != .absent {
            productError = EventError(
                field: String(decoding: key, as: UTF8.self), reason: "stands there more than once")
        }
        products[place][keyPath: part] = value
    }
}
