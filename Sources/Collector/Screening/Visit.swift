import Edge
import EventLog
import Events

/// One request on its way through the collector: what is known of its sender, and what its events are held to.
struct Visit: Sendable {
    private let finding: Screening.Finding
    private let limits: SenderLimits
    private let sender: SenderLimits.Sender?
    private let metrics: CollectorMetrics

    init(
        screening: Screening, head: RequestHead, limits: SenderLimits, sender: SenderLimits.Sender?,
        metrics: CollectorMetrics
    ) {
        finding = screening.finding(head)
        self.limits = limits
        self.sender = sender
        self.metrics = metrics
    }

    /// Not even what cannot be read.
    var keepsNothing: Bool { finding.wish?.action == .drop }

    /// The events as they may be stored, counted for their sender.
    func screened(_ items: [CollectDecoder.Item]) -> [CollectDecoder.Item] {
        limits.sent(items.count, by: sender)
        if let wish = finding.wish { metrics.signalled(wish.signal, wish.action, events: items.count) }
        let strips = finding.wish?.action == .strip
        guard finding.isBot || strips else {
            metrics.bots(items.count { if case .success(let event) = $0.result { event.isBot } else { false } })
            return items
        }
        if finding.isBot { metrics.bots(items.count) }
        return items.map { item in
            guard case .success(var event) = item.result else {
                var item = item
                // What is kept of a rejected event would hold all that was to be left out.
                if strips { item.bytes = [] }
                return item
            }
            if finding.isBot { event.isBot = true }
            var item = item
            if strips {
                item.bytes = []
                guard let stripped = event.stripped() else {
                    item.result = .failure(
                        EventError(field: "visitor", reason: "not stored: \(wishText), and there is no `session`"))
                    return item
                }
                event = stripped
            }
            item.result = .success(event)
            return item
        }
    }

    /// The reply where nothing may be stored.
    func dropped(_ items: [CollectDecoder.Item], _ durability: Durability) -> DroppedEvents? {
        guard keepsNothing else { return nil }
        return DroppedEvents(
            durability: durability, reason: "not stored: \(wishText)", items: items.map { ($0.index, $0.id) })
    }

    func stored(_ count: Int) { limits.stored(count, by: sender) }

    /// Says in the reply what was done about a wish.
    func marked(_ reply: DirectReply) -> DirectReply {
        guard let wish = finding.wish else { return reply }
        var reply = reply
        let word = wish.action == .drop ? "dropped" : "stripped"
        reply.headers.append(.init("X-Dinghy-Privacy", "\(word) (\(wish.signal.header))"))
        return reply
    }

    private var wishText: String { "the request says \(finding.wish?.signal.header ?? "nothing")" }
}
