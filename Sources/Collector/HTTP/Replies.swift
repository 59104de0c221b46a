import Edge
import Events
import HTTPTypes
import Hummingbird
import NIOCore

/// Replies in JSON.
extension DirectReply {
    static func json(_ body: [UInt8], status: Int = 200, headers: [Header] = []) -> DirectReply {
        DirectReply(status: status, headers: [Header("Content-Type", "application/json")] + headers, body: body)
    }

    /// `{"error":"…"}`; where a replay has a gap also `"expected"`, the row to go on with.
    static func json(_ error: CollectorError) -> DirectReply {
        var object = JSONWriter()
        object.member("error", error.message)
        if case .replayGap(_, let expected) = error { object.member("expected", expected) }
        return json(object.finish(), status: error.status, headers: error.headers)
    }
}

extension Response {
    /// By way of the router.
    init(_ reply: DirectReply) {
        var headers = HTTPFields()
        for header in reply.headers {
            // Our own names, all of them valid tokens.
            if let name = HTTPField.Name(header.name) { headers[name] = header.value }
        }
        self.init(
            status: .init(code: reply.status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
}
