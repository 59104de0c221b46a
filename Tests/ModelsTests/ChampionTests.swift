import Intent
import Models
import Testing

/// Promotions and rollbacks in any order, and at the same time.
struct ChampionTests {
    private func place(models: Int) throws -> Place {
        let place = Place()
        for _ in 0..<models { try place.registry.add(try #require(Place.model), origin: .retrain, time: 0) }
        return place
    }

    /// A rollback takes the latest change back that none has taken back: a stack.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func rollbacksUnwindPromotions(seed: UInt64) throws {
        let place = try place(models: 4)
        let registry = place.registry
        var random = RandomSource(seed: seed)
        var stack: [Int] = []
        for time in 1...60 {
            if Int.random(in: 0..<3, using: &random) > 0 {
                let number = Int.random(in: 1...4, using: &random)
                try registry.promote(number, by: .promote, reason: "seed \(seed)", time: Int64(time))
                if stack.last != number { stack.append(number) }
            } else if stack.count > 1 {
                stack.removeLast()
                #expect(try registry.rollback(reason: "seed \(seed)", time: Int64(time)) == stack.last)
            } else {
                #expect(throws: RegistryError.nothingToRollBackTo) { try registry.rollback(reason: "", time: 0) }
            }
            #expect(try registry.championNumber() == stack.last)
        }
        let history = try registry.history()
        for (change, next) in zip(history, history.dropFirst()) { #expect(next.from == change.to) }
    }

    @Test func promotingTheChampionChangesNothing() throws {
        let place = try place(models: 2)
        let registry = place.registry
        try registry.promote(1, by: .retrain, reason: "", time: 1)
        try registry.promote(2, by: .retrain, reason: "", time: 2)
        try registry.promote(2, by: .promote, reason: "again", time: 3)
        #expect(try registry.history().count == 2)
        #expect(try registry.rollback(reason: "", time: 4) == 1)
    }

    @Test func aChallengerTakesOverOnlyFromItsRival() throws {
        let place = try place(models: 3)
        let registry = place.registry
        #expect(try registry.promote(1, over: nil, by: .retrain, reason: "first", time: 1))
        #expect(try !registry.promote(2, over: nil, by: .retrain, reason: "late", time: 2))
        #expect(try registry.promote(2, over: 1, by: .retrain, reason: "better", time: 3))
        #expect(try !registry.promote(3, over: 1, by: .retrain, reason: "late", time: 4))
        #expect(try registry.championNumber() == 2)
        #expect(
            try registry.history() == [
                ModelChange(time: 1, from: nil, to: 1, by: .retrain, reason: "first"),
                ModelChange(time: 3, from: 1, to: 2, by: .retrain, reason: "better"),
            ])
    }

    @Test func changesAtTheSameTimeFollowOneAnother() async throws {
        let place = try place(models: 4)
        let registry = place.registry
        try await withThrowingTaskGroup(of: Void.self) { group in
            for turn in 0..<40 {
                group.addTask { try registry.promote(turn % 4 + 1, by: .promote, reason: "\(turn)", time: 0) }
            }
            try await group.waitForAll()
        }
        let history = try registry.history()
        #expect(try registry.championNumber() == history.last?.to)
        for (change, next) in zip(history, history.dropFirst()) { #expect(next.from == change.to) }
        withExtendedLifetime(place) {}
    }
}
