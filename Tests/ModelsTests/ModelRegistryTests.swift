import Foundation
import Intent
import Models
import Testing

struct ModelRegistryTests {
    private func model() throws -> IntentModel { try #require(Place.model) }

    @Test func modelsAreNumberedAndKeptAsTheyAre() throws {
        let place = Place()
        for expected in 1...3 {
            let entry = try place.registry.add(try model(), origin: .imported, time: Int64(expected))
            #expect(entry.number == expected)
        }
        #expect(try place.registry.numbers() == [1, 2, 3])
        #expect(try place.registry.load(2) == model())
        #expect(FileManager.default.fileExists(atPath: place.path + "/000002.model"))
        #expect(try place.registry.entry(3).created == 3)
    }

    @Test func aPromotionIsSeenOnceAndCanBeUndone() throws {
        let place = Place()
        let registry = place.registry
        for _ in 0..<3 { try registry.add(try model(), origin: .retrain, time: 0) }
        try registry.promote(1, by: .retrain, reason: "first", time: 1)
        #expect(try registry.championIfChanged(from: nil)?.number == 1)
        #expect(try registry.championIfChanged(from: 1) == nil)
        try registry.promote(2, by: .retrain, reason: "better", time: 2)
        try registry.promote(3, by: .promote, reason: "by hand", time: 3)
        #expect(try registry.rollback(reason: "looks wrong", time: 4) == 2)
        #expect(try registry.rollback(reason: "still", time: 5) == 1)
        #expect(throws: RegistryError.nothingToRollBackTo) { try registry.rollback(reason: "again", time: 6) }
        #expect(try registry.championNumber() == 1)
        #expect(try registry.history().map(\.to) == [1, 2, 3, 2, 1])
        #expect(try registry.history().map(\.by) == [.retrain, .retrain, .promote, .rollback, .rollback])
        // After a roll-back, a promotion goes on from there.
        try registry.promote(3, by: .promote, reason: "mended", time: 7)
        #expect(try registry.rollback(reason: "no", time: 8) == 1)
    }

    @Test func whatCannotScoreIsNotPromoted() throws {
        let place = Place()
        let registry = place.registry
        try registry.add(try model(), origin: .retrain, time: 0)
        try registry.add(try model(), origin: .retrain, time: 0)
        try registry.promote(1, by: .promote, reason: "", time: 0)
        let path = place.path + "/000002.model"
        try Data(Data(contentsOf: URL(filePath: path)).dropLast(9)).write(to: URL(filePath: path))
        let error = #expect(throws: RegistryError.self) {
            try registry.promote(2, by: .promote, reason: "", time: 0)
        }
        #expect(error?.description.contains("000002.model is cut short") == true)
        #expect(try registry.championNumber() == 1)
    }

    @Test func aDamagedPointerIsNamed() throws {
        let place = Place()
        try place.registry.add(try model(), origin: .retrain, time: 0)
        try "seven".write(toFile: place.path + "/champion", atomically: true, encoding: .utf8)
        let error = #expect(throws: RegistryError.self) { try place.registry.championNumber() }
        #expect(error?.description.contains("champion") == true)
    }
}
