import Events
import FoundationEssentials

/// What each write key has stored on one day.
struct Quotas: Equatable {
    /// Of the keys, in their order: never the keys themselves.
    let names: [String]
    private(set) var day: Int64 = 0
    private(set) var used: [Int]

    init(names: [String]) {
        self.names = names
        used = Array(repeating: 0, count: names.count)
    }

    static func day(_ now: Int64) -> Int64 { now / 86_400_000 }
    static func secondsToMidnight(_ now: Int64) -> Int { Int((86_400_000 - now % 86_400_000 + 999) / 1_000) }

    func used(_ key: Int, day: Int64) -> Int { day > self.day ? 0 : used[key] }

    /// A clock that was set back to yesterday counts on for today.
    mutating func add(_ count: Int, _ key: Int, day: Int64) {
        if day > self.day {
            self.day = day
            used = Array(repeating: 0, count: names.count)
        }
        used[key] += count
    }
}

/// The quotas in a file, so that a restart is no way around them. It is written every ten seconds and at an orderly
/// stop: after a kill up to ten seconds' events are forgotten.
struct QuotaFile: Sendable {
    private struct Content: Codable {
        var day: Int64
        var used: [String: Int]
    }

    static let interval_s = 10

    let path: String

    /// A key's name in the file: a digest, from which the key cannot be had.
    static func name(of key: String) -> String { String(StableHash.of(key), radix: 16) }

    /// What is missing or unreadable was not used.
    func load(into quotas: inout Quotas) {
        guard let data = try? Data(contentsOf: URL(filePath: path)),
            let content = try? JSONDecoder().decode(Content.self, from: data)
        else { return }
        for (key, name) in quotas.names.enumerated() {
            if let used = content.used[name], used > 0 { quotas.add(used, key, day: content.day) }
        }
    }

    func save(_ quotas: Quotas) throws {
        let content = Content(
            day: quotas.day, used: Dictionary(zip(quotas.names, quotas.used)) { first, _ in first })
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try encoder.encode(content).write(to: URL(filePath: path), options: .atomic)
    }
}
