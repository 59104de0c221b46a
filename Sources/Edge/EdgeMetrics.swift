import Metrics

/// What is turned away before any route has seen it, by reason.
struct EdgeMetrics: Sendable {
    private let refused: [String: Counter]

    init() {
        let reasons =
            Admission.Refusal.allCases.map(\.rawValue) + RequestProgress.Overdue.allCases.map(\.rawValue)
            + ["pipelined"] + AccessPolicy.Refusal.allCases.map(\.rawValue)
        refused = Dictionary(
            uniqueKeysWithValues: reasons.map {
                ($0, Counter(label: "dinghy_http_refused_total", dimensions: [("reason", $0)]))
            })
    }

    func refuse(_ reason: String) {
        guard let counter = refused[reason] else {
            preconditionFailure("EdgeMetrics.refuse: no counter for \(reason)")
        }
        counter.increment()
    }
}
