import Events

/// What the clients sent and what they were told: kept outside of everything that may fail.
final class Ledger: @unchecked Sendable {  // As `World`.
    struct Name: Hashable, CustomStringConvertible {
        var key: String
        var id: String
        var description: String { "\(key) \(id)" }
    }

    struct Sent {
        var event: Event
        /// Set once the log said `stored` or `duplicate`.
        var isAcknowledged = false
    }

    private(set) var sent: [Name: Sent] = [:]
    /// Of a client's visit, the events in the order in which they were sent, where each body was acknowledged before the
    /// next was sent.
    private(set) var orders: [[Name]] = []
    var rows: [Event] = []
    var acknowledgedRows = 0
    var hasEnded = false
    private(set) var acknowledged = 0

    static func name(_ event: Event) -> Name { Name(key: event.sessionKey, id: event.id) }

    func note(_ event: Event) {
        if sent[Self.name(event)] == nil { sent[Self.name(event)] = Sent(event: event) }
    }

    func acknowledge(_ event: Event) {
        if sent[Self.name(event)]?.isAcknowledged == false { acknowledged += 1 }
        sent[Self.name(event)]?.isAcknowledged = true
    }

    func keep(order: [Name]) { orders.append(order) }
}
