/// The latest of a few products, at most eight, without memory of its own: a visit is then a plain value.
struct ShortList: Sendable, Equatable {
    static let limit = 8

    private var lanes = SIMD8<Int32>.zero
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    subscript(_ place: Int) -> Int {
        precondition(place < count, "ShortList: place \(place) of \(count)")
        return Int(lanes[place])
    }

    func contains(_ product: Int) -> Bool {
        for place in 0..<count where lanes[place] == Int32(product) { return true }
        return false
    }

    /// Where the list is full, the oldest product gives way.
    mutating func append(_ product: Int) {
        if count == Self.limit {
            for place in 1..<Self.limit { lanes[place - 1] = lanes[place] }
            count -= 1
        }
        lanes[count] = Int32(product)
        count += 1
    }

    mutating func removeAll() { count = 0 }
}
