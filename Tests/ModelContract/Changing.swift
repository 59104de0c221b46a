import EventLog
import Intent
import Models
import Testing

extension ModelContract {
    private static func fill(_ fixture: ModelFixture, models: Int) async throws -> any ModelStore {
        for number in 1...models { _ = try await add(SampleModel.make(number), to: fixture.store) }
        return fixture.store
    }

    /// A rollback takes the latest change back that none has taken back: a stack.
    static func rollbacksUnwindPromotions(_ fixture: ModelFixture) async throws {
        let store = try await fill(fixture, models: 4)
        var random = RandomSource(seed: 7)
        var stack: [Int] = []
        for time in 1...25 {
            if Int.random(in: 0..<3, using: &random) > 0 {
                let number = Int.random(in: 1...4, using: &random)
                try await store.promote(number, by: .promote, reason: "", time: Int64(time))
                if stack.last != number { stack.append(number) }
            } else if stack.count > 1 {
                stack.removeLast()
                #expect(try await store.rollback(reason: "", time: Int64(time)) == stack.last)
            } else {
                await #expect(throws: RegistryError.nothingToRollBackTo) {
                    try await store.rollback(reason: "", time: 0)
                }
            }
            #expect(try store.championNumber() == stack.last)
        }
        try expectChain(try store.history(), endsWith: stack.last)
    }

    static func promotingTheChampionChangesNothing(_ fixture: ModelFixture) async throws {
        let store = try await fill(fixture, models: 2)
        try await store.promote(1, by: .retrain, reason: "", time: 1)
        try await store.promote(2, by: .retrain, reason: "", time: 2)
        try await store.promote(2, by: .promote, reason: "again", time: 3)
        #expect(try store.history().count == 2)
        #expect(try await store.rollback(reason: "", time: 4) == 1)
    }

    static func aChallengerTakesOverOnlyFromItsRival(_ fixture: ModelFixture) async throws {
        let store = try await fill(fixture, models: 3)
        func promote(_ number: Int, over rival: Int?, _ reason: String, _ time: Int64) async throws -> Bool {
            try await store.promote(number, over: rival, by: .retrain, reason: reason, time: time, holding: nil)
        }
        #expect(try await promote(1, over: nil, "first", 1))
        #expect(try await !promote(2, over: nil, "late", 2))
        #expect(try await promote(2, over: 1, "better", 3))
        #expect(try await !promote(3, over: 1, "late", 4))
        #expect(try store.championNumber() == 2)
        #expect(
            try store.history() == [
                ModelChange(time: 1, from: nil, to: 1, by: .retrain, reason: "first"),
                ModelChange(time: 3, from: 1, to: 2, by: .retrain, reason: "better"),
            ])
    }

    static func whatIsNotThereIsNotPromoted(_ fixture: ModelFixture) async throws {
        let store = try await fill(fixture, models: 1)
        try await store.promote(1, by: .promote, reason: "", time: 1)
        await #expect(throws: RegistryError.unknown(2, directory: store.place)) {
            try await store.promote(2, by: .promote, reason: "", time: 2)
        }
        #expect(try store.championNumber() == 1)
        #expect(try store.history().count == 1)
    }

    static func changesOfTwoMachinesFollowOneAnother(_ fixture: ModelFixture) async throws {
        let here = try await fill(fixture, models: 4)
        let there = try await fixture.another()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for machine in [here, there] {
                group.addTask {
                    for turn in 0..<6 {
                        try await machine.promote(turn % 4 + 1, by: .promote, reason: "\(turn)", time: 0)
                    }
                }
            }
            try await group.waitForAll()
        }
        try await here.refresh()
        try await there.refresh()
        #expect(try here.history() == there.history())
        try expectChain(try here.history(), endsWith: try here.championNumber())
    }

    private static func expectChain(_ history: [ModelChange], endsWith champion: Int?) throws {
        #expect(history.last?.to == champion)
        for (change, next) in zip(history, history.dropFirst()) { #expect(next.from == change.to) }
    }
}
