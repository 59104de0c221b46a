import Edge

/// One request's way through the collector, from its head to its reply: its share of memory, and its place in the
/// counts. Ended once, by `reply`, `refused` or `abandon`.
struct Passage: Sendable {
    let route: CollectorMetrics.Route
    let head: RequestHead
    let share: HeldBytes.Share
    private let origins: Origins
    private let metrics: CollectorMetrics

    init(
        _ route: CollectorMetrics.Route, _ head: RequestHead, held: HeldBytes, origins: Origins,
        metrics: CollectorMetrics
    ) {
        self.route = route
        self.head = head
        self.origins = origins
        self.metrics = metrics
        share = held.share()
        metrics.begin()
    }

    func reply(_ reply: DirectReply) -> DirectReply {
        var reply = reply
        if route != .replay { origins.mark(&reply, to: head) }
        share.giveBack()
        metrics.end(route, reply.status)
        return reply
    }

    func refused(_ error: CollectorError) -> DirectReply { reply(route == .pixel ? Pixel.reply(error) : .json(error)) }

    /// The sender went away before its answer.
    func abandon() {
        share.giveBack()
        metrics.end(route, nil)
    }
}
