import Testing
import VirtualShop

/// Whole shops in virtual time. A failing seed is looked at with `tools/simulate --seed S --trace`.
struct SimulationTests {
    @Test func twoHundredShopsKeepEveryPromise() {
        let totals = Campaign(seeds: 1..<201, threads: 2).run()
        for broken in totals.broken { Issue.record("seed \(broken.seed): \(broken.failures)") }
        #expect(totals.seeds == 200)
        // The promises say something only where much happens.
        #expect(totals.scores > 2_000 && totals.outcomes > 500 && totals.kills > 200 && totals.swaps > 200)
        #expect(totals.shutdowns > 200 && totals.removed > 1_000 && totals.refusals > 5)
    }

    /// A seed that fails must fail again.
    @Test func aSeedRunsTheSameWayTwice() {
        let first = Campaign(seeds: 1..<21, threads: 1, breakage: .flippedBit)
        var all = first
        all.maxBroken = .max
        let once = all.run()
        let again = all.run()
        #expect(once.broken == again.broken)
        #expect(!once.broken.isEmpty)
    }

    /// Checks that cannot fail prove nothing: each promise, broken on purpose, is seen.
    @Test(arguments: Breakage.allCases) func aBrokenPromiseIsSeen(breakage: Breakage) {
        var campaign = Campaign(seeds: 1..<201, threads: 2, breakage: breakage)
        campaign.maxBroken = 1
        #expect(!campaign.run().broken.isEmpty)
    }
}
