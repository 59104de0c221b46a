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

        var difference: Double { simulated / real - 1 }

        /// As a row of the table in docs/simulator.md, with how far it is off.
        var text: String {
            func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
            return
                "| \(name) | \(real) | \(rounded(simulated)) | \(rounded(difference * 100)) % of ±\(tolerance * 100) %"
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theShopLooksLikeARealOne(seed: UInt64) {
        let figures = Self.figures(seed: seed, events: 2_000_000)
        print("| seed \(seed) | real | simulated |\n" + figures.map(\.text).joined(separator: "\n"))
        for figure in figures { #expect(abs(figure.difference) <= figure.tolerance, "\(figure.text)") }
    }

    /// What is kept of a session.
    private struct Visit {
        var kinds: [EventKind] = []
        var searched = false
        var firstAdd: Int? { kinds.firstIndex(of: .add) }
        func has(_ kind: EventKind) -> Bool { kinds.contains(kind) }
    }

    private static func figures(seed: UInt64, events: Int) -> [Figure] {
        var shop = Shop(seed: seed, start: 1_767_225_600_000)
        var visits: [String: Visit] = [:]
        var kinds: [EventKind: Int] = [:]
        for _ in 0..<events {
            let event = shop.next().event
            kinds[event.kind, default: 0] += 1
            visits[event.session ?? "", default: Visit()].kinds.append(event.kind)
            if event.query != nil { visits[event.session ?? "", default: Visit()].searched = true }
        }
        let all = Array(visits.values)
        let lengths = all.map(\.kinds.count).sorted()
        let adders = all.filter { $0.has(.add) }
        let buyers = all.filter { $0.has(.purchase) }
        func quantile(_ share: Double) -> Double { Double(lengths[Int(share * Double(lengths.count))]) }
        func mix(_ kind: EventKind) -> Double { Double(kinds[kind] ?? 0) / Double(events) * 100 }
        func share(_ visits: [Visit], _ isCounted: (Visit) -> Bool) -> Double {
            Double(visits.count(where: isCounted)) / Double(visits.count) * 100
        }
        func eventsAfterAdd(_ buys: Bool) -> Double {
            let visits = adders.filter { $0.has(.purchase) == buys }
            return Double(visits.reduce(0) { $0 + $1.kinds.count - 1 - ($1.firstAdd ?? 0) }) / Double(visits.count)
        }
        let firstAdd = Double(adders.reduce(0) { $0 + 1 + ($1.firstAdd ?? 0) }) / Double(adders.count)
        return [
            Figure(
                name: "events a session", real: 7.31, simulated: Double(events) / Double(all.count), tolerance: 0.05),
            Figure(name: "lower quartile", real: 2, simulated: quantile(0.25), tolerance: 0),
            Figure(name: "median", real: 3, simulated: quantile(0.5), tolerance: 0),
            Figure(name: "upper quartile", real: 8, simulated: quantile(0.75), tolerance: 0.13),
            Figure(name: "90th percentile", real: 17, simulated: quantile(0.9), tolerance: 0.07),
            Figure(name: "95th percentile", real: 27, simulated: quantile(0.95), tolerance: 0.08),
            Figure(name: "% pageview", real: 71.1, simulated: mix(.pageview), tolerance: 0.01),
            Figure(name: "% detail", real: 26.9, simulated: mix(.detail), tolerance: 0.02),
            Figure(name: "% add", real: 0.91, simulated: mix(.add), tolerance: 0.1),
            Figure(name: "% remove", real: 0.88, simulated: mix(.remove), tolerance: 0.1),
            Figure(name: "% purchase", real: 0.22, simulated: mix(.purchase), tolerance: 0.1),
            Figure(name: "% with a detail", real: 66.1, simulated: share(all) { $0.has(.detail) }, tolerance: 0.03),
            Figure(name: "% with an add", real: 4.35, simulated: share(all) { $0.has(.add) }, tolerance: 0.1),
            Figure(name: "% with a remove", real: 1.16, simulated: share(all) { $0.has(.remove) }, tolerance: 0.1),
            Figure(name: "% with a purchase", real: 1.08, simulated: share(all) { $0.has(.purchase) }, tolerance: 0.1),
            Figure(name: "% with a search", real: 11, simulated: share(all) { $0.searched }, tolerance: 0.05),
            Figure(
                name: "% of adders that buy", real: 21.5, simulated: share(adders) { $0.has(.purchase) },
                tolerance: 0.1),
            Figure(
                name: "% of buyers without an add", real: 13, simulated: share(buyers) { !$0.has(.add) },
                tolerance: 0.12),
            Figure(name: "first add at event", real: 5, simulated: firstAdd, tolerance: 0.1),
            Figure(
                name: "events after the first add, buying", real: 5.9, simulated: eventsAfterAdd(true),
                tolerance: 0.1),
            Figure(
                name: "events after the first add, not buying", real: 4.7, simulated: eventsAfterAdd(false),
                tolerance: 0.1),
        ]
    }
}
