import HTTPTypes
import Hummingbird

/// The keys a sender must show one of. Off where there are none.
struct WriteKeys: Sendable {
    private let keys: [[UInt8]]

    init(_ keys: [String]) {
        self.keys = keys.map { Array($0.utf8) }
    }

    /// A beacon and a pixel can set no header, so the query counts as well.
    func check(_ request: Request) throws(CollectorError) {
        guard !keys.isEmpty else { return }
        if let bearer = request.headers[.authorization], bearer.lowercased().hasPrefix("bearer "),
            isKnown(bearer.dropFirst("bearer ".count))
        {
            return
        }
        if let key = request.headers[.writeKey], isKnown(key[...]) { return }
        if let key = request.uri.queryParameters["key"], isKnown(key) { return }
        throw .wrongWriteKey
    }

    private func isKnown(_ given: Substring) -> Bool {
        let given = Array(given.utf8)
        // No early way out: the time taken says nothing about how much was right, or which key it was.
        var found = false
        for key in keys where Self.areEqual(given, key) { found = true }
        return found
    }

    private static func areEqual(_ given: [UInt8], _ key: [UInt8]) -> Bool {
        var difference = given.count ^ key.count
        for index in given.indices { difference |= Int(given[index] ^ key[index % key.count]) }
        return difference == 0
    }
}

extension HTTPField.Name {
    static let writeKey = Self("X-Write-Key")!  // A valid token.
}
