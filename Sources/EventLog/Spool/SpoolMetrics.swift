import Metrics

/// What the spool counts.
struct SpoolMetrics: Sendable {
    private let records = Gauge(label: "dinghy_spool_records")
    private let bytes = Gauge(label: "dinghy_spool_bytes")
    private let oldest = Gauge(label: "dinghy_spool_oldest_seconds")
    private let drained = Counter(label: "dinghy_spool_drained_records_total")
    private let refused = Counter(label: "dinghy_spool_refused_records_total")
    private let damaged = Counter(label: "dinghy_spool_damaged_entries_total")
    private let sync = Metrics.Timer(label: "dinghy_spool_sync_seconds")

    func show(_ status: SpoolStatus) {
        records.record(status.records)
        bytes.record(status.bytes)
        oldest.record(status.oldest_s ?? 0)
    }

    func drained(_ count: Int) { drained.increment(by: count) }
    func refused(_ count: Int) { refused.increment(by: count) }
    func damaged(_ count: Int) { damaged.increment(by: count) }
    func synced(in duration: Duration) { sync.record(duration: duration) }
}
