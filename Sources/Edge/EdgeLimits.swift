/// What one connection and all of them together may take. Everything that the network can hold on to has an end here.
public struct EdgeLimits: Sendable, Equatable {
    /// Connections at a time. A further one is told 503 and closed.
    public var maxConnections = 4_096
    /// Connections at a time of one address (IPv4), or of one /64 (IPv6). Loopback is exempt: a proxy speaks for many.
    public var maxConnectionsPerAddress = 512
    /// Request line and headers together, and each field alone.
    public var maxHeadBytes = 32_768
    public var maxHeaders = 100
    /// From the first byte of a request to the end of its headers.
    public var headTimeout = Duration.seconds(10)
    /// A body must come at this rate on average once `headTimeout` has passed. Time in which this server does not read
    /// is not counted.
    public var minBodyBytesPerSecond = 2_048
    /// From the end of a request to the beginning of its reply.
    public var answerTimeout = Duration.seconds(60)
    /// How long a reader may take nothing at all of a reply that waits for it, a stream's reader too.
    public var writeTimeout = Duration.seconds(60)
    /// How long a connection may stay open between two requests.
    public var idleTimeout = Duration.seconds(75)
    /// Requests of one connection that wait for their reply. One that sends more is closed.
    public var maxPipelined = 64

    public init() {}

    /// How often a connection is looked at: timeouts are kept to within a second, or a quarter of the shortest.
    var sweepInterval: Duration {
        min(.seconds(1), [headTimeout, answerTimeout, writeTimeout, idleTimeout].min().map { $0 / 4 } ?? .seconds(1))
    }

    /// Traps where a limit would let nobody in.
    func check() {
        precondition(
            maxConnections > 0 && maxConnectionsPerAddress > 0 && maxHeadBytes > 0 && maxHeaders > 0
                && minBodyBytesPerSecond >= 0 && maxPipelined > 0, "EdgeLimits: a limit below 1")
        precondition(sweepInterval > .zero, "EdgeLimits: a timeout of nothing")
    }
}
