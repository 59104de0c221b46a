import EventLog
public import Intent
public import Models
import Testing

extension ModelContract {
    static func anEmptyStoreHasNoChampion(_ fixture: ModelFixture) async throws {
        let store = fixture.store
        try await store.refresh()
        #expect(try store.list { _ in }.isEmpty)
        #expect(try store.championNumber() == nil)
        #expect(try store.championIfChanged(from: nil) == nil)
        #expect(try store.history().isEmpty)
        #expect(throws: RegistryError.unknown(1, directory: store.place)) { try store.load(1) }
        await #expect(throws: RegistryError.nothingToRollBackTo) { try await store.rollback(reason: "", time: 0) }
    }

    static func modelsAreNumberedAndKeptAsTheyAre(_ fixture: ModelFixture) async throws {
        let store = fixture.store
        // The second in several pieces where pieces are made.
        for (number, products) in [(1, 10), (2, 100_000), (3, 0)] {
            let entry = try await add(SampleModel.make(number, products: products), to: store, time: Int64(number))
            #expect(entry.number == number)
        }
        #expect(try store.numbers() == [1, 2, 3])
        #expect(try store.list { _ in }.map(\.created) == [1, 2, 3])
        #expect(try store.load(1) == SampleModel.make(1))
        #expect(try store.load(2) == SampleModel.make(2, products: 100_000))
        #expect(try store.load(3) == SampleModel.make(3, products: 0))
        #expect(try store.entry(2).bytes == SampleModel.make(2, products: 100_000).serialized().count)
        #expect(try store.entry(3).origin == .imported)
    }

    static func addsAtTheSameTimeGetDifferentNumbers(_ fixture: ModelFixture) async throws {
        let machines = [fixture.store, try await fixture.another()]
        let numbers = try await withThrowingTaskGroup(of: (number: Int, sample: Int).self) { group in
            for sample in 1...6 {
                group.addTask { (try await add(SampleModel.make(sample), to: machines[sample % 2]).number, sample) }
            }
            return try await group.reduce(into: [Int: Int]()) { $0[$1.number] = $1.sample }
        }
        #expect(Set(numbers.keys) == Set(1...6))
        for machine in machines {
            try await machine.refresh()
            for (number, sample) in numbers { #expect(try machine.load(number) == SampleModel.make(sample)) }
        }
    }

    static func anotherMachineSeesWhatWasKept(_ fixture: ModelFixture) async throws {
        let (here, there) = (fixture.store, try await fixture.another())
        _ = try await add(SampleModel.make(1), to: here)
        try await here.promote(1, by: .promote, reason: "first", time: 1)
        try await there.refresh()
        #expect(try there.championIfChanged(from: nil)?.model == SampleModel.make(1))
        #expect(try there.history() == here.history())
        // And goes on from there.
        #expect(try await add(SampleModel.make(2), to: there).number == 2)
        try await there.promote(2, by: .promote, reason: "second", time: 2)
        try await here.refresh()
        #expect(try here.championIfChanged(from: 1)?.number == 2)
        #expect(try await here.rollback(reason: "back", time: 3) == 1)
    }

    public static func add(
        _ model: IntentModel, to store: any ModelStore, time: Int64 = 0
    ) async throws -> ModelEntry {
        try await store.add(model, origin: .imported, report: nil, verdict: nil, time: time, holding: nil)
    }

    static func oneRetrainsAtATime(_ fixture: ModelFixture) async throws {
        let (here, there) = (fixture.store, try await fixture.another())
        let lease = try #require(try await here.claimRetraining())
        #expect(lease.isHeld)
        #expect(try await there.claimRetraining() == nil)
        #expect(lease.isHeld)
        let entry = try await here.add(
            SampleModel.make(1), origin: .retrain, report: nil, verdict: nil, time: 1, holding: lease)
        #expect(
            try await here.promote(
                entry.number, over: nil, by: .retrain, reason: "better", time: 2, holding: lease))
        await lease.release()
        #expect(!lease.isHeld)
        await #expect(throws: RegistryError.leaseLost) {
            try await here.add(
                SampleModel.make(2), origin: .retrain, report: nil, verdict: nil, time: 3, holding: lease)
        }
        let next = try #require(try await there.claimRetraining())
        #expect(next.isHeld)
        await next.release()
        try await there.refresh()
        #expect(try there.numbers() == [1])
        #expect(try there.championNumber() == 1)
    }
}
