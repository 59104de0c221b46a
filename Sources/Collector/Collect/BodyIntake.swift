package import EventLog
import Events
package import Logging

/// The door of `/collect` without HTTP: a body in, a verdict for every event out. What stands around it (connections,
/// keys, gzip) is the routes' business.
package struct BodyIntake: Sendable {
    /// What the sender of a body is told.
    package enum Reply: Sendable, Equatable {
        /// Every event judged, in order.
        case judged([Verdict])
        /// Nothing of it is taken.
        case refused(status: Int)
    }

    package enum Verdict: Sendable, Equatable {
        /// `nil`: on this machine's disk, on its way to the log.
        case stored(Location?)
        case duplicate
        case rejected
        case retry
    }

    private let intake: EventIntake
    private let maxEvents: Int
    private let held: HeldBytes
    private let now: @Sendable () -> Int64

    /// - Parameter heldBytes: the memory that all bodies under way may hold together.
    package init(
        log: any EventLog, maxEvents: Int, maxRecordBytes: Int, heldBytes: Int, logger: Logger,
        now: @escaping @Sendable () -> Int64
    ) {
        intake = EventIntake(
            log: log, maxRecordBytes: maxRecordBytes, failures: FailureLog(logger: logger, now: now))
        self.maxEvents = maxEvents
        held = HeldBytes(limit: heldBytes)
        self.now = now
    }

    /// What a gzip body says; `nil` where it is none, or says more than `limit` bytes.
    package static func inflated(_ bytes: [UInt8], limit: Int, chunkBytes: Int) -> [UInt8]? {
        let share = HeldBytes(limit: limit).share()
        do throws(CollectorError) {
            let inflater = try Inflater(limit: limit, share: share)
            var rest = bytes[...]
            while !rest.isEmpty {
                let chunk = Array(rest.prefix(chunkBytes))
                rest = rest.dropFirst(chunkBytes)
                let fed = chunk.withUnsafeBytes { chunk in
                    Result { () throws(CollectorError) in try inflater.feed(chunk) }
                }
                try fed.get()
            }
            return try inflater.finish()
        } catch {
            return nil
        }
    }

    package func take(body: [UInt8], makeID: () -> String) async -> Reply {
        let share = held.share()
        defer { share.giveBack() }
        let received = now()
        let items: [CollectDecoder.Item]
        do throws(EventError) {
            items = try CollectDecoder(received: received, maxItems: maxEvents).decode(body: body, makeID: makeID)
        } catch {
            return .refused(status: 400)
        }
        do throws(CollectorError) {
            try share.take(body.count)
            let judgement = try await intake.take(items, received: received, share)
            return .judged(judgement.entries.map { Verdict($0.verdict) })
        } catch {
            return .refused(status: error.status)
        }
    }
}

extension BodyIntake.Verdict {
    fileprivate init(_ verdict: Collector.Verdict) {
        switch verdict {
        case .stored(let location): self = .stored(location)
        case .spooled: self = .stored(nil)
        case .duplicate: self = .duplicate
        case .rejected: self = .rejected
        case .retry: self = .retry
        }
    }
}
