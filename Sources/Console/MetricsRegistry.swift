public import CoreMetrics
import Synchronization

/// Keeps every swift-metrics instrument of the process and renders them as Prometheus text (exposition format 0.0.4).
///
/// Counters count, meters and non-aggregating recorders are gauges, timers and aggregating recorders are histograms;
/// a timer is in seconds.
public final class MetricsRegistry: MetricsFactory {
    private struct Key: Hashable {
        var label: String
        /// As it stands between the braces: rendered once.
        var dimensions: String
    }

    private let instruments = Mutex<[Key: Instrument]>([:])

    public init() {}

    private func instrument(_ label: String, _ dimensions: [(String, String)], _ kind: Instrument.Kind) -> Instrument {
        let key = Key(label: Self.name(label), dimensions: Self.labels(dimensions))
        return instruments.withLock { instruments in
            if let known = instruments[key] { return known }
            let new = Instrument(kind)
            instruments[key] = new
            return new
        }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(label, dimensions, .counter)
    }
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        instrument(label, dimensions, .counter)
    }
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(label, dimensions, .gauge)
    }
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        instrument(label, dimensions, aggregate ? .histogram : .gauge)
    }
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        instrument(label, dimensions, .histogram)
    }
    // Instruments live as long as the process: a counter that vanished and came back would look like a restart.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// All instruments, families in alphabetical order.
    public func exposition() -> String {
        let all = instruments.withLock { $0 }
        var text = ""
        for (label, family) in Dictionary(grouping: all, by: \.key.label).sorted(by: { $0.key < $1.key }) {
            guard let kind = family.first?.value.kind else { continue }
            text += "# TYPE \(label) \(kind.rawValue)\n"
            for (key, instrument) in family.sorted(by: { $0.key.dimensions < $1.key.dimensions }) {
                instrument.render(label, key.dimensions, to: &text)
            }
        }
        return text
    }

    private static func name(_ label: String) -> String {
        String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
    }

    private static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.map { dimension in
            var value = ""
            for character in dimension.1 {
                switch character {
                case "\\": value += "\\\\"
                case "\"": value += "\\\""
                case "\n": value += "\\n"
                default: value.append(character)
                }
            }
            return "\(name(dimension.0))=\"\(value)\""
        }.joined(separator: ",")
    }
}

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
