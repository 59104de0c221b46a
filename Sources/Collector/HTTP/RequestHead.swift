import Edge
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOHTTP1

/// What the collector asks of a request's head, whichever road it came by.
struct RequestHead: Sendable {
    private let headers: HTTPHeaders
    /// As it stood on the request line.
    private let target: String
    let address: ClientAddress

    init(_ head: HTTPRequestHead, from address: ClientAddress) {
        headers = head.headers
        target = head.uri
        self.address = address
    }

    init(_ request: Request, _ context: some RequestContext) {
        headers = HTTPHeaders(request.headers.map { ($0.name.rawName, $0.value) })
        target = request.uri.string
        address = (context as? any AddressedContext)?.clientAddress ?? .local
    }

    /// A header's value; of several lines of that name all, with commas between (RFC 9110, 5.3).
    ///
    /// - Parameter name: in lower case.
    func value(_ name: StaticString) -> String? {
        var found: String?
        for (field, value) in headers where Self.isSame(field, name) {
            found = found.map { "\($0), \(value)" } ?? value
        }
        return found
    }

    private static func isSame(_ field: String, _ name: StaticString) -> Bool {
        guard field.utf8.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { name in
            zip(field.utf8, name).allSatisfy { $0 == $1 || ($0 &- UInt8(ascii: "A") < 26 && $0 | 0x20 == $1) }
        }
    }

    /// What stands behind `?`, as it came.
    var query: String? { URI(target).query }

    func queryParameter(_ name: Substring) -> Substring? { URI(target).queryParameters[name] }
}
