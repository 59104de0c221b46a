import Console
import CoreMetrics
import EmbeddedLog
import EventLog
import Foundation
import Scoring
import Sessions
import Testing

@Suite(.timeLimit(.minutes(2)))
struct MetricsTests {
    @Test func instrumentsAreRenderedAsPrometheusText() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "shop_events_total", dimensions: [("verdict", "stored")]).increment(by: 3)
        registry.makeCounter(label: "shop_events_total", dimensions: [("verdict", "stored")]).increment(by: 4)
        registry.makeCounter(label: "shop_events_total", dimensions: [("verdict", "a \"b\\c\nd")]).increment(by: 1)
        registry.makeFloatingPointCounter(label: "shop.bytes", dimensions: []).increment(by: 2.5)
        registry.makeRecorder(label: "shop_clients", dimensions: [], aggregate: false).record(Int64(5))
        registry.makeMeter(label: "shop_load", dimensions: []).set(0.5)
        let timer = registry.makeTimer(label: "shop_seconds", dimensions: [("to", "disk")])
        timer.recordNanoseconds(2_000_000)
        timer.recordNanoseconds(30_000_000)
        timer.recordNanoseconds(60_000_000_000)
        let buckets = [
            ("0.0001", 0), ("0.00025", 0), ("0.0005", 0), ("0.001", 0), ("0.0025", 1), ("0.005", 1), ("0.01", 1),
            ("0.025", 1), ("0.05", 2), ("0.1", 2), ("0.25", 2), ("0.5", 2), ("1.0", 2), ("2.5", 2), ("5.0", 2),
            ("10.0", 2), ("+Inf", 3),
        ].map { "shop_seconds_bucket{to=\"disk\",le=\"\($0)\"} \($1)\n" }.joined()
        #expect(
            registry.exposition() == #"""
                # TYPE shop_bytes counter
                shop_bytes 2.5
                # TYPE shop_clients gauge
                shop_clients 5.0
                # TYPE shop_events_total counter
                shop_events_total{verdict="a \"b\\c\nd"} 1.0
                shop_events_total{verdict="stored"} 7.0
                # TYPE shop_load gauge
                shop_load 0.5
                # TYPE shop_seconds histogram

                """# + buckets + """
                    shop_seconds_sum{to="disk"} 60.032
                    shop_seconds_count{to="disk"} 3

                    """)
    }

    @Test func theAccountingIsExposed() async throws {
        try await TestConsole.run { console in
            try await console.publish([.sample(0), .sample(1)])
            let reply = try await console.get("/metrics")
            #expect(reply.status == 200)
            #expect(reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(reply.body == Self.exposition)
        }
    }

    @Test func instrumentsAreShownEvenWhereTheLogCannotBeAsked() async throws {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "shop_events_total", dimensions: []).increment(by: 1)
        try await TestConsole.run(metrics: registry) { console in
            try await console.data.makeConsumer().commit([
                .init(
                    partition: 0, follows: nil, next: 1, lowWaterOffset: 0, position: "not a position", scores: [],
                    outcomes: [])
            ])
            #expect(
                try await console.get("/metrics").body == """
                    # TYPE shop_events_total counter
                    shop_events_total 1.0
                    # HELP dinghy_status_available 1 where the log could be asked for the accounting.
                    # TYPE dinghy_status_available gauge
                    dinghy_status_available 0

                    """)
            #expect(try await console.get("/status").status == 500)
        }
    }

    /// Two partitions of three are scored here: one is behind and folds again, one stands at its end.
    @Test func whatThisProcessScoresIsShown() async throws {
        var scoring = ScoringStatus.Snapshot()
        scoring.ready = true
        scoring.rebalances = 4
        var position = Position(start: 0)
        position.next = 40
        scoring.partitions = [
            0: ScoringStatus.Partition(
                position: position, openSessions: 3, foldAgain: ScoringStatus.FoldAgain(from: 10, at: 25, to: 40),
                unfoldedSince: 1_700_000_000_000),
            2: ScoringStatus.Partition(
                position: position, openSessions: 0, foldAgain: ScoringStatus.FoldAgain(from: 0, at: 0, to: 0),
                unfoldedSince: 5),
        ]
        try await TestConsole.run(partitions: 3, scoring: scoring, now: 1_700_000_002_500) { console in
            let key = try #require(
                (0..<99).map { "s:\($0)" }.first { Partitioner.partition(ofKey: $0, count: 3) == 0 })
            _ = try await console.data.log.append(
                (1...3).map { NewRecord(key: key, value: Array("{}".utf8), identity: UInt64($0)) })
            try await console.publish([.sample(0)])
            let text = try await console.get("/metrics").body
            let shown = text.split(separator: "\n").filter { $0.hasPrefix("dinghy_score_") }
            #expect(
                shown == [
                    "dinghy_score_assigned_partitions 2",
                    #"dinghy_score_lag_records{partition="0"} 2"#,
                    #"dinghy_score_lag_records{partition="2"} 0"#,
                    #"dinghy_score_lag_seconds{partition="0"} 2.5"#,
                    #"dinghy_score_lag_seconds{partition="2"} 0.0"#,
                    #"dinghy_score_fold_again_from_offset{partition="0"} 10"#,
                    #"dinghy_score_fold_again_from_offset{partition="2"} 0"#,
                    #"dinghy_score_fold_again_at_offset{partition="0"} 25"#,
                    #"dinghy_score_fold_again_at_offset{partition="2"} 0"#,
                    #"dinghy_score_fold_again_to_offset{partition="0"} 40"#,
                    #"dinghy_score_fold_again_to_offset{partition="2"} 0"#,
                ])
            let report = try StatusReport(json: Array(try await console.get("/status").body.utf8))
            #expect(report.scoring == StatusReport.Scoring(assigned: [0, 2], rebalances: 4, ready: true))
            #expect(report.partitions.map(\.lagSeconds) == [2.5, nil, 0] && report.lagSeconds == 2.5)
            #expect(
                report.partitions.map(\.foldAgain) == [
                    ScoringStatus.FoldAgain(from: 10, at: 25, to: 40), nil,
                    ScoringStatus.FoldAgain(from: 0, at: 0, to: 0),
                ])
        }
    }

    private static let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(.enabled(if: promtool != nil, "promtool is not installed"))
    func promtoolAcceptsTheText() async throws {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "shop_events_total", dimensions: [("a", "b\"c\\d\ne")]).increment(by: 1)
        registry.makeTimer(label: "shop_seconds", dimensions: []).recordNanoseconds(1)
        try await TestConsole.run(metrics: registry) { console in
            try await console.publish([.sample(0)])
            let text = try await console.get("/metrics").body
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.promtool))
            process.arguments = ["check", "metrics"]
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardError = output
            try process.run()
            try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
            try input.fileHandleForWriting.close()
            let said = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            // 3: it reads the text, but would word it otherwise (our instruments have no help text).
            #expect([0, 3].contains(process.terminationStatus), "\(String(decoding: said, as: UTF8.self))")
        }
    }

    static let exposition = """
        # HELP dinghy_status_available 1 where the log could be asked for the accounting.
        # TYPE dinghy_status_available gauge
        dinghy_status_available 1
        # HELP dinghy_log_start_offset Oldest offset the events log holds.
        # TYPE dinghy_log_start_offset gauge
        dinghy_log_start_offset{partition="0"} 0
        # HELP dinghy_log_end_offset Next offset to be written to the events log.
        # TYPE dinghy_log_end_offset gauge
        dinghy_log_end_offset{partition="0"} 0
        # HELP dinghy_position_start_offset Offset that scoring began with.
        # TYPE dinghy_position_start_offset gauge
        dinghy_position_start_offset{partition="0"} 0
        # HELP dinghy_position_next_offset Next offset to be scored.
        # TYPE dinghy_position_next_offset gauge
        dinghy_position_next_offset{partition="0"} 2
        # HELP dinghy_position_low_water_offset Oldest first offset of an open session.
        # TYPE dinghy_position_low_water_offset gauge
        dinghy_position_low_water_offset{partition="0"} 2
        # HELP dinghy_events_pending Records stored and not yet in an account.
        # TYPE dinghy_events_pending gauge
        dinghy_events_pending{partition="0"} -2
        # HELP dinghy_accounting_balanced 1 where next - start equals the sum of the accounts.
        # TYPE dinghy_accounting_balanced gauge
        dinghy_accounting_balanced{partition="0"} 1
        # HELP dinghy_events_accounted_total Records by account.
        # TYPE dinghy_events_accounted_total counter
        dinghy_events_accounted_total{partition="0",account="scored"} 2
        dinghy_events_accounted_total{partition="0",account="after_purchase"} 0
        dinghy_events_accounted_total{partition="0",account="repeated"} 0
        dinghy_events_accounted_total{partition="0",account="unscored"} 0
        dinghy_events_accounted_total{partition="0",account="muted"} 0
        dinghy_events_accounted_total{partition="0",account="control"} 0
        dinghy_events_accounted_total{partition="0",account="rejected"} 0
        dinghy_events_accounted_total{partition="0",account="markers"} 0
        # HELP dinghy_sessions_opened_total Sessions begun.
        # TYPE dinghy_sessions_opened_total counter
        dinghy_sessions_opened_total{partition="0"} 0
        # HELP dinghy_sessions_closed_total Sessions closed by silence or an end mark.
        # TYPE dinghy_sessions_closed_total counter
        dinghy_sessions_closed_total{partition="0"} 0
        # HELP dinghy_sessions_muted_total Sessions closed by muting.
        # TYPE dinghy_sessions_muted_total counter
        dinghy_sessions_muted_total{partition="0"} 0
        # HELP dinghy_sessions_open Sessions begun and neither closed nor muted.
        # TYPE dinghy_sessions_open gauge
        dinghy_sessions_open{partition="0"} 0
        # HELP dinghy_sessions_purchased_total Ended sessions with a purchase.
        # TYPE dinghy_sessions_purchased_total counter
        dinghy_sessions_purchased_total{partition="0"} 0
        # HELP dinghy_sessions_with_add_total Ended sessions with an add.
        # TYPE dinghy_sessions_with_add_total counter
        dinghy_sessions_with_add_total{partition="0"} 0
        # HELP dinghy_sessions_truncated_total Ended sessions whose beginning retention had passed.
        # TYPE dinghy_sessions_truncated_total counter
        dinghy_sessions_truncated_total{partition="0"} 0
        # HELP dinghy_sessions_bots_total Ended sessions flagged as a machine's.
        # TYPE dinghy_sessions_bots_total counter
        dinghy_sessions_bots_total{partition="0"} 0
        # HELP dinghy_events_out_of_order_total Events whose own time lay before their predecessor's.
        # TYPE dinghy_events_out_of_order_total counter
        dinghy_events_out_of_order_total{partition="0"} 0
        # HELP dinghy_events_rejected_total Inputs kept in rejected.
        # TYPE dinghy_events_rejected_total counter
        dinghy_events_rejected_total 0
        # HELP dinghy_champion_number Number of the model that scores, 0 where there is none.
        # TYPE dinghy_champion_number gauge
        dinghy_champion_number 7

        """
}
