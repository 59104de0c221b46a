/// Measurement Protocol v1 as shop pixels send it, read into events. Its keys are recognised where an event has no
/// `type` but a hit type `t` or a product action `pa`; values may then be text or numbers.
///
/// | ours        | from                                                                                          |
/// | ---         | ---                                                                                           |
/// | `type`      | `pa` where it stands there: `detail`, `click`, `add`, `remove`, `purchase`; `checkout` and    |
/// |             | `checkout_option` are a `pageview` of the checkout. Else `t`: `pageview` and `screenview` are |
/// |             | a `pageview`; `event` is what its action `ea` names, in our words                             |
/// | `id`        | `z`                                                                                           |
/// | `visitor`   | `cid`, else `uid`                                                                             |
/// | `session`   | `sid`                                                                                         |
/// | `url`       | `dl`, else `dh` and `dp` joined: `//HOST/PATH`                                                |
/// | `timestamp` | `tm`, else `qt` (queue time) before the receipt                                               |
/// | `order`     | `ti`                                                                                          |
/// | `sku`, `price`, `quantity` | `prNid`, `prNpr`, `prNqt`; each product is an event of its own with id `ID/N`  |
/// | `price`     | `tr` (revenue) on a hit without products                                                      |
/// | `query`     | `el` (label) on a `search`                                                                    |
///
/// Our own fields may stand beside them and win; an own `sku` makes the hit one event. Impressions, promotions,
/// refunds and other hit types have no event of ours: the first two are skipped, the others rejected.
struct Hit {
    /// What all products of the hit share. Its id is empty where the sender gave none.
    private var event: Event
    private var products: [Draft.Product] = []
    private let reader: FieldReader

    static func isRecognised(_ draft: borrowing Draft) -> Bool {
        !draft[.type].isGiven && (draft[.t].isGiven || draft[.pa].isGiven)
    }

    /// `sentAt`: the envelope's, unless the hit has its own.
    init(
        _ draft: borrowing Draft, bytes: UnsafeBufferPointer<UInt8>, receipt: ReceiptTime, sentAt: Int64?
    ) throws(EventError) {
        if let error = draft.productError { throw error }
        try draft.checkRepeated(among: .max)
        // Our own fields keep their own types; the protocol's are text by origin.
        let own = FieldReader(bytes: bytes)
        reader = FieldReader(bytes: bytes, takesTextForNumbers: true)
        let kind = try reader.hitKind(draft)
        var session = try own.text(draft[.session], "session", maxBytes: EventLimits.sessionBytes)
        if session == nil { session = try reader.text(draft[.sid], "sid", maxBytes: EventLimits.sessionBytes) }
        var visitor = try own.text(draft[.visitor], "visitor", maxBytes: EventLimits.visitorBytes)
        if visitor == nil { visitor = try reader.text(draft[.cid], "cid", maxBytes: EventLimits.visitorBytes) }
        if visitor == nil { visitor = try reader.text(draft[.uid], "uid", maxBytes: EventLimits.visitorBytes) }
        guard session != nil || visitor != nil else {
            throw EventError(field: "cid", reason: "missing, and `sid`, `session` and `visitor` too; one is needed")
        }
        let id = try reader.hitID(draft) ?? ""
        event = Event(
            id: id, session: session, visitor: visitor, kind: kind,
            timestamp: try reader.hitTime(draft, receipt: receipt, sentAt: sentAt),
            sku: try own.text(draft[.sku], "sku", maxBytes: EventLimits.skuBytes),
            url: try reader.hitURL(draft),
            query: try own.text(draft[.query], "query", maxBytes: EventLimits.queryBytes, allowsControls: true),
            price: try own.price(draft[.price], "price"),
            quantity: try own.quantity(draft[.quantity], "quantity"),
            order: try own.text(draft[.order], "order", maxBytes: EventLimits.orderBytes),
            isBot: try own.flag(draft[.bot], "bot"))
        if event.order == nil {
            event.order = try reader.text(draft[.ti], "ti", maxBytes: EventLimits.orderBytes)
        }
        if kind == .search, event.query == nil {
            event.query = try reader.text(draft[.el], "el", maxBytes: EventLimits.queryBytes, allowsControls: true)
        }
        guard event.sku == nil, kind != .pageview, kind != .search else { return }
        products = draft.products.sorted { $0.number < $1.number }
        if products.isEmpty, event.price == nil { event.price = try reader.price(draft[.tr], "tr") }
    }

