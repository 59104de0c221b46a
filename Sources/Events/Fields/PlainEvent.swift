/// Events in our own spelling, as shops send them and as they stand on the log.
extension FieldReader {
    /// Builds an event from a draft's own fields. Its id and time have their own rules and come in as values, the id
    /// only once everything else has turned out right.
    @inline(__always)
    func plainEvent(
        _ draft: borrowing Draft, timestamp: Int64, id: @autoclosure () -> String
    ) throws(EventError) -> Event {
        guard let kind = try kind(draft[.type], "type") else { throw EventError(field: "type", reason: "missing") }
        let session = try text(draft[.session], "session", maxBytes: EventLimits.sessionBytes)
        let visitor = try text(draft[.visitor], "visitor", maxBytes: EventLimits.visitorBytes)
        guard session != nil || visitor != nil else {
            throw EventError(field: "session", reason: "missing, and `visitor` too; one of them is needed")
        }
        let sku = try text(draft[.sku], "sku", maxBytes: EventLimits.skuBytes)
        let url = try text(draft[.url], "url", maxBytes: EventLimits.urlBytes)
        let query = try text(draft[.query], "query", maxBytes: EventLimits.queryBytes, allowsControls: true)
        let price = try price(draft[.price], "price")
        let quantity = try quantity(draft[.quantity], "quantity")
        let order = try text(draft[.order], "order", maxBytes: EventLimits.orderBytes)
        return Event(
            id: id(), session: session, visitor: visitor, kind: kind, timestamp: timestamp, sku: sku, url: url,
            query: query, price: price, quantity: quantity, order: order, isBot: try flag(draft[.bot], "bot"))
    }
}
