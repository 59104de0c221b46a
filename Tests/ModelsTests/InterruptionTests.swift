import Foundation
import Intent
import Models
import Testing

/// What a registry makes of what a crash, a full disk or a person has left in it.
struct InterruptionTests {
    private func place(models: Int) throws -> Place {
        let place = Place()
        for _ in 0..<models { try place.registry.add(try #require(Place.model), origin: .retrain, time: 0) }
        return place
    }

    @Test func aHalfWrittenLineOfTheHistoryIsPassedOverAndCutOff() throws {
        let place = try place(models: 3)
        let registry = place.registry
        try registry.promote(1, by: .retrain, reason: "first", time: 1)
        try registry.promote(2, by: .retrain, reason: "second", time: 2)
        let whole = try place.bytes("history")
        let lines = whole.split(separator: UInt8(ascii: "\n"))
        let last = try #require(lines.last)
        for length in 1..<last.count {
            try place.write("history", whole + last.prefix(length))
            #expect(try registry.history().map(\.to) == [1, 2])
        }
        try registry.promote(3, by: .promote, reason: "third", time: 3)
        #expect(try registry.history().map(\.to) == [1, 2, 3])
        #expect(try registry.rollback(reason: "back", time: 4) == 2)
    }

    /// The machine stopped after the line and before the pointer.
    @Test func aChangeThatThePointerNeverShowedDidNotHappen() throws {
        let place = try place(models: 3)
        let registry = place.registry
        try registry.promote(1, by: .retrain, reason: "", time: 1)
        try registry.promote(2, by: .retrain, reason: "", time: 2)
        let pointer = try place.bytes("champion")
        try registry.promote(3, by: .retrain, reason: "", time: 3)
        try place.write("champion", pointer)
        #expect(try registry.championNumber() == 2)
        #expect(try registry.rollback(reason: "", time: 4) == 1)
        #expect(throws: RegistryError.nothingToRollBackTo) { try registry.rollback(reason: "", time: 5) }
    }

    @Test func aModelWhoseAddingWasCutShortIsNeverShownNorReplaced() throws {
        let place = try place(models: 2)
        let registry = place.registry
        let bytes = try place.bytes("000002.model")
        try place.write("000003.model", bytes)
        try place.write("000004.json.new", Data("{".utf8))
        try place.write("000004.model.new", bytes.prefix(100))
        #expect(try registry.numbers() == [1, 2])
        #expect(try registry.add(try #require(Place.model), origin: .retrain, time: 9).number == 4)
        #expect(try registry.load(4) == Place.model)
        #expect(try place.bytes("000003.model") == bytes)
    }

    @Test func oneUnreadableCardHidesNoOther() throws {
        let place = try place(models: 3)
        try place.write("000002.json", Data("{\"number\":".utf8))
        var errors: [RegistryError] = []
        #expect(try place.registry.list { errors.append($0) }.map(\.number) == [1, 3])
        #expect(errors.count == 1)
        #expect(errors.first?.description.contains("000002.json cannot be read") == true)
    }

    @Test func foreignFilesAreNoModels() throws {
        let place = try place(models: 1)
        for name in ["2.json", "0000002.json", "00000x.json", "-00001.json", "notes", "000009.json.bak"] {
            try place.write(name, Data("{}".utf8))
        }
        #expect(try place.registry.numbers() == [1])
    }

    @Test func aPromotionMendsADamagedPointer() throws {
        let place = try place(models: 2)
        let registry = place.registry
        try registry.promote(1, by: .retrain, reason: "", time: 1)
        try place.write("champion", Data("\u{0}\u{0}".utf8))
        #expect(throws: RegistryError.self) { try registry.championNumber() }
        try registry.promote(2, by: .promote, reason: "mended", time: 2)
        #expect(try registry.championNumber() == 2)
    }

    @Test func aDamagedChampionIsNamedAndComesBackWhenItIsWhole() throws {
        let place = try place(models: 2)
        let registry = place.registry
        try registry.promote(1, by: .retrain, reason: "", time: 1)
        try registry.promote(2, by: .retrain, reason: "", time: 2)
        let bytes = try place.bytes("000002.model")
        var damaged = bytes
        damaged[bytes.count / 2] ^= 4
        try place.write("000002.model", damaged)
        #expect(throws: RegistryError.damaged(file: place.path + "/000002.model", .damaged)) {
            try registry.championIfChanged(from: 1)
        }
        try FileManager.default.removeItem(atPath: place.path + "/000002.model")
        #expect(throws: RegistryError.unknown(2, directory: place.path)) { try registry.championIfChanged(from: 1) }
        try place.write("000002.model", bytes)
        #expect(try registry.championIfChanged(from: 1)?.number == 2)
    }

    @Test func aRollbackToWhatIsGoneSaysSoAndChangesNothing() throws {
        let place = try place(models: 2)
        let registry = place.registry
        try registry.promote(1, by: .retrain, reason: "", time: 1)
        try registry.promote(2, by: .retrain, reason: "", time: 2)
        try FileManager.default.removeItem(atPath: place.path + "/000001.model")
        #expect(throws: RegistryError.unknown(1, directory: place.path)) { try registry.rollback(reason: "", time: 3) }
        #expect(try registry.championNumber() == 2)
        #expect(try registry.history().count == 2)
    }

    /// A sparse file: were it read, the test would take a gigabyte of memory.
    @Test func aFileThatCanBeNoModelIsNotRead() throws {
        let place = try place(models: 1)
        let path = place.path + "/huge"
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 1 << 30)
        try handle.close()
        let error = #expect(throws: RegistryError.self) { try ModelRegistry.load(path) }
        #expect(error?.description.contains("huge cannot be read: its 1073741824 bytes are more than") == true)
    }

    @Test func aDirectoryThatCannotBeIsNamed() throws {
        let registry = ModelRegistry(directory: "/dev/null/models")
        let error = #expect(throws: RegistryError.self) {
            try registry.add(try #require(Place.model), origin: .retrain, time: 0)
        }
        #expect(error?.description == "/dev/null/models cannot be written: Not a directory")
        let missing = #expect(throws: RegistryError.self) { try ModelRegistry.load("/no/such.model") }
        #expect(missing?.description == "/no/such.model cannot be read: there is no such file")
    }
}
