import Edge

/// The keys a sender must show one of. Off where there are none.
struct WriteKeys: Sendable {
    private let keys: [Secret]

    init(_ keys: [String]) {
        self.keys = keys.map { Secret($0) }
    }

    /// A beacon and a pixel can set no header, so the query counts as well.
    ///
    /// - Returns: which key it was; `nil` where none is needed.
    @discardableResult
    func check(_ head: RequestHead) throws(CollectorError) -> Int? {
        guard !keys.isEmpty else { return nil }
        if let bearer = head.value("authorization"), bearer.lowercased().hasPrefix("bearer "),
            let number = number(bearer.dropFirst("bearer ".count))
        {
            return number
        }
        if let key = head.value("x-write-key"), let number = number(key[...]) { return number }
        if let key = head.queryParameter("key"), let number = number(key) { return number }
        throw .wrongWriteKey
    }

    private func number(_ given: Substring) -> Int? {
        // No early way out: the time taken says nothing about how much was right, or which key it was.
        var found: Int?
        for (number, key) in keys.enumerated() where key.matches(given.utf8) { found = number }
        return found
    }
}
