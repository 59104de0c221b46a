/// Events in our own spelling, as shops send them and as they stand on the log.
extension FieldReader {
    /// Builds an event from a draft's own fields; its id and time have their own rules and come in as values.
    func plainEvent(_ draft: borrowing Draft, id: String, timestamp: Int64) throws(EventError) -> Event {
        guard let kind = try kind(draft[.type], "type") else { throw EventError(field: "type", reason: "missing") }
        let session = try text(draft[.session], "session", maxBytes: EventLimits.sessionBytes)
        let visitor = try text(draft[.visitor], "visitor", maxBytes: EventLimits.visitorBytes)
        guard session != nil || visitor != nil else {
            throw EventError(field: "session", reason: "missing, and `visitor` too; one of them is needed")
        }
        return Event(
            id: id, session: session, visitor: visitor, kind: kind, timestamp: timestamp,
            sku: try text(draft[.sku], "sku", maxBytes: EventLimits.skuBytes),
            url: try text(draft[.url], "url", maxBytes: EventLimits.urlBytes),
            query: try text(draft[.query], "query", maxBytes: EventLimits.queryBytes, allowsControls: true),
            price: try price(draft[.price], "price"),
            quantity: try quantity(draft[.quantity], "quantity"),
            order: try text(draft[.order], "order", maxBytes: EventLimits.orderBytes))
    }
}
