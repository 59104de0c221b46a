import Metrics

/// What the collector counts. The instruments are made once: looking one up costs more than counting.
struct CollectorMetrics: Sendable {
    enum Route: String, CaseIterable { case collect, pixel, preflight, replay }

    private static let statuses = [200, 204, 400, 401, 403, 409, 413, 415, 429, 503]

    private let requests: [Route: [Int: Counter]]
    private let aborted: [Route: Counter]
    private let events: [String: Counter]
    private let rows: [String: Counter]
    private let limited: [SenderLimits.Reason: Counter]
    private let signals: [PrivacySignal: [PrivacyAction: Counter]]
    private let bots = Counter(label: "dinghy_collect_bot_events_total")
    private let inFlight = Meter(label: "dinghy_collect_requests_in_flight")
    private let bytes = Counter(label: "dinghy_collect_bytes_total")

    init() {
        func request(_ route: Route, _ status: String) -> Counter {
            Counter(
                label: "dinghy_collect_requests_total", dimensions: [("route", route.rawValue), ("status", status)])
        }
        requests = Dictionary(
            uniqueKeysWithValues: Route.allCases.map { route in
                (route, Dictionary(uniqueKeysWithValues: Self.statuses.map { ($0, request(route, String($0))) }))
            })
        aborted = Dictionary(uniqueKeysWithValues: Route.allCases.map { ($0, request($0, "aborted")) })
        func counters(_ label: String, _ verdicts: [String]) -> [String: Counter] {
            Dictionary(
                uniqueKeysWithValues: verdicts.map { ($0, Counter(label: label, dimensions: [("verdict", $0)])) })
        }
        events = counters("dinghy_collect_events_total", ["stored", "duplicate", "rejected", "retry"])
        rows = counters("dinghy_replay_rows_total", ["stored", "duplicate", "rejected"])
        limited = Dictionary(
            uniqueKeysWithValues: SenderLimits.Reason.allCases.map {
                ($0, Counter(label: "dinghy_collect_limited_total", dimensions: [("reason", $0.rawValue)]))
            })
        signals = Dictionary(
            uniqueKeysWithValues: PrivacySignal.allCases.map { signal in
                func counter(_ action: PrivacyAction) -> (PrivacyAction, Counter) {
                    (
                        action,
                        Counter(
                            label: "dinghy_collect_privacy_events_total",
                            dimensions: [("signal", signal.rawValue), ("action", action.rawValue)])
                    )
                }
                return (signal, Dictionary(uniqueKeysWithValues: PrivacyAction.allCases.map(counter)))
            })
    }

    func begin() { inFlight.increment() }

    /// `status`: nil where the sender went away before its answer.
    func end(_ route: Route, _ status: Int?) {
        inFlight.decrement()
        guard let status else {
            aborted[route]?.increment()
            return
        }
        guard let counter = requests[route]?[status] else {
            preconditionFailure("CollectorMetrics.end: no counter for status \(status)")
        }
        counter.increment()
    }

    /// Bytes of bodies and pixel queries, as they came over the wire.
    func received(_ count: Int) { bytes.increment(by: count) }

    func events(_ counts: Judgement.Counts) {
        add(counts.stored, events, "stored")
        add(counts.duplicate, events, "duplicate")
        add(counts.rejected, events, "rejected")
        add(counts.retry, events, "retry")
    }

    func limited(_ reason: SenderLimits.Reason) { limited[reason]?.increment() }

    func signalled(_ signal: PrivacySignal, _ action: PrivacyAction, events: Int) {
        if events > 0 { signals[signal]?[action]?.increment(by: events) }
    }

    func bots(_ count: Int) { if count > 0 { bots.increment(by: count) } }

    func rows(stored: Int, duplicate: Int, rejected: Int) {
        add(stored, rows, "stored")
        add(duplicate, rows, "duplicate")
        add(rejected, rows, "rejected")
    }

    private func add(_ count: Int, _ counters: [String: Counter], _ verdict: String) {
        if count > 0 { counters[verdict]?.increment(by: count) }
    }
}
