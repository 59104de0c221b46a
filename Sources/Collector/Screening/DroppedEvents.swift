import EventLog
import Events

/// The reply to a request of which nothing may be stored: a verdict for every event all the same.
struct DroppedEvents {
    let durability: Durability
    let reason: String
    let items: [(index: Int, id: String?)]

    var json: [UInt8] {
        var head = JSONWriter(reserving: 128)
        head.member("durability", durability.rawValue)
        for verdict in ["stored", "duplicate", "rejected", "retry"] as [StaticString] { head.member(verdict, 0) }
        head.member("dropped", items.count)
        var bytes = head.finish()
        bytes.removeLast()
        bytes.append(contentsOf: #","events":["#.utf8)
        for (number, item) in items.enumerated() {
            if number > 0 { bytes.append(UInt8(ascii: ",")) }
            var object = JSONWriter(reserving: 128)
            object.member("index", item.index)
            if let id = item.id { object.member("id", id) }
            object.member("verdict", "dropped")
            object.member("reason", reason)
            bytes.append(contentsOf: object.finish())
        }
        bytes.append(contentsOf: "]}".utf8)
        return bytes
    }

    var line: String { "dropped \(reason)" }
}
