import Edge
import HummingbirdCore
import NIOCore
import NIOHTTP1

/// `/collect` on its connection's event loop: preflights, the pixel, and bodies of events.
struct CollectEntrance: DirectDoor {
    let keys: WriteKeys
    let origins: Origins
    let held: HeldBytes
    let collect: CollectDoor
    let screening: Screening
    let limits: SenderLimits
    let metrics: CollectorMetrics

    /// What is judged on the event loop is short: this many bytes are some five hundred events, about a millisecond's work.
    fileprivate static let shortBytes = 65_536

    func enter(_ head: HTTPRequestHead, from address: ClientAddress) -> DirectEntry? {
        guard Self.isCollect(head.uri) else { return nil }
        let route: CollectorMetrics.Route
        switch head.method {
        case .POST: route = .collect
        case .GET: route = .pixel
        case .OPTIONS: route = .preflight
        default: return nil
        }
        let head = RequestHead(head, from: address)
        let passage = Passage(route, head, held: held, origins: origins, metrics: metrics)
        do throws(CollectorError) {
            if route == .preflight { return .answered(passage.reply(try origins.preflight(head))) }
            let received = collect.now()
            let visit = try visit(head)
            let body = route == .collect ? try collect.reader.begin(head) : nil
            return .awaited(CollectExchange(collect, passage, visit, body: body, received: received))
        } catch {
            return .answered(passage.refused(error))
        }
    }

    private static func isCollect(_ target: String) -> Bool {
        let path: Substring
        if target.utf8.first == UInt8(ascii: "/") {
            path = target.prefix { $0 != "?" }
        } else {
            // In absolute form, as a proxy is asked.
            path = URI(target).path[...]
        }
        return path == "/collect" || path == "/collect/"
    }

    /// Who sends, whether it may, and how its events are to be taken.
    private func visit(_ head: RequestHead) throws(CollectorError) -> Visit {
        let key = try keys.check(head)
        let sender = limits.sender(key: key, head)
        if let refusal = limits.refusal(of: sender) {
            metrics.limited(refusal.reason)
            throw refusal.error
        }
        return Visit(screening: screening, head: head, limits: limits, sender: sender, metrics: metrics)
    }
}

/// A request of events on its way in. `body` is `nil` for the pixel, whose event stands in the query.
private final class CollectExchange: DirectExchange {
    private let collect: CollectDoor
    private let passage: Passage
    private let visit: Visit
    private var body: IncomingBody?
    private let received: Int64

    init(_ collect: CollectDoor, _ passage: Passage, _ visit: Visit, body: IncomingBody?, received: Int64) {
        self.collect = collect
        self.passage = passage
        self.visit = visit
        self.body = body
        self.received = received
    }

    func receive(_ bytes: ByteBuffer) -> DirectReply? {
        do throws(CollectorError) {
            try body?.take(bytes, passage.share)
            return nil
        } catch {
            return passage.refused(error)
        }
    }

    func end() -> DirectWork {
        let (collect, passage, visit, body, received) = (collect, passage, visit, body, received)
        return DirectWork(isShort: (body?.weight ?? 0) <= CollectEntrance.shortBytes) {
            do throws(CollectorError) {
                let reply =
                    if let body {
                        try await collect.post(body, received: received, passage.share, visit)
                    } else {
                        try await collect.pixel(passage.head.query ?? "", passage.share, visit)
                    }
                return passage.reply(visit.marked(reply))
            } catch {
                return passage.refused(error)
            }
        }
    }

    func abandon() { passage.abandon() }
}
