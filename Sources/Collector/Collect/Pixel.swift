import Edge

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

    static func reply(_ dropped: DroppedEvents) -> DirectReply { reply(dropped.line, 200, []) }

    static func reply(_ judgement: Judgement) -> DirectReply {
        reply(judgement.line, judgement.status, judgement.headers)
    }

    static func reply(_ error: CollectorError) -> DirectReply {
        let comesBack = error.status == 503 || error.status == 429
        return reply("\(comesBack ? "retry" : "refused") \(error.message)", error.status, error.headers)
    }

    private static func reply(_ verdict: String, _ status: Int, _ headers: [DirectReply.Header]) -> DirectReply {
        let own: [DirectReply.Header] = [
            .init("Content-Type", "image/gif"), .init("Cache-Control", "no-store"),
            .init("X-Dinghy-Verdict", headerText(verdict)),
        ]
        return DirectReply(status: status, headers: own + headers, body: gif)
    }

    /// A reason may quote what was sent; a header takes visible ASCII only.
    private static func headerText(_ text: String) -> String {
        String(text.unicodeScalars.prefix(512).map { (0x20...0x7E).contains($0.value) ? Character($0) : "?" })
    }
}
