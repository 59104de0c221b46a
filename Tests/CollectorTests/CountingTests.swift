import Collector
import CoreMetrics
import EventLog
import HTTPTypes
import MetricsTestKit
import Testing

/// What the collector counts of itself.
@Suite struct CountingTests {
    @Test func requestsEventsAndBytesAreCounted() async throws {
        let metrics = TestMetrics()
        try await withMetricsFactory(metrics) { () async throws in
            let log = ScriptedLog(appends: [
                .success([.stored(Location(partition: 0, offset: 0)), .duplicate]), .failure(.closed),
            ])
            try await Shop.open(over: log, CollectorSettings(origins: ["*"])) { shop async throws in
                let body = #"[{"id":"a","session":"s","type":"add"},{"id":"b","session":"s","type":"add"},7]"#
                _ = try await shop.post(body)
                _ = try await shop.post(body)
                _ = try await shop.post("nonsense")
                _ = try await shop.get("/collect?id=c&session=s&type=add")
                _ = try await shop.send(.options, "/collect", [.origin: "https://shop.example"], body: nil)
                _ = try await shop.post(
                    #"{"rejected":{"reason":"r","bytes":""}}"#, to: "/replay/march?row=1", type: "text/plain")
            }
        }
        #expect(
            nonZero(metrics) == [
                "dinghy_collect_bytes_total  227",
                "dinghy_collect_events_total verdict=duplicate 1",
                "dinghy_collect_events_total verdict=rejected 2",
                "dinghy_collect_events_total verdict=retry 2",
                "dinghy_collect_events_total verdict=stored 2",
                "dinghy_collect_requests_total route=collect,status=200 1",
                "dinghy_collect_requests_total route=collect,status=400 1",
                "dinghy_collect_requests_total route=collect,status=503 1",
                "dinghy_collect_requests_total route=pixel,status=200 1",
                "dinghy_collect_requests_total route=preflight,status=204 1",
                "dinghy_collect_requests_total route=replay,status=200 1",
                "dinghy_replay_rows_total verdict=stored 1",
            ])
        let inFlight = try metrics.expectMeter("dinghy_collect_requests_in_flight").values
        #expect(inFlight == Array(repeating: [1, 0], count: 6).flatMap(\.self))
    }

    private func nonZero(_ metrics: TestMetrics) -> [String] {
        metrics.counters.filter { $0.totalValue > 0 }.map { counter in
            let dimensions = counter.dimensions.map { "\($0.0)=\($0.1)" }.joined(separator: ",")
            return "\(counter.label) \(dimensions) \(counter.totalValue)"
        }.sorted()
    }
}
