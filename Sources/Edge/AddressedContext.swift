public import Hummingbird
import NIOCore

/// A request's context that knows where it came from.
public protocol AddressedContext: RequestContext {
    var clientAddress: ClientAddress { get }
}

/// The context of every request of the program.
public struct EdgeContext: AddressedContext {
    public var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    public var clientAddress: ClientAddress { ClientAddress(channel.remoteAddress) }
}
