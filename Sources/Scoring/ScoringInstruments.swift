import Metrics

/// What scoring counts and times, by the names in `/metrics`.
struct ScoringInstruments {
    let commitSeconds = Timer(label: "dinghy_score_commit_seconds")
    /// From a record's append to the commit of its score; of each commit's oldest record.
    let latencySeconds = Timer(label: "dinghy_score_latency_seconds")
    let commits = Counter(label: "dinghy_score_commits_total")
    let retries = Counter(label: "dinghy_score_commit_retries_total")
    let ticks = Counter(label: "dinghy_score_ticks_total")
    /// Assignments, empty ones included.
    let rebalances = Counter(label: "dinghy_score_rebalances_total")
    /// Partitions whose state was dropped with what was uncommitted.
    let partitionsLost = Counter(label: "dinghy_score_partitions_lost_total")
    /// Times that the group was joined anew after a failure.
    let rejoins = Counter(label: "dinghy_score_rejoins_total")
    /// Partitions whose low-water retention had passed when they were assigned.
    let truncatedFolds = Counter(label: "dinghy_score_truncated_folds_total")
}
