/// What stands on the `events` log: one JSON object a record, readable with any Kafka tool.
///
///     {"id":"…","session":"…","type":"detail","sku":"…","timestamp":1570000000000,"received":1570000000123}
///     {"control":"tick"}
///     {"control":"end","timeline":"NAME"}
///
/// Fields that are not given are left out, and `bot` where it is false; `timeline` stands only on records of a replay. `received` is when the event
/// came in; the fold has no use for it. Records of other producers may carry further fields, which are skipped, but
/// are held to the same bounds and must bring `id`, `type`, `timestamp` and `session` or `visitor`.
public enum RecordCoder {
    /// An event's record. `received`: milliseconds since the epoch.
    public static func encode(_ event: Event, timeline: Timeline, received: Int64) -> [UInt8] {
        var object = JSONWriter(reserving: 320)
        object.member("id", event.id)
        if let session = event.session { object.member("session", session) }
        if let visitor = event.visitor { object.member("visitor", visitor) }
        object.member("type", event.kind.name)
        if let sku = event.sku { object.member("sku", sku) }
        if let url = event.url { object.member("url", url) }
        object.member("timestamp", event.timestamp)
        object.member("received", received)
        if let query = event.query { object.member("query", query) }
        if let price = event.price { object.member("price", price) }
        if let quantity = event.quantity { object.member("quantity", quantity) }
        if let order = event.order { object.member("order", order) }
        if event.isBot { object.member("bot", true) }
        if case .replay(let name) = timeline { object.member("timeline", name) }
        return object.finish()
    }

    /// The control record that says that time has passed on the live timeline.
    public static let tick: [UInt8] = control("tick")

    /// The control record that ends a replay.
    public static func encodeEnd(replay: String) -> [UInt8] {
        control("end", timeline: replay)
    }

    /// Reads a record. Throws where it is not JSON (with its byte position) or breaks a rule (naming the field).
    public static func decode(_ bytes: [UInt8]) throws(EventError) -> LogEntry {
        try bytes.withUnsafeBufferPointer { buffer throws(EventError) in try decode(buffer) }
    }

    /// As `decode(_:)` above, for bytes that stand elsewhere.
    public static func decode(_ bytes: UnsafeBufferPointer<UInt8>) throws(EventError) -> LogEntry {
        guard bytes.count <= EventLimits.recordBytes else {
            throw EventError(reason: "\(bytes.count) bytes, more than the \(EventLimits.recordBytes) of a record")
        }
        return try Draft.withEmpty { draft throws(EventError) in
            var scanner = JSONScanner(bytes)
            scanner.skipWhitespace()
            try scanner.object(into: &draft, depth: 0)
            try scanner.end()
            try draft.checkRepeated(among: Field.ours)
            let reader = FieldReader(bytes: bytes)
            return draft[.control].isGiven ? try reader.control(draft) : try reader.entry(draft)
        }
    }

    private static func control(_ word: String, timeline: String? = nil) -> [UInt8] {
        var object = JSONWriter(reserving: 64)
        object.member("control", word)
        if let timeline { object.member("timeline", timeline) }
        return object.finish()
    }
}

extension FieldReader {
    fileprivate func entry(_ draft: borrowing Draft) throws(EventError) -> LogEntry {
        guard let id = try text(draft[.id], "id", maxBytes: EventLimits.idBytes) else {
            throw EventError(field: "id", reason: "missing")
        }
        guard let timestamp = try time(draft[.timestamp], "timestamp") else {
            throw EventError(field: "timestamp", reason: "missing")
        }
        try Self.checkNotTooLate(timestamp, "timestamp")
        let event = try plainEvent(draft, timestamp: timestamp, id: id)
        return .event(event, timeline: Timeline(name: try timeline(draft) ?? "live"))
    }

    fileprivate func control(_ draft: borrowing Draft) throws(EventError) -> LogEntry {
        switch try text(draft[.control], "control", maxBytes: 32) {
        case "tick":
            return .tick
        case "end":
            guard let name = try timeline(draft), name != Timeline.live.name else {
                throw EventError(field: "timeline", reason: "an end mark names the replay that ends")
            }
            return .end(replay: name)
        case let other:
            throw EventError(field: "control", reason: "unknown `\(other ?? "")`; known are tick, end")
        }
    }

    private func timeline(_ draft: borrowing Draft) throws(EventError) -> String? {
        try text(draft[.timeline], "timeline", maxBytes: EventLimits.timelineBytes)
    }

    /// For times that nothing clamps.
    static func checkNotTooLate(_ time: Int64, _ field: String) throws(EventError) {
        guard time <= EventLimits.latestTimestamp else {
            throw EventError(field: field, reason: "after 2100; milliseconds since 1970 are wanted")
        }
    }
}
