import HTTPTypes
public import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

extension HTTPServerBuilder {
    /// HTTP/1.1 within `limits`.
    ///
    /// - Parameters:
    ///   - door: answers what is its own before the router sees it.
    ///   - serverName: what `Server` says in the door's replies.
    public static func guarded(
        _ limits: EdgeLimits, door: (any DirectDoor)? = nil, serverName: String? = nil
    ) -> HTTPServerBuilder {
        limits.check()
        let bytes = ReplyBytes(server: serverName)
        let admission = Admission(limits)
        let metrics = EdgeMetrics()
        return HTTPServerBuilder { responder in
            GuardedChannel(
                base: HTTP1Channel(
                    responder: responder,
                    configuration: .init(
                        httpDecoderConfiguration: .init(
                            maxHeaderFieldSize: limits.maxHeadBytes, maxHeaderListSize: limits.maxHeadBytes,
                            maxHeaderFieldCount: limits.maxHeaders))),
                limits: limits, admission: admission, metrics: metrics, door: door, bytes: bytes)
        }
    }
}

/// Hummingbird's HTTP/1.1 connection with a guard in it.
struct GuardedChannel: ServerChildChannel {
    let base: HTTP1Channel
    let limits: EdgeLimits
    let admission: Admission
    let metrics: EdgeMetrics
    let door: (any DirectDoor)?
    let bytes: ReplyBytes

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        let address = ClientAddress(channel.remoteAddress)
        let refusal = admission.enter(address)
        if let refusal {
            metrics.refuse(refusal.rawValue)
        } else {
            channel.closeFuture.whenComplete { [admission] _ in admission.leave(address) }
        }
        return base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            if refusal != nil {
                try pipeline.addHandler(Refusal(), position: .first)
                return value
            }
            let connection = ConnectionGuard(limits, metrics: metrics)
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let wire = ByteWatch(connection)
            try pipeline.addHandler(connection, position: .after(decoder))
            try pipeline.addHandler(wire, position: .first)
            guard let door else { return value }
            let direct = DirectHandler(
                door, address: address, connection: connection, wire: wire, bytes: bytes, loop: channel.eventLoop)
            try pipeline.addHandler(direct, position: .after(connection))
            return value
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
