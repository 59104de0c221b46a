import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server on a port of this machine that answers every request as it is told, or not at all.
final class ScriptedServer: Sendable {
    struct Request: Sendable, Equatable {
        var method: String
        var uri: String
        var authorization: String?
        var contentType: String?
        var body: String
    }

    struct Answer: Sendable {
        var status: Int
        var headers: [(String, String)] = []
        var body: String

        /// Closes the connection instead.
        static let hangUp = Answer(status: 0, body: "")
    }

    private let channel: any Channel
    private let recorder = Recorder<Request>()

    var url: String { "http://127.0.0.1:\(port)" }
    let port: Int
    var requests: [Request] { recorder.all }

    init(port: Int = 0, answer: @escaping @Sendable (Request) -> Answer) async throws {
        let recorder = recorder
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Handler { request in
                            recorder.add(request)
                            return answer(request)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.port = channel.localAddress?.port ?? 0
    }

    func stop() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: @Sendable (Request) -> Answer
        private var head: HTTPRequestHead?
        private var body = ""

        init(answer: @escaping @Sendable (Request) -> Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let part): body += String(buffer: part)
            case .end: reply(context)
            }
        }

        private func reply(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let answer = answer(
                Request(
                    method: head.method.rawValue, uri: head.uri,
                    authorization: head.headers.first(name: "Authorization"),
                    contentType: head.headers.first(name: "Content-Type"), body: body))
            guard answer.status != 0 else {
                context.close(promise: nil)
                return
            }
            var headers = HTTPHeaders(answer.headers)
            headers.add(name: "Content-Length", value: "\(answer.body.utf8.count)")
            context.write(
                wrapOutboundOut(
                    .head(.init(version: .http1_1, status: .init(statusCode: answer.status), headers: headers))),
                promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
