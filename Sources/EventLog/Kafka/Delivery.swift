import CRDKafka
import EventLog
import Synchronization

/// The delivery reports of one append: resumes its waiter when the last one has come.
final class Delivery: Sendable {
    private struct State {
        var outstanding: Int
        var locations: [Location?]
        var failure: EventLogError?
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    /// One message's place in its append. Retained by librdkafka until its report.
    private final class Ticket: Sendable {
        let delivery: Delivery
        let index: Int

        init(_ delivery: Delivery, _ index: Int) {
            self.delivery = delivery
            self.index = index
        }
    }

    init(count: Int) {
        state = Mutex(State(outstanding: count, locations: Array(repeating: nil, count: count)))
    }

    /// For `msg_opaque`: given back by the report, or with `cancel`.
    func ticket(_ index: Int) -> UnsafeMutableRawPointer { Unmanaged.passRetained(Ticket(self, index)).toOpaque() }

    /// The message was never taken.
    static func cancel(_ ticket: UnsafeMutableRawPointer, _ failure: EventLogError) {
        let ticket = Unmanaged<Ticket>.fromOpaque(ticket).takeRetainedValue()
        ticket.delivery.report(ticket.index, .failure(failure))
    }

    /// Why a message of so many bytes was not delivered. The client's and the brokers' limits have the same code, and
    /// neither says how much it would take.
    static func failure(_ code: rd_kafka_resp_err_t, bytes: Int) -> EventLogError {
        code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
            ? .tooLarge(bytes: bytes, limit: nil)
            : .failed("the brokers did not take a record: \(KafkaClient.text(code))")
    }

    private func report(_ index: Int, _ result: Result<Location, EventLogError>) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            switch result {
            case .success(let location): state.locations[index] = location
            case .failure(let failure):
                // What may pass a second time is worth more than what never will.
                if case .tooLarge = failure, state.failure != nil { break }
                if case .failed = state.failure { break }
                state.failure = failure
            }
            state.outstanding -= 1
            guard state.outstanding == 0 else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Where the messages are, once all in-sync replicas have them.
    ///
    /// - Throws: `.failed` where one was not delivered: the others may be; `.tooLarge` where nothing else is wrong.
    func locations() async throws(EventLogError) -> [Location] {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.outstanding == 0 { return true }
                state.waiter = continuation
                return false
            }
            if isDone { continuation.resume() }
        }
        let (locations, failure) = state.withLock { ($0.locations, $0.failure) }
        if let failure { throw failure }
        return locations.compactMap { $0 }
    }

    static let callback:
        @convention(c) (OpaquePointer?, UnsafePointer<rd_kafka_message_t>?, UnsafeMutableRawPointer?) -> Void = {
            _, message, _ in
            // Messages of transactions carry no ticket: their commit answers for them.
            guard let message = message?.pointee, let opaque = message._private else { return }
            let ticket = Unmanaged<Ticket>.fromOpaque(opaque).takeRetainedValue()
            if message.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                ticket.delivery.report(
                    ticket.index, .success(Location(partition: Int(message.partition), offset: message.offset)))
            } else {
                ticket.delivery.report(ticket.index, .failure(failure(message.err, bytes: message.len)))
            }
        }
}
