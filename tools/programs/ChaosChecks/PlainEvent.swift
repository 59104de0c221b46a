import Foundation

/// What stands on `events`, read by the words in the documentation with a JSON reader that is not the product's.
public enum PlainRecord: Sendable, Equatable {
    case tick
    case end(timeline: String)
    case event(PlainEvent)
    case unusable

    public init(_ value: [UInt8]) {
        guard let fields = try? JSONSerialization.jsonObject(with: Data(value)) as? [String: Any] else {
            self = .unusable
            return
        }
        if let control = fields["control"] as? String {
            switch (control, fields["timeline"] as? String) {
            case ("tick", _): self = .tick
            case ("end", let timeline?): self = .end(timeline: timeline)
            default: self = .unusable
            }
            return
        }
        self = PlainEvent(fields).map { .event($0) } ?? .unusable
    }
}

public struct PlainEvent: Sendable, Equatable {
    public var id: String
    /// `s:` and the session, or `v:` and the visitor where there is no session.
    public var key: String
    public var timeline: String
    public var type: String
    public var sku: String?
    public var quantity: Int
    public var timestamp: Int64

    public init(
        id: String, key: String, timeline: String = "live", type: String, sku: String? = nil, quantity: Int = 1,
        timestamp: Int64
    ) {
        self.id = id
        self.key = key
        self.timeline = timeline
        self.type = type
        self.sku = sku
        self.quantity = quantity
        self.timestamp = timestamp
    }

    init?(_ fields: [String: Any]) {
        guard let id = fields["id"] as? String, let type = fields["type"] as? String,
            let timestamp = (fields["timestamp"] as? NSNumber)?.int64Value
        else { return nil }
        if let session = fields["session"] as? String {
            key = "s:" + session
        } else if let visitor = fields["visitor"] as? String {
            key = "v:" + visitor
        } else {
            return nil
        }
        self.id = id
        self.type = type
        self.timestamp = timestamp
        timeline = fields["timeline"] as? String ?? "live"
        sku = fields["sku"] as? String
        quantity = (fields["quantity"] as? NSNumber)?.intValue ?? 1
    }
}
