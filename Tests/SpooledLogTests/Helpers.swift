import EventLog
import Events
import Foundation
import Logging
import SpooledLog
import Testing

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// The moment at which all tests take place.
let now: Int64 = 1_750_000_000_000

/// A directory that is gone when the last reference to it is.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "dinghy-spool-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A spool whose drainer, once it has failed, does not try again until the next start.
    func settings(maxBytes: Int = 1 << 20) -> SpoolSettings { Self.settings(at: path, maxBytes: maxBytes) }

    static func settings(at path: String, maxBytes: Int = 1 << 20) -> SpoolSettings {
        var settings = SpoolSettings(directory: path, maxBytes: maxBytes)
        settings.pauses = (.seconds(86_400), .seconds(86_400))
        return settings
    }

    /// A spool whose drainer tries again at once.
    func eager(maxBytes: Int = 1 << 20) -> SpoolSettings {
        var settings = settings(maxBytes: maxBytes)
        settings.pauses = (.milliseconds(1), .milliseconds(1))
        return settings
    }

    func open(over log: any EventLog, _ settings: SpoolSettings? = nil) async throws -> SpooledLog {
        try await SpooledLog.open(over: log, settings ?? self.settings(), logger: quiet, now: { now })
    }

    /// The segments, oldest first.
    func segments() throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: URL(filePath: path), includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "spool" }.sorted { $0.path < $1.path }
    }
}

func record(_ number: Int, key: String = "s:k", bytes: Int = 0) -> NewRecord {
    let value = #"{"id":"\#(number)","padding":"\#(String(repeating: "x", count: bytes))"}"#
    return NewRecord(key: key, value: Array(value.utf8), identity: StableHash.of("\(number)"))
}

func rejected(_ number: Int, line: Int? = nil) -> RejectedRecord {
    RejectedRecord(
        time: now + Int64(number), source: "collect", reason: "sku: missing (\(number))", line: line,
        bytes: [0, 255, 83, 80, 76, UInt8(truncatingIfNeeded: number)])
}

let wallClock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }

/// Until nothing is left in a spool.
func drained(_ log: SpooledLog) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while log.status.records > 0 {
        try #require(ContinuousClock.now < deadline, "\(log.status) after a minute")
        await Task.yield()
    }
}
