import EventLog
import Events
import Foundation
import Intent
import Sessions
import Simulation

/// What is measured with: live events of the simulated shop, and a model of it.
enum ShopLog {
    static let start: Int64 = 1_767_261_600_000
    /// Open sessions for every session that begins in a second: a visit's few minutes and the half hour of silence.
    static let openPerArrival = 2_150.0

    /// A shop in which about so many sessions are open at a time, from an hour after its opening on.
    static func shop(openSessions: Int) -> Shop {
        let parameters = ShopParameters(
            sessionsPerSecond: Double(openSessions) / openPerArrival, buyerShare: ShopParameters.standard.buyerShare)
        return Shop(seed: 1, parameters: parameters, start: start)
    }

    /// An event of one of many sessions that all do the same: where how many they are matters, not what they do.
    static func event(session: Int, number: Int, time: Int64) -> Event {
        let product = "c07-p\(100 + (session + number) % 900)"
        let isDetail = number % 3 == 0
        return Event(
            id: "\(session)-\(number)", session: hexadecimal(session), kind: isDetail ? .detail : .pageview,
            timestamp: time, sku: isDetail ? product : nil, url: "/product/" + product)
    }

    /// Sixteen digits.
    private static func hexadecimal(_ number: Int) -> String {
        String(UInt64(bitPattern: Int64(number)) &* 0x9e37_79b9_7f4a_7c15 | 1 << 63, radix: 16)
    }

    static func record(_ event: Event) -> NewRecord {
        NewRecord(
            key: event.sessionKey, value: RecordCoder.encode(event, timeline: .live, received: event.timestamp),
            identity: event.identity)
    }

    /// Hidden size 32, as `train` makes it by default; trained briefly, for what it says is not looked at.
    static func model() throws -> IntentModel {
        var shop = Shop(seed: 1, start: start)
        var fold = SessionFold()
        var sessions: [TrainingSession] = []
        func take(_ closed: ClosedSession) {
            if let session = TrainingSession(closed.session) { sessions.append(session) }
        }
        let events: Int64 = 100_000
        for offset in 0..<events {
            _ = fold.fold(
                offset: offset, time: 0, entry: .event(shop.next().event, timeline: .replay("shop")), scoring: false,
                closed: take)
        }
        _ = fold.fold(offset: events, time: 0, entry: .end(replay: "shop"), scoring: false, closed: take)
        var options = TrainingOptions()
        options.epochs = 2
        return try Trainer.train(sessions, options: options).model
    }
}

/// A directory below the one that was named, removed at the end.
struct Place {
    let path: String

    init(below directory: String) throws {
        path = URL(filePath: directory).standardizedFileURL.path + "/dinghy-bench-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func remove(_ name: String) { try? FileManager.default.removeItem(atPath: path + "/" + name) }
}
