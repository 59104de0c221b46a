extension Report {
    /// The report as tables for a terminal.
    public var text: String {
        var lines = ["\(sessions) sessions of the test span, \(buyers) of them bought", ""]
        lines.append(Self.line("every prefix", ["AUC", "PR-AUC", "log-loss", "Brier", "ECE", "slope", "prefixes"]))
        for row in rows { lines.append(Self.line("  " + row.name, Self.cells(row.overall, slope: true))) }
        lines += intervals
        for (title, path) in [("prefix", \Row.byPrefix), ("events after the first add", \Row.byEventsAfterAdd)] {
            lines.append("")
            lines.append(
                Self.line("model, by \(title)", ["AUC", "PR-AUC", "log-loss", "Brier", "ECE", "", "prefixes"]))
            for slice in self["model"]?[keyPath: path] ?? [] {
                lines.append(Self.line("  \(slice.at)", Self.cells(slice.metrics, slope: false)))
            }
        }
        lines += early + cart
        return lines.joined(separator: "\n") + "\n"
    }

    private var intervals: [String] {
        guard rows.contains(where: { $0.overall.intervals != nil }) else { return [] }
        let knowsTruth = rows.contains { $0.captured != nil }
        var lines = ["", "95 % intervals, sessions resampled"]
        let titles = ["AUC", "log-loss", "ECE", "slope"] + (knowsTruth ? ["captured", "expected"] : [])
        lines.append(Self.line("", titles, width: 20))
        for row in rows {
            let intervals = row.overall.intervals
            var cells = [intervals?.auc, intervals?.logLoss, intervals?.ece, intervals?.slope].map(Self.range)
            if knowsTruth {
                cells.append(row.captured.map { Self.percent($0) } ?? "-")
                cells.append(row.expectedCaptured.map { Self.short($0 * 100) + " %" } ?? "-")
            }
            lines.append(Self.line("  " + row.name, cells, width: 20))
        }
        lines += ["", Self.line("model less", ["AUC", "", "log-loss", ""], width: 20)]
        for row in rows {
            guard let less = row.modelLess else { continue }
            let cells = [less.auc, less.logLoss].flatMap {
                [$0.map { Self.fixed($0.value) } ?? "-", Self.range($0?.interval)]
            }
            lines.append(Self.line("  " + row.name, cells, width: 20))
        }
        return lines
    }

    private var early: [String] {
        guard let earliness = self["model"]?.earliness, !earliness.isEmpty else { return [] }
        var lines = ["", "model: share of buyers with an alarm at least so many events before the purchase"]
        lines.append(
            Self.line("false alarms", Earliness.eventsBefore.map { "\($0)" } + ["threshold"]))
        for one in earliness {
            let name = "  \(Self.short(one.falseAlarms * 100)) % of sessions without a purchase"
            lines.append(
                Self.line(
                    name,
                    one.caught.map { Self.short($0.share.value * 100) + " %" } + [Self.fixed(Double(one.threshold))]))
        }
        return lines
    }

    private var cart: [String] {
        guard let model = self["model"]?.cartAbandonment else { return [] }
        var lines = [
            "", "cart abandonment as in SIGIR eCom 2021: micro-F1 so many events after the first add",
            Self.line("", model.points.map { "\($0.eventsAfterAdd)" } + ["weighted"]),
        ]
        for row in rows {
            guard let cart = row.cartAbandonment else { continue }
            lines.append(
                Self.line("  " + row.name, cart.points.map { Self.fixed($0.microF1) } + [Self.fixed(cart.microF1)]))
        }
        lines.append(Self.line("  never", model.points.map { Self.fixed($0.never) } + [Self.fixed(model.never)]))
        lines.append("  (whoever answers \"never buys\" is hard to beat here: read the log-loss instead)")
        return lines
    }

    private static func cells(_ metrics: Metrics, slope: Bool) -> [String] {
        let slopes = slope ? metrics.slope.map(fixed) ?? "-" : ""
        return [metrics.auc, metrics.prAUC, metrics.logLoss, metrics.brier, metrics.ece].map { $0.map(fixed) ?? "-" }
            + [slopes, "\(metrics.predictions)"]
    }

    private static func range(_ interval: Interval?) -> String {
        interval.map { "\(fixed($0.low)) … \(fixed($0.high))" } ?? "-"
    }

    private static func percent(_ estimate: Estimate) -> String {
        short(estimate.value * 100)
            + (estimate.interval.map { " (\(short($0.low * 100)) … \(short($0.high * 100)))" } ?? "") + " %"
    }

    /// One digit behind the point.
    private static func short(_ value: Double) -> String { String((value * 10).rounded() / 10) }

    /// Five digits behind the point.
    static func fixed(_ value: Double) -> String {
        let scaled = Int((abs(value) * 100_000).rounded())
        let fraction = String(scaled % 100_000)
        return (value < 0 ? "-" : "") + "\(scaled / 100_000)." + String(repeating: "0", count: 5 - fraction.count)
            + fraction
    }

    private static func line(_ name: String, _ cells: [String], width: Int = 10) -> String {
        func pad(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) }
        return name + pad(name, 36) + cells.map { " " + pad($0, width - 1) + $0 }.joined()
    }
}
