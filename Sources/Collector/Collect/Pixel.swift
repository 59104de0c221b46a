import HTTPTypes
import Hummingbird
import NIOCore

/// The pixel's reply: always the same transparent GIF of 1×1, whatever became of the event, so that a page never shows
/// a broken image. The verdict stands in a header.
enum Pixel {
    /// The smallest GIF89a with a transparent colour.
    static let gif: [UInt8] = [
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61,  // GIF89a
        0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00,  // 1×1, two colours
        0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF,
        0x21, 0xF9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00,  // colour 0 is transparent
        0x2C, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00,  // the image
        0x02, 0x02, 0x44, 0x01, 0x00,  // one pixel of colour 0
        0x3B,
    ]

    static func response(_ dropped: DroppedEvents) -> Response { response(dropped.line, .ok, [:]) }

    static func response(_ judgement: Judgement) -> Response {
        response(judgement.line, judgement.status, judgement.headers)
    }

    static func response(_ error: CollectorError) -> Response {
        let comesBack = error.status == .serviceUnavailable || error.status == .tooManyRequests
        return response("\(comesBack ? "retry" : "refused") \(error.message)", error.status, error.headers)
    }

    private static func response(_ verdict: String, _ status: HTTPResponse.Status, _ headers: HTTPFields) -> Response {
        var headers = headers
        headers[.contentType] = "image/gif"
        headers[.cacheControl] = "no-store"
        headers[.verdict] = headerText(verdict)
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: gif)))
    }

    /// A reason may quote what was sent; a header takes visible ASCII only.
    private static func headerText(_ text: String) -> String {
        String(text.unicodeScalars.prefix(512).map { (0x20...0x7E).contains($0.value) ? Character($0) : "?" })
    }
}

extension HTTPField.Name {
    static let verdict = Self("X-Dinghy-Verdict")!  // A valid token.
}
