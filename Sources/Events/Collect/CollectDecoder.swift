/// Reads what shops send into events: request bodies and the pixel's query string, in our own field names or in
/// Measurement Protocol v1 keys.
///
/// A body is one event, an array of events, `{"events":[…],"sentAt":…}`, or newline-delimited JSON. In a body that can
/// be read, every event is judged by itself. A body that cannot be read is refused as a whole, with the byte position;
/// of newline-delimited JSON each line stands alone. What the fields mean and their bounds: docs/events.md.
public struct CollectDecoder: Sendable {
    /// One event of a request, accepted or not. A hit of n products gives n items with the same index.
    public struct Item: Sendable, Equatable {
        /// The element's position in the request, from 0.
        public var index: Int
        /// The event's id where it is known: always for an accepted one.
        public var id: String?
        public var result: Result<Event, EventError>
        /// The original bytes of the element.
        public var bytes: ArraySlice<UInt8>

        public init(index: Int, id: String?, result: Result<Event, EventError>, bytes: ArraySlice<UInt8>) {
            self.index = index
            self.id = id
            self.result = result
            self.bytes = bytes
        }
    }

    /// When the request came in, milliseconds since the epoch.
    public let received: Int64
    /// How many items a body may give; one with more is refused whole.
    public let maxItems: Int

    public init(received: Int64, maxItems: Int = 10_000) {
        self.received = received
        self.maxItems = maxItems
    }

    /// Reads a request's body. `makeID` gives an id to an accepted event that came without one. Throws where the body
    /// as a whole is unreadable or holds too many events: nothing of it is to be stored then.
    public func decode(body: [UInt8], makeID: () -> String) throws(EventError) -> [Item] {
        guard body.count <= Int32.max else { throw EventError(reason: "a body of more than 2 GiB") }
        return try body.withUnsafeBufferPointer { bytes throws(EventError) in
            try Draft.withEmpty { draft throws(EventError) in
                var reading = BodyReading(decoder: self, body: body, bytes: bytes)
                try reading.run(&draft, makeID)
                return reading.items
            }
        }
    }

    /// Reads the pixel's query string, without its `?` and as it stood in the URL: one event, or one hit of several
    /// products.
    public func decode(query: String, makeID: () -> String) -> [Item] {
        let original = Array(query.utf8)
        let query = QueryString(original)
        var items: [Item] = []
        query.bytes.withUnsafeBufferPointer { bytes in
            do throws(EventError) {
                try Draft.withEmpty { draft throws(EventError) in
                    for pair in query.pairs {
                        draft.note(UnsafeBufferPointer(rebasing: bytes[pair.name]), pair.value)
                    }
                    judge(draft, bytes: bytes, sentAt: nil, index: 0, original: original[...], makeID, into: &items)
                }
            } catch {
                items.append(Item(index: 0, id: nil, result: .failure(error), bytes: original[...]))
            }
        }
        return items
    }

    /// Judges one element: appends the event, the events of a hit, or the reason why it is neither.
    func judge(
        _ draft: borrowing Draft, bytes: UnsafeBufferPointer<UInt8>, sentAt: Int64?, index: Int,
        original: ArraySlice<UInt8>, _ makeID: () -> String, into items: inout [Item]
    ) {
        do throws(EventError) {
            if Hit.isRecognised(draft) {
                let hit = try Hit(draft, bytes: bytes, receipt: ReceiptTime(received: received), sentAt: sentAt)
                hit.events(makeID: makeID) { id, result in
                    items.append(Item(index: index, id: id, result: result, bytes: original))
                }
                return
            }
            let event = try plainEvent(draft, bytes: bytes, sentAt: sentAt, makeID)
            items.append(Item(index: index, id: event.id, result: .success(event), bytes: original))
        } catch {
            items.append(Item(index: index, id: knownID(draft, bytes), result: .failure(error), bytes: original))
        }
    }

    private func plainEvent(
        _ draft: borrowing Draft, bytes: UnsafeBufferPointer<UInt8>, sentAt: Int64?, _ makeID: () -> String
    ) throws(EventError) -> Event {
        try draft.checkRepeated(among: Field.ours)
        let reader = FieldReader(bytes: bytes)
        let id = try reader.text(draft[.id], "id", maxBytes: EventLimits.idBytes)
        let time = try ReceiptTime(received: received).time(
            try reader.time(draft[.timestamp], "timestamp"),
            sentAt: try reader.time(draft[.sentAt], "sentAt") ?? sentAt, "timestamp")
        return try reader.plainEvent(draft, timestamp: time, id: id ?? makeID())
    }

    /// The id of an element that is rejected, where that at least can be read.
    private func knownID(_ draft: borrowing Draft, _ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let isHit = Hit.isRecognised(draft)
        let reader = FieldReader(bytes: bytes, takesTextForNumbers: isHit)
        do throws(EventError) {
            return isHit
                ? try reader.hitID(draft) : try reader.text(draft[.id], "id", maxBytes: EventLimits.idBytes)
        } catch {
            return nil
        }
    }
}
