import Edge
import EventLog
import Events

/// Events over HTTP: a request's body, or the pixel's query.
struct CollectDoor: Sendable {
    let reader: BodyReader
    let maxEvents: Int
    let intake: EventIntake
    let turns: Turns
    let metrics: CollectorMetrics
    let now: @Sendable () -> Int64
    let makeID: @Sendable () -> String

    /// - Parameter received: when its head came: milliseconds since the epoch.
    func post(
        _ body: IncomingBody, received: Int64, _ share: HeldBytes.Share, _ visit: Visit
    ) async throws(CollectorError) -> DirectReply {
        do throws(CollectorError) {
            let body = try body.finish(share)
            try turns.take()
            defer { turns.giveBack() }
            let items = visit.screened(try decode(body, received))
            if let dropped = visit.dropped(items, intake.log.durability) { return .json(dropped.json) }
            let judgement = try await intake.take(items, received: received, share)
            metrics.events(judgement.counts)
            visit.stored(judgement.counts.stored)
            return .json(judgement.json, status: judgement.status, headers: judgement.headers)
        } catch {
            guard case .unreadable(let reason, let bytes) = error else { throw error }
            if !visit.keepsNothing {
                try await intake.keep(unreadable: bytes, reason: reason, received: received)
            }
            throw .unreadable(reason)
        }
    }

    func pixel(
        _ query: String, _ share: HeldBytes.Share, _ visit: Visit
    ) async throws(CollectorError) -> DirectReply {
        metrics.received(query.utf8.count)
        guard query.utf8.count <= reader.maxBodyBytes else {
            throw .tooLarge("a query of more than the \(reader.maxBodyBytes) bytes allowed")
        }
        try share.take(query.utf8.count)
        try turns.take()
        defer { turns.giveBack() }
        let received = now()
        let decoder = CollectDecoder(received: received, maxItems: maxEvents)
        let items = visit.screened(decoder.decode(query: Self.withoutKey(query), makeID: makeID))
        if let dropped = visit.dropped(items, intake.log.durability) { return Pixel.reply(dropped) }
        let judgement = try await intake.take(items, received: received, share)
        metrics.events(judgement.counts)
        visit.stored(judgement.counts.stored)
        return Pixel.reply(judgement)
    }

    private func decode(_ body: [UInt8], _ received: Int64) throws(CollectorError) -> [CollectDecoder.Item] {
        let decoder = CollectDecoder(received: received, maxItems: maxEvents)
        do throws(EventError) {
            return try decoder.decode(body: body, makeID: makeID)
        } catch {
            if error == .tooManyEvents(limit: maxEvents) { throw .tooLarge(error.description) }
            throw .unreadable(error.description, bytes: Array(body.prefix(RejectedRecord.maxBytes)))
        }
    }

    /// The write key is no part of the event: it does not go to the log.
    private static func withoutKey(_ query: String) -> String {
        guard query.contains("key=") else { return query }
        return query.split(separator: "&").filter { !$0.hasPrefix("key=") }.joined(separator: "&")
    }
}
