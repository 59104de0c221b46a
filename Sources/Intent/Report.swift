import Events
import Sessions

/// What a model is worth on sessions that nothing in its making has seen, beside what is simpler.
public struct Report: Codable, Sendable, Equatable {
    /// One predictor's figures.
    public struct Row: Codable, Sendable, Equatable {
        public var name: String
        public var overall: Metrics
        /// By prefix length, the model's row only beside the baselines' at the same lengths.
        public var byPrefix: [Slice]
        public var byEventsAfterAdd: [Slice]
    }

    public struct Slice: Codable, Sendable, Equatable {
        /// The prefix length, or the number of events after the first add.
        public var at: Int
        public var metrics: Metrics
    }

    public static let prefixes = [1, 2, 3, 5, 10, 20]
    public static let eventsAfterAdd = [0, 2, 4, 6, 8, 10]

    /// Sessions of the test span, and how many of them bought.
    public var sessions: Int
    public var buyers: Int
    /// `model`, `constant`, `markov`, `logistic`.
    public var rows: [Row]

    public subscript(name: String) -> Row? { rows.first { $0.name == name } }

    init(model: IntentModel, training: [TrainingSession], test: [TrainingSession]) {
        sessions = test.count
        buyers = test.count { $0.purchased }
        let predictors: [(String, any PrefixPredictor)] = [
            ("model", model), ("constant", ConstantBaseline(training)), ("markov", MarkovBaseline(training)),
            ("logistic", LogisticBaseline(training)),
        ]
        rows = predictors.map { Self.row($0, $1, test) }
    }

    private static func row(_ name: String, _ predictor: any PrefixPredictor, _ test: [TrainingSession]) -> Row {
        var all: [(Float, Bool)] = []
        var byPrefix: [Int: [(Float, Bool)]] = [:]
        var byEventsAfterAdd: [Int: [(Float, Bool)]] = [:]
        for session in test {
            let firstAdd = session.steps.firstIndex { $0.kind == .add }
            for (index, score) in predictor.scores(session).enumerated() {
                let prediction = (score, session.purchased)
                all.append(prediction)
                if prefixes.contains(index + 1) { byPrefix[index + 1, default: []].append(prediction) }
                if let firstAdd, eventsAfterAdd.contains(index - firstAdd) {
                    byEventsAfterAdd[index - firstAdd, default: []].append(prediction)
                }
            }
        }
        func slices(_ at: [Int], _ groups: [Int: [(Float, Bool)]]) -> [Slice] {
            at.compactMap { place in groups[place].map { Slice(at: place, metrics: Metrics($0)) } }
        }
        return Row(
            name: name, overall: Metrics(all), byPrefix: slices(prefixes, byPrefix),
            byEventsAfterAdd: slices(eventsAfterAdd, byEventsAfterAdd))
    }

    /// The report as a table for a terminal.
    public var text: String {
        var lines = ["\(sessions) sessions of the test span, \(buyers) of them bought", ""]
        lines.append(Self.line("every prefix", ["AUC", "PR-AUC", "log-loss", "Brier", "ECE", "prefixes"]))
        for row in rows { lines.append(Self.line("  " + row.name, Self.cells(row.overall))) }
        for (title, path) in [("prefix", \Row.byPrefix), ("events after the first add", \Row.byEventsAfterAdd)] {
            lines.append("")
            lines.append(Self.line("model, by \(title)", []))
            for slice in self["model"]?[keyPath: path] ?? [] {
                lines.append(Self.line("  \(slice.at)", Self.cells(slice.metrics)))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func cells(_ metrics: Metrics) -> [String] {
        [metrics.auc, metrics.prAUC, metrics.logLoss, metrics.brier, metrics.ece].map { $0.map(fixed) ?? "-" }
            + ["\(metrics.predictions)"]
    }

    /// Five digits behind the point.
    static func fixed(_ value: Double) -> String {
        let scaled = Int((abs(value) * 100_000).rounded())
        let fraction = String(scaled % 100_000)
        return (value < 0 ? "-" : "") + "\(scaled / 100_000)." + String(repeating: "0", count: 5 - fraction.count)
            + fraction
    }

    private static func line(_ name: String, _ cells: [String]) -> String {
        func pad(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) }
        return name + pad(name, 36) + cells.map { pad($0, 10) + $0 }.joined()
    }
}
