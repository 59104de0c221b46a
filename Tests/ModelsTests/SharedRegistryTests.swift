import EventLog
import Foundation
import Intent
import ModelContract
import Models
import Testing

/// A shared log that refuses, loses answers, changes writers and is compacted.
struct SharedRegistryTests {
    private final class Machine: Sendable {
        let place = Place()
        let registry: SharedRegistry

        init(_ log: MemoryModelLog) {
            registry = SharedRegistry(
                log: log, cache: place.path, backoff: .milliseconds(1), logger: ContractTests.logger)
        }

        func add(_ sample: Int, holding lease: (any RetrainLease)? = nil) async throws -> Int {
            try await registry.add(
                SampleModel.make(sample), origin: .retrain, report: nil, verdict: nil, time: Int64(sample),
                holding: lease
            ).number
        }
    }

    @Test(arguments: [.refused, .answerLost, .overtaken] as [MemoryModelLog.Fault])
    func aChangeThatFailsHappensOnce(_ fault: MemoryModelLog.Fault) async throws {
        let log = MemoryModelLog()
        let machine = Machine(log)
        log.fail([fault, fault])
        #expect(try await machine.add(1) == 1)
        log.fail([fault, fault])
        try await machine.registry.promote(1, by: .promote, reason: "", time: 1)
        let other = Machine(log)
        try await other.registry.refresh()
        #expect(other.registry.numbers() == [1])
        #expect(other.registry.history().count == 1)
        #expect(try other.registry.load(1) == SampleModel.make(1))
    }

    /// A rollback whose answer was lost is not taken back once more.
    @Test func aRollbackWhoseAnswerWasLostHappensOnce() async throws {
        let log = MemoryModelLog()
        let machine = Machine(log)
        for sample in 1...3 {
            _ = try await machine.add(sample)
            try await machine.registry.promote(sample, by: .promote, reason: "", time: Int64(sample))
        }
        log.fail([.answerLost])
        #expect(try await machine.registry.rollback(reason: "", time: 4) == 2)
        #expect(machine.registry.championNumber() == 2)
        #expect(machine.registry.history().count == 4)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func changesOfManyMachinesMakeOneHistory(seed: UInt64) async throws {
        let log = MemoryModelLog()
        let machines = (0..<3).map { _ in Machine(log) }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (index, machine) in machines.enumerated() {
                group.addTask {
                    var random = RandomSource(seed: seed &* 100 &+ UInt64(index))
                    var added = 0
                    for turn in 0..<8 {
                        let faults: [MemoryModelLog.Fault] = [.refused, .answerLost, .overtaken]
                        if Int.random(in: 0..<3, using: &random) == 0 {
                            log.fail([faults[Int.random(in: 0..<3, using: &random)]])
                        }
                        let known = machine.registry.numbers()
                        if known.isEmpty || Bool.random(using: &random) {
                            _ = try await machine.add(index * 100 + turn + 1)
                            added += 1
                        } else {
                            let number = known[Int.random(in: 0..<known.count, using: &random)]
                            try await machine.registry.promote(
                                number, by: .promote, reason: "\(index).\(turn)", time: 0)
                        }
                    }
                    return added
                }
            }
            let added = try await group.reduce(0, +)
            let late = Machine(log)
            try await late.registry.refresh()
            #expect(late.registry.numbers() == Array(1...added))
            let history = late.registry.history()
            for (change, next) in zip(history, history.dropFirst()) { #expect(next.from == change.to) }
            #expect(Set(history.map(\.reason)).count == history.count)
        }
    }

    @Test func compactionLosesNothing() async throws {
        let log = MemoryModelLog()
        let machine = Machine(log)
        for sample in 1...4 {
            _ = try await machine.add(sample)
            try await machine.registry.promote(sample, by: .promote, reason: "\(sample)", time: Int64(sample))
        }
        log.compact()
        let late = Machine(log)
        try await late.registry.refresh()
        #expect(late.registry.history() == machine.registry.history())
        for number in 1...4 { #expect(try late.registry.load(number) == SampleModel.make(number)) }
        #expect(try await late.registry.rollback(reason: "", time: 5) == 3)
    }

    @Test func aLeaseThatIsLostWritesNothing() async throws {
        let log = MemoryModelLog()
        let machine = Machine(log)
        let lease = try #require(try await machine.registry.claimRetraining())
        log.fail([.leaseLost])
        await #expect(throws: RegistryError.leaseLost) { try await machine.add(1, holding: lease) }
        #expect(!lease.isHeld)
        let late = Machine(log)
        try await late.registry.refresh()
        #expect(late.registry.numbers().isEmpty)
    }

    /// A scorer that runs sees the new champion without being asked to look.
    @Test func whoFollowsSeesWhatOthersDo() async throws {
        let log = MemoryModelLog()
        let (here, there) = (Machine(log), Machine(log))
        let following = Task { await there.registry.follow() }
        _ = try await here.add(1)
        try await here.registry.promote(1, by: .promote, reason: "", time: 0)
        let deadline = ContinuousClock.now + .seconds(30)
        while there.registry.championNumber() != 1, ContinuousClock.now < deadline { await Task.yield() }
        #expect(try there.registry.championIfChanged(from: nil)?.model == SampleModel.make(1))
        following.cancel()
        await following.value
    }

    @Test func foreignRecordsAreNamedAndPassedOver() async throws {
        let log = MemoryModelLog()
        log.write("note", Array("written by hand".utf8))
        log.write("model/1", [])
        log.write("other", Array("{\"kind\":\"other\"}".utf8))
        let machine = Machine(log)
        #expect(try await machine.add(1) == 1)
        var faults: [String] = []
        #expect(machine.registry.list { faults.append("\($0)") }.map(\.number) == [1])
        #expect(faults.count == 2)
        #expect(faults.first?.hasPrefix("memory offset 0 cannot be read: it is no record of ours") == true)
        #expect(
            faults.last == "memory offset 2 cannot be read: its kind is 'other', which is none of ours")
    }

    @Test func piecesWithoutAManifestAreNoModel() async throws {
        let log = MemoryModelLog()
        for chunk in ModelChunk.cut(SampleModel.make(9).serialized(), model: 1) {
            log.write(chunk.record.key, chunk.record.value)
        }
        let machine = Machine(log)
        try await machine.registry.refresh()
        #expect(machine.registry.numbers().isEmpty)
        #expect(try await machine.add(1) == 1)
        #expect(try machine.registry.load(1) == SampleModel.make(1))
    }

    @Test func aDamagedFileOfTheCacheIsNamedAndComesBack() async throws {
        let log = MemoryModelLog()
        let machine = Machine(log)
        _ = try await machine.add(1)
        let file = try #require(try FileManager.default.contentsOfDirectory(atPath: machine.place.path).first)
        #expect(file.hasPrefix("1-") && file.hasSuffix(".model"))
        try machine.place.write(file, machine.place.bytes(file).dropLast(3))
        let error = #expect(throws: RegistryError.self) { try machine.registry.load(1) }
        #expect(error?.description.contains("\(file) is cut short") == true)
        let again = SharedRegistry(
            log: log, cache: machine.place.path, backoff: .milliseconds(1), logger: ContractTests.logger)
        try await again.refresh()
        #expect(try again.load(1) == SampleModel.make(1))
    }
}
