import CoreMetrics
import Synchronization

/// One instrument of any kind.
final class Instrument: Sendable {
    enum Kind: String { case counter, gauge, histogram }

    private struct State {
        var value = 0.0
        var count = 0
        var buckets = [Int](repeating: 0, count: Instrument.bounds.count)
    }

    /// Upper bounds in seconds, from a tenth of a millisecond to ten seconds.
    static let bounds = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    let kind: Kind
    private let state = Mutex(State())

    init(_ kind: Kind) { self.kind = kind }

    private func observe(_ value: Double) {
        state.withLock { state in
            state.value += value
            state.count += 1
            if let bucket = Self.bounds.firstIndex(where: { value <= $0 }) { state.buckets[bucket] += 1 }
        }
    }

    func render(_ label: String, _ dimensions: String, to text: inout String) {
        let state = state.withLock { $0 }
        let braces = dimensions.isEmpty ? "" : "{\(dimensions)}"
        guard kind == .histogram else {
            text += "\(label)\(braces) \(state.value)\n"
            return
        }
        let comma = dimensions.isEmpty ? "" : dimensions + ","
        var below = 0
        for (bound, count) in zip(Self.bounds, state.buckets) {
            below += count
            text += "\(label)_bucket{\(comma)le=\"\(bound)\"} \(below)\n"
        }
        text += "\(label)_bucket{\(comma)le=\"+Inf\"} \(state.count)\n"
        text += "\(label)_sum\(braces) \(state.value)\n\(label)_count\(braces) \(state.count)\n"
    }
}

extension Instrument: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    func increment(by amount: Int64) { state.withLock { $0.value += Double(amount) } }
    func increment(by amount: Double) { state.withLock { $0.value += amount } }
    func decrement(by amount: Double) { state.withLock { $0.value -= amount } }
    func reset() { state.withLock { $0 = State() } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { if kind == .gauge { set(value) } else { observe(value) } }
    func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1e9) }
}