    /// The hit's events, one a product; one altogether where it names none.
    func events(
        makeID: () -> String, _ body: (_ id: String, _ result: Result<Event, EventError>) -> Void
    ) {
        var event = event
        if event.id.isEmpty { event.id = makeID() }
        guard !products.isEmpty else {
            body(event.id, .success(event))
            return
        }
        for product in products {
            let id = "\(event.id)/\(product.number)"
            do throws(EventError) {
                body(id, .success(try productEvent(event, id: id, product)))
            } catch {
                body(id, .failure(error))
            }
        }
    }

    private func productEvent(_ hit: Event, id: String, _ product: Draft.Product) throws(EventError) -> Event {
        guard id.utf8.count <= EventLimits.idBytes else {
            throw EventError(field: "z", reason: "more than the \(EventLimits.idBytes) bytes allowed, with its `/N`")
        }
        let key = "pr\(product.number)"
        var event = hit
        event.id = id
        event.sku = try reader.text(product.id, key + "id", maxBytes: EventLimits.skuBytes)
        guard event.sku != nil else { throw EventError(field: key + "id", reason: "missing") }
        if let price = try reader.price(product.price, key + "pr") { event.price = price }
        if let quantity = try reader.quantity(product.quantity, key + "qt") { event.quantity = quantity }
        return event
    }
}

extension FieldReader {
    /// The sender's id: our own key, else the cache buster `z`, which pixels draw anew for every hit.
    func hitID(_ draft: borrowing Draft) throws(EventError) -> String? {
        if draft[.id].isGiven {
            let own = FieldReader(bytes: bytes)
            if let id = try own.text(draft[.id], "id", maxBytes: EventLimits.idBytes) { return id }
        }
        return try text(draft[.z], "z", maxBytes: EventLimits.idBytes)
    }

    fileprivate func hitKind(_ draft: borrowing Draft) throws(EventError) -> EventKind {
        let hitType = try text(draft[.t], "t", maxBytes: 32)
        if let hitType, !["pageview", "screenview", "event"].contains(hitType) {
            throw EventError(field: "t", reason: "unknown `\(hitType)`; known are pageview, screenview, event")
        }
        switch try text(draft[.pa], "pa", maxBytes: 32) {
        case "detail": return .detail
        case "click": return .click
        case "add": return .add
        case "remove": return .remove
        case "purchase": return .purchase
        case "checkout", "checkout_option": return .pageview
        case let other?:
            throw EventError(
                field: "pa", reason: "unknown `\(other)`; known are detail, click, add, remove, purchase, checkout")
        case nil:
            guard hitType == "event" else { return .pageview }
            guard let kind = try kind(draft[.ea], "ea") else {
                throw EventError(field: "pa", reason: "missing, and `ea` too; one of them says what the event is")
            }
            return kind
        }
    }

    fileprivate func hitURL(_ draft: borrowing Draft) throws(EventError) -> String? {
        let maxBytes = EventLimits.urlBytes
        let own = FieldReader(bytes: bytes)
        if let url = try own.text(draft[.url], "url", maxBytes: maxBytes) { return url }
        if let location = try text(draft[.dl], "dl", maxBytes: maxBytes) { return location }
        let host = try text(draft[.dh], "dh", maxBytes: maxBytes)
        let path = try text(draft[.dp], "dp", maxBytes: maxBytes)
        guard host != nil || path != nil else { return nil }
        let slash = host == nil || path == nil || path?.first == "/" ? "" : "/"
        let url = (host.map { "//" + $0 } ?? "") + slash + (path ?? "")
        guard url.utf8.count <= maxBytes else {
            throw EventError(field: "dp", reason: "more than the \(maxBytes) bytes allowed, with `dh`")
        }
        return url
    }

    fileprivate func hitTime(
        _ draft: borrowing Draft, receipt: ReceiptTime, sentAt: Int64?
    ) throws(EventError) -> Int64 {
        let own = FieldReader(bytes: bytes)
        let sentAt = try own.time(draft[.sentAt], "sentAt") ?? sentAt
        if let time = try own.time(draft[.timestamp], "timestamp") {
            return try receipt.time(time, sentAt: sentAt, "timestamp")
        }
        if let time = try time(draft[.tm], "tm") { return try receipt.time(time, sentAt: sentAt, "tm") }
        guard let queued = try number(draft[.qt], "qt")?.double else {
            return try receipt.time(nil, sentAt: nil, "tm")
        }
        guard queued >= 0, queued <= Double(receipt.received - EventLimits.earliestTimestamp) else {
            throw EventError(field: "qt", reason: "must lie between 0 and the milliseconds since 1990")
        }
        return try receipt.time(receipt.received - Int64(queued), sentAt: nil, "qt")
    }
}
