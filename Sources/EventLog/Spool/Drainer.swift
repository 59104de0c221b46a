import EventLog
import Logging

/// Sends what is spooled to the log, from the head, in order, and moves the head behind what the log has acknowledged.
///
/// 1. One batch at a time: the next is read only after the one before it is acknowledged whole.
/// 2. What was perhaps stored when an append failed is sent again; the ids tell.
/// 3. Nothing that the log can never take holds up what is behind it: it goes to `rejected`, and so does what cannot be
///    read.
struct Drainer: Sendable {
    let spool: Spool
    let log: any EventLog
    let pauses: (first: Duration, longest: Duration)
    let logger: Logger
    let now: @Sendable () -> Int64

    func run() async {
        for await _ in spool.filled { await drain() }
    }

    /// Until nothing is left or the spool closes.
    private func drain() async {
        var pause = pauses.first
        var complaint: String?
        while !spool.isClosed {
            do {
                let batch = try await spool.batch()
                if batch.entries.isEmpty { return }
                try await send(batch)
                (pause, complaint) = (pauses.first, nil)
            } catch {
                let reason = (error as? SpoolFailure)?.reason ?? "\(error)"
                if reason != complaint { logger.warning("the spool does not drain: \(reason)") }
                complaint = reason
                if error as? EventLogError == .closed { return }
                spool.showStatus()
                // Cut short when the spool closes.
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, pauses.longest)
            }
        }
    }

    /// Neighbours that go the same way.
    private struct Step {
        var events: [NewRecord] = []
        var rejected: [RejectedRecord] = []
        var time: Int64 = 0
        var amount = SpoolState.Amount()
        var damaged = 0
        var end: SpoolPosition
    }

    private func send(_ batch: SpoolBatch) async throws {
        var sent = SpoolState.Amount()
        var damaged = 0
        var end: SpoolPosition?
        var failure: EventLogError?
        for step in steps(batch) {
            do throws(EventLogError) {
                try await deliver(step)
            } catch {
                failure = error
                break
            }
            sent.records += step.amount.records
            sent.bytes += step.amount.bytes
            damaged += step.damaged
            end = step.end
        }
        if let end { try await spool.advance(to: end, past: sent, damaged: damaged) }
        if let failure { throw failure }
    }

    private func steps(_ batch: SpoolBatch) -> [Step] {
        var steps: [Step] = []
        for entry in batch.entries {
            var step = Step(end: entry.end)
            switch entry.content {
            case .item(.event(let record), let time):
                step.events = [record]
                step.time = time
            case .item(.rejected(let record), _):
                step.rejected = [record]
            case .damaged(let bytes, let reason):
                step.rejected = pieces(of: bytes, reason)
                step.damaged = 1
            }
            if let last = steps.last, last.events.isEmpty == step.events.isEmpty {
                steps[steps.count - 1].events += step.events
                steps[steps.count - 1].rejected += step.rejected
                steps[steps.count - 1].damaged += step.damaged
                steps[steps.count - 1].end = step.end
            } else {
                steps.append(step)
            }
            steps[steps.count - 1].amount.records += 1
            steps[steps.count - 1].amount.bytes += entry.bytes
        }
        return steps
    }

    private func deliver(_ step: Step) async throws(EventLogError) {
        var rejected = step.rejected
        if !step.events.isEmpty {
            let verdicts = try await log.appendWhatFits(step.events)
            for case (let record, .tooLarge(let bytes, let limit)) in zip(step.events, verdicts) {
                let reason = EventLogError.tooLarge(bytes: bytes, limit: limit).description
                rejected += pieces(of: record.value, reason)
            }
        }
        if !rejected.isEmpty { try await log.reject(rejected) }
    }

    /// All of the bytes, in as many records as that takes.
    private func pieces(of bytes: [UInt8], _ reason: String) -> [RejectedRecord] {
        let size = RejectedRecord.maxBytes
        return stride(from: 0, to: bytes.count, by: size).map { start in
            let place = bytes.count > size ? " (from byte \(start) of \(bytes.count))" : ""
            return RejectedRecord(
                time: now(), source: "spool", reason: reason + place,
                bytes: bytes[start..<min(start + size, bytes.count)])
        }
    }
}
