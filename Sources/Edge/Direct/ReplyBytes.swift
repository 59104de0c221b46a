import NIOCore
import NIOHTTP1

/// A direct reply as it goes over the wire: one buffer, which is one write to the socket.
struct ReplyBytes {
    /// What stands behind the connection's own lines.
    enum Persistence {
        /// HTTP/1.1's default.
        case implied
        /// Said to an HTTP/1.0 sender who asked for it.
        case keepAlive
        case close

        fileprivate var line: StaticString {
            switch self {
            case .implied: ""
            case .keepAlive: "Connection: keep-alive\r\n"
            case .close: "Connection: close\r\n"
            }
        }
    }

    private let server: String

    init(server: String?) { self.server = server.map { "Server: \($0)\r\n" } ?? "" }

    func buffer(_ reply: DirectReply, _ persistence: Persistence, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 256 + reply.body.count)
        if reply.status == 200 {
            buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
        } else {
            buffer.writeString(
                "HTTP/1.1 \(reply.status) \(HTTPResponseStatus(statusCode: reply.status).reasonPhrase)\r\n")
        }
        for header in reply.headers {
            buffer.writeString(header.name)
            buffer.writeStaticString(": ")
            Self.write(header.value, to: &buffer)
            buffer.writeStaticString("\r\n")
        }
        // RFC 9110, 8.6: none with 204.
        if reply.status != 204 {
            buffer.writeStaticString("Content-Length: ")
            buffer.writeString(String(reply.body.count))
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("Date: ")
        buffer.writeString(HTTPDate.now())
        buffer.writeStaticString("\r\n")
        buffer.writeString(server)
        buffer.writeStaticString(persistence.line)
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(reply.body)
        return buffer
    }

    /// A value may quote what was sent; a line break in it would begin a header of the sender's.
    private static func write(_ value: String, to buffer: inout ByteBuffer) {
        guard value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else {
            buffer.writeString(value)
            return
        }
        buffer.writeBytes(value.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 })
    }
}
