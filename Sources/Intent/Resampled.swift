/// One predictor's row of a report, and its figures on every resampled window, in the windows' order.
struct Resampled {
    /// A figure, and what it was on each window.
    struct Figure {
        var value: Double?
        var windows: [Double?] = []
    }

    private(set) var row: Report.Row
    private(set) var auc: Figure
    private(set) var logLoss: Figure

    init(_ name: String, _ span: TestSpan, _ scores: [Float], _ bootstrap: Bootstrap?) {
        let whole = Bootstrap.whole(span.sessions.count)
        let all = span.predictions(scores)
        let overall = RankedPredictions(all)
        let slope = ReliabilitySlope(all)
        let prefixes = Report.prefixes.map { length in
            (length, RankedPredictions(span.predictions(scores) { _ in length - 1 }))
        }
        let afterAdd = Report.eventsAfterAdd.map { after in
            (after, RankedPredictions(span.predictions(scores) { number in span.firstAdds[number].map { $0 + after } }))
        }
        let parts = [overall] + prefixes.map(\.1) + afterAdd.map(\.1)
        var metrics = parts.map { $0.metrics(whole) }
        metrics[0].slope = slope?.slope
        var windows = [[Metrics]](repeating: [], count: parts.count)
        bootstrap?.forEach { window in
            for (index, part) in parts.enumerated() { windows[index].append(part.metrics(window)) }
            if let slope { windows[0][windows[0].count - 1].slope = slope.slope(window) }
        }
        if bootstrap != nil {
            for index in metrics.indices { metrics[index].intervals = Metrics.Intervals(windows[index]) }
        }
        func slices(_ places: [Int], from first: Int) -> [Report.Slice] {
            places.enumerated().compactMap { index, place in
                let metrics = metrics[first + index]
                return metrics.predictions > 0 ? Report.Slice(at: place, metrics: metrics) : nil
            }
        }
        row = Report.Row(
            name: name, overall: metrics[0], byPrefix: slices(Report.prefixes, from: 1),
            byEventsAfterAdd: slices(Report.eventsAfterAdd, from: 1 + prefixes.count))
        auc = Figure(value: metrics[0].auc, windows: windows[0].map(\.auc))
        logLoss = Figure(value: metrics[0].logLoss, windows: windows[0].map(\.logLoss))
    }
}

extension Metrics.Intervals {
    init(_ windows: [Metrics]) {
        auc = Interval(windows.map(\.auc))
        prAUC = Interval(windows.map(\.prAUC))
        logLoss = Interval(windows.map(\.logLoss))
        brier = Interval(windows.map(\.brier))
        ece = Interval(windows.map(\.ece))
        calibrationRatio = Interval(windows.map(\.calibrationRatio))
        slope = Interval(windows.map(\.slope))
    }
}

extension Estimate {
    /// What `body` makes of several figures, on the whole span and window by window; `nil` where it makes no number.
    init?(_ figures: Resampled.Figure..., body: ([Double]) -> Double) {
        func value(_ values: [Double?]) -> Double? {
            let known = values.compactMap { $0 }
            guard known.count == values.count else { return nil }
            let value = body(known)
            return value.isFinite ? value : nil
        }
        guard let whole = value(figures.map(\.value)) else { return nil }
        let windows = figures[0].windows.indices.map { index in value(figures.map { $0.windows[index] }) }
        self.init(value: whole, interval: Interval(windows))
    }
}
