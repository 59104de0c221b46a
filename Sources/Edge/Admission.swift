import Metrics
import Synchronization

/// Who is let in: counts connections, in all and by address, and gives each its place back when it closes.
final class Admission: Sendable {
    enum Refusal: String, CaseIterable {
        case connections
        case addressConnections = "address_connections"
    }

    private struct State {
        var open = 0
        var byAddress: [ClientAddress: Int] = [:]
    }

    private let maxConnections: Int
    private let maxPerAddress: Int
    private let state = Mutex(State())
    private let gauge = Gauge(label: "dinghy_http_connections")

    init(_ limits: EdgeLimits) {
        maxConnections = limits.maxConnections
        maxPerAddress = limits.maxConnectionsPerAddress
    }

    /// Why the connection is not taken; `nil`: it is, and has to `leave`.
    func enter(_ address: ClientAddress) -> Refusal? {
        let (refusal, open) = state.withLock { state -> (Refusal?, Int) in
            guard state.open < maxConnections else { return (.connections, state.open) }
            if address != .local {
                let mine = state.byAddress[address] ?? 0
                guard mine < maxPerAddress else { return (.addressConnections, state.open) }
                state.byAddress[address] = mine + 1
            }
            state.open += 1
            return (nil, state.open)
        }
        gauge.record(open)
        return refusal
    }

    func leave(_ address: ClientAddress) {
        let open = state.withLock { state in
            state.open -= 1
            if address != .local, let mine = state.byAddress[address] {
                state.byAddress[address] = mine > 1 ? mine - 1 : nil
            }
            return state.open
        }
        gauge.record(open)
    }
}
