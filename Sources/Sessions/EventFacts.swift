package import Events

/// What the fold reads of an event: numbers alone, texts as `StableHash`es, 0 where there is none.
package struct EventFacts: Sendable, Equatable {
    var id: UInt64
    var timestamp: Int64
    var sku: UInt64
    var page: UInt64
    var section: UInt64
    var quantity: Int
    var kind: EventKind
    var isBot: Bool

    package init(_ event: Event) {
        id = StableHash.of(event.id)
        timestamp = event.timestamp
        sku = event.sku.map { StableHash.of($0) } ?? 0
        (page, section) = event.url.map { Page.hashes(of: $0) } ?? (0, 0)
        quantity = event.quantity ?? 1
        kind = event.kind
        isBot = event.isBot
    }
}
