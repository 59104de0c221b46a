import EmbeddedLog
import EventLog
import Events
import Foundation
import Logging
import Synchronization

/// What a shop has from the day before yesterday when a run begins: old enough for retention to remove it beside the
/// load. A copy of it stays, so that the reference can fold what is gone.
struct Past {
    static let age = Duration.seconds(2 * 86_400)
    /// Of its sessions' ids: no client sent them.
    static let prefix = "past-"
    private static let sessionLength = 10

    /// Written in a few minutes of that day, so that its sessions are all open at its end.
    ///
    /// - Parameters:
    ///   - path: a data directory on which nothing runs.
    ///   - copy: does not exist yet.
    static func make(_ events: Int, in path: String, partitions: Int, copy: String) async throws {
        let start = Int64(Date().timeIntervalSince1970 * 1_000) - age.components.seconds * 1_000
        let time = Mutex(start)
        let data = try await DataDirectory.open(
            path, partitions: partitions, logger: Logger(label: "past") { _ in SwiftLogNoOpLogHandler() }
        ) { time.withLock { $0 } }
        for first in stride(from: 0, to: events, by: 500) {
            let now = start + Int64(first)
            time.withLock { $0 = now }
            let records = (first..<min(first + 500, events)).map { record($0, at: now) }
            let verdicts = try await data.log.append(records)
            guard !verdicts.contains(.duplicate) else {
                throw EventLogError.unusable("\(path) holds events of the past already")
            }
        }
        await data.close()
        try FileManager.default.copyItem(atPath: path, toPath: copy)
    }

    private static func record(_ number: Int, at time: Int64) -> NewRecord {
        let product = "c07-p\(100 + number % 900)"
        let event = Event(
            id: "\(number)", session: "\(prefix)\(number / sessionLength)",
            kind: number % 4 == 0 ? .add : number % 3 == 0 ? .detail : .pageview, timestamp: time,
            sku: number % 4 == 0 || number % 3 == 0 ? product : nil, url: "/product/" + product)
        return NewRecord(
            key: event.sessionKey, value: RecordCoder.encode(event, timeline: .live, received: time),
            identity: event.identity)
    }
}
