import Events
import Simulation
import Testing

/// The shop beside the published statistics of a real one (docs/simulator.md).
struct StatisticsTests {
    private struct Figure {
        var name: String
        var real: Double
        var simulated: Double
        /// Largest relative difference that is let pass.
        var tolerance: Double
    }

    @Test func theShopLooksLikeARealOne() {
        var shop = Shop(seed: 1, start: 1_767_225_600_000)
        var kinds: [EventKind: Double] = [:]
        var sessions: [String: [EventKind]] = [:]
        let events = 1_000_000
        for _ in 0..<events {
            let event = shop.next().event
            let kind = event.kind == .search ? .pageview : event.kind
            kinds[kind, default: 0] += 1
            sessions[event.session ?? "", default: []].append(kind)
        }
        let lengths = sessions.values.map(\.count).sorted()
        let count = Double(sessions.count)
        func quantile(_ share: Double) -> Double { Double(lengths[Int(share * count)]) }
        func mix(_ kind: EventKind) -> Double { (kinds[kind] ?? 0) / Double(events) * 100 }
        func with(_ kind: EventKind) -> Double { Double(sessions.values.count { $0.contains(kind) }) / count * 100 }
        let adders = sessions.values.filter { $0.contains(.add) }
        let buyers = sessions.values.filter { $0.contains(.purchase) }
        let figures = [
            Figure(name: "events a session", real: 7.31, simulated: Double(events) / count, tolerance: 0.1),
            Figure(name: "lower quartile", real: 2, simulated: quantile(0.25), tolerance: 0),
            Figure(name: "median", real: 3, simulated: quantile(0.5), tolerance: 0),
            Figure(name: "upper quartile", real: 8, simulated: quantile(0.75), tolerance: 0.13),
            Figure(name: "90th percentile", real: 17, simulated: quantile(0.9), tolerance: 0.12),
            Figure(name: "95th percentile", real: 27, simulated: quantile(0.95), tolerance: 0.12),
            Figure(name: "% pageview", real: 71.1, simulated: mix(.pageview), tolerance: 0.03),
            Figure(name: "% detail", real: 26.9, simulated: mix(.detail), tolerance: 0.05),
            Figure(name: "% add", real: 0.91, simulated: mix(.add), tolerance: 0.12),
            Figure(name: "% remove", real: 0.88, simulated: mix(.remove), tolerance: 0.25),
            Figure(name: "% purchase", real: 0.22, simulated: mix(.purchase), tolerance: 0.15),
            Figure(name: "% with a detail", real: 66.1, simulated: with(.detail), tolerance: 0.06),
            Figure(name: "% with an add", real: 4.35, simulated: with(.add), tolerance: 0.1),
            Figure(name: "% with a remove", real: 1.16, simulated: with(.remove), tolerance: 0.15),
            Figure(name: "% with a purchase", real: 1.08, simulated: with(.purchase), tolerance: 0.12),
            Figure(
                name: "% of adders that buy", real: 21.5,
                simulated: Double(adders.count { $0.contains(.purchase) }) / Double(adders.count) * 100,
                tolerance: 0.1),
            Figure(
                name: "% of buyers without an add", real: 13,
                simulated: Double(buyers.count { !$0.contains(.add) }) / Double(buyers.count) * 100, tolerance: 0.2),
        ]
        for figure in figures {
            let difference = abs(figure.simulated / figure.real - 1)
            #expect(
                difference <= figure.tolerance,
                "\(figure.name): real \(figure.real), simulated \(figure.simulated), off by \(difference)")
        }
    }
}
