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
