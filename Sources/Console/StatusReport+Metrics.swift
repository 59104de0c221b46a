import Scoring
import Sessions

extension StatusReport {
    /// The accounting as Prometheus text.
    func exposition() -> String {
        var text = ""
        func family(
            _ name: String, _ type: String, _ help: String,
            _ samples: [(labels: String, value: some CustomStringConvertible)]
        ) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for (labels, value) in samples { text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n" }
        }
        func scored<Value>(_ value: (Partition) -> Value?) -> [(labels: String, value: Value)] {
            partitions.compactMap { partition in
                value(partition).map { ("partition=\"\(partition.partition)\"", $0) }
            }
        }
        func each(_ value: (Partition) -> Int64) -> [(labels: String, value: Int64)] {
            partitions.map { ("partition=\"\($0.partition)\"", value($0)) }
        }
        func count(_ account: String) -> [(labels: String, value: Int64)] { each { $0.sessions[account] ?? 0 } }

        family("dinghy_log_start_offset", "gauge", "Oldest offset the events log holds.", each(\.logStart))
        family("dinghy_log_end_offset", "gauge", "Next offset to be written to the events log.", each(\.logEnd))
        family("dinghy_position_start_offset", "gauge", "Offset that scoring began with.", each(\.start))
        family("dinghy_position_next_offset", "gauge", "Next offset to be scored.", each(\.next))
        family(
            "dinghy_position_low_water_offset", "gauge", "Oldest first offset of an open session.",
            each(\.lowWaterOffset))
        family("dinghy_events_pending", "gauge", "Records stored and not yet in an account.", each(\.pending))
        // Of the partitions that this process scores.
        if let scoring {
            family(
                "dinghy_score_assigned_partitions", "gauge", "Partitions that this process scores.",
                [("", Int64(scoring.assigned.count))])
            family(
                "dinghy_score_lag_records", "gauge",
                "Records stored and not yet committed, of each assigned partition.",
                scored { $0.foldAgain == nil ? nil : $0.pending })
            family(
                "dinghy_score_lag_seconds", "gauge",
                "Age of the oldest record that is not folded yet, at most; 0 where there is none.",
                scored(\.lagSeconds))
            family(
                "dinghy_score_fold_again_from_offset", "gauge", "Where the silent fold since the assignment began.",
                scored { $0.foldAgain?.from })
            family(
                "dinghy_score_fold_again_at_offset", "gauge",
                "Next offset to be folded again; the end when it is done.",
                scored { $0.foldAgain?.at })
            family(
                "dinghy_score_fold_again_to_offset", "gauge", "The committed position to which is folded again.",
                scored { $0.foldAgain?.to })
        }
        family(
            "dinghy_accounting_balanced", "gauge", "1 where next - start equals the sum of the accounts.",
            each { $0.balanced ? 1 : 0 })
        family(
            "dinghy_events_accounted_total", "counter", "Records by account.",
            partitions.flatMap { partition in
                Counters.accounts.map {
                    ("partition=\"\(partition.partition)\",account=\"\($0.name)\"", partition.accounts[$0.name] ?? 0)
                }
            })
        family("dinghy_sessions_opened_total", "counter", "Sessions begun.", count("opened"))
        family("dinghy_sessions_closed_total", "counter", "Sessions closed by silence or an end mark.", count("closed"))
        family("dinghy_sessions_muted_total", "counter", "Sessions closed by muting.", count("muted"))
        family(
            "dinghy_sessions_open", "gauge", "Sessions begun and neither closed nor muted.",
            each { ($0.sessions["opened"] ?? 0) - ($0.sessions["closed"] ?? 0) - ($0.sessions["muted"] ?? 0) })
        family("dinghy_sessions_purchased_total", "counter", "Ended sessions with a purchase.", count("purchased"))
        family("dinghy_sessions_with_add_total", "counter", "Ended sessions with an add.", count("with_add"))
        family(
            "dinghy_sessions_truncated_total", "counter", "Ended sessions whose beginning retention had passed.",
            count("truncated"))
        family("dinghy_sessions_bots_total", "counter", "Ended sessions flagged as a machine's.", count("bots"))
        family(
            "dinghy_events_out_of_order_total", "counter", "Events whose own time lay before their predecessor's.",
            count("out_of_order"))
        family("dinghy_events_rejected_total", "counter", "Inputs kept in rejected.", [("", rejected)])
        family(
            "dinghy_champion_number", "gauge", "Number of the model that scores, 0 where there is none.",
            [("", Int64(models.champion ?? 0))])
        return text
    }
}
