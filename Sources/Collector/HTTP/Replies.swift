import Events
import HTTPTypes
import Hummingbird
import NIOCore

/// Replies in JSON.
extension Response {
    static func json(
        _ bytes: some Sequence<UInt8>, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// `{"error":"…"}`; where a replay has a gap also `"expected"`, the row to go on with.
    static func json(_ error: CollectorError) -> Response {
        var object = JSONWriter()
        object.member("error", error.message)
        if case .replayGap(_, let expected) = error { object.member("expected", expected) }
        return json(object.finish(), status: error.status, headers: error.headers)
    }
}
