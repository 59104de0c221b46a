import Foundation
import NIOCore

/// Requests that differ in their numbers alone: made once, and patched for each sending.
///
/// Event *n* has the id `e` and *n*, and belongs to session `l` and a number: sessions have seven events, and 1,000 of
/// them are under way at a time.
struct EventBatch {
    private static let digits = 12
    private static let eventsPerSession = 7
    private static let active = 1_000
    private static let idMark = "e############", sessionMark = "l############"

    let count: Int
    private var bytes: [UInt8]
    private var places: [(id: Int, session: Int)] = []

    init(events count: Int) {
        self.count = count
        let event =
            #"{"id":"\#(Self.idMark)","session":"\#(Self.sessionMark)","type":"detail","sku":"p417","url":"/product/417"}"#
        let body = "[" + Array(repeating: event, count: count).joined(separator: ",") + "]"
        bytes = Array(
            ("POST /collect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n" + body).utf8)
        var index = 0
        let ids = Array(Self.idMark.utf8), sessions = Array(Self.sessionMark.utf8)
        var id = 0
        while index < bytes.count - ids.count {
            if bytes[index..<index + ids.count].elementsEqual(ids) { id = index + 1 }
            if bytes[index..<index + sessions.count].elementsEqual(sessions) { places.append((id, index + 1)) }
            index += 1
        }
    }

    static func session(of event: Int) -> Int {
        event / (active * eventsPerSession) * active + event % active
    }

    /// The request with events from `first` on.
    mutating func request(first: Int, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        for (offset, place) in places.enumerated() {
            write(first + offset, at: place.id)
            write(Self.session(of: first + offset), at: place.session)
        }
        return allocator.buffer(bytes: bytes)
    }

    private mutating func write(_ number: Int, at place: Int) {
        var number = number
        for index in stride(from: place + Self.digits - 1, through: place, by: -1) {
            bytes[index] = UInt8(ascii: "0") + UInt8(number % 10)
            number /= 10
        }
    }
}
