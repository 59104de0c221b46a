import NIOCore
import NIOPosix

/// When the score of each session's first event came over `/scores`, by the number in its id.
///
/// The stream is scanned for `"offset":N`… as little as is needed: the `sku` carries nothing, the key names the session
/// and `prefix` its event.
final class ScoreStreamWatch {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel
    private let scanner: NIOLoopBound<ScoreScanner>

    /// - Parameter scores: how many to expect.
    init(url: String, scores: Int) async throws {
        let authority = url.dropFirst("http://".count).split(separator: ":")
        guard authority.count == 2, let port = Int(authority[1]) else { throw Failure("\(url) has no port") }
        let loop = group.any()
        let scanner = try await loop.submit { NIOLoopBound(ScoreScanner(scores: scores), eventLoop: loop) }.get()
        self.scanner = scanner
        channel = try await ClientBootstrap(group: group).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(scanner.value) }
        }.connect(host: String(authority[0]), port: port).get()
        try await channel.writeAndFlush(
            ByteBuffer(string: "GET /scores?outcomes=false HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        // Subscribed when the first bytes of the stream have come.
        while try await loop.submit({ !scanner.value.hasBegun }).get() { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// By session and prefix.
    func end() async throws -> [ScoreScanner.Key: ScoreScanner.Seen] {
        let scanner = scanner
        let seen = try await channel.eventLoop.submit { scanner.value.seen }.get()
        try await channel.close()
        try await group.shutdownGracefully()
        return seen
    }
}

final class ScoreScanner: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    struct Key: Hashable, Sendable {
        var session: Int
        var prefix: Int
    }

    struct Seen: Sendable {
        var time: NIODeadline
        /// Number of the model that gave the score.
        var model: Int
    }

    private(set) var hasBegun = false
    private(set) var seen: [Key: Seen] = [:]
    private var rest: [UInt8] = []

    /// With room for all: a table of hundreds of thousands that grows keeps the stream waiting, which would be counted as
    /// the server's.
    init(scores: Int) { seen.reserveCapacity(scores) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasBegun = true
        let now = NIODeadline.now()
        rest.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        let end = rest.withUnsafeBytes { bytes in
            var start = 0
            while let line = Self.find([UInt8(ascii: "\n")], in: bytes[start...]) {
                let text = bytes[start..<line]
                if let key = Self.key(text), let model = Self.number(after: Self.modelMark, in: text) {
                    seen[key] = seen[key] ?? Seen(time: now, model: model)
                }
                start = line + 1
            }
            return start
        }
        rest.removeFirst(end)
    }

    private static let keyMark = Array("\"key\":\"s:l".utf8)
    private static let modelMark = Array("\"model\":".utf8)
    private static let prefixMark = Array("\"prefix\":".utf8)

    private static func key(_ line: Slice<UnsafeRawBufferPointer>) -> Key? {
        guard let session = number(after: keyMark, in: line), let prefix = number(after: prefixMark, in: line) else {
            return nil
        }
        return Key(session: session, prefix: prefix)
    }

    private static func number(after mark: [UInt8], in line: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard let place = find(mark, in: line) else { return nil }
        var number = 0
        for byte in line[(place + mark.count)...] {
            guard case let digit = byte &- UInt8(ascii: "0"), digit <= 9 else { break }
            number = number * 10 + Int(digit)
        }
        return number
    }

    /// Over raw bytes: at 20,000 scores a second a general search takes a processor, and the stream waits for it.
    private static func find(_ mark: [UInt8], in slice: Slice<UnsafeRawBufferPointer>) -> Int? {
        let bytes = UnsafeRawBufferPointer(rebasing: slice)
        guard bytes.count >= mark.count else { return nil }
        for place in 0...(bytes.count - mark.count) where bytes[place] == mark[0] {
            if mark.indices.allSatisfy({ bytes[place + $0] == mark[$0] }) { return slice.startIndex + place }
        }
        return nil
    }
}
