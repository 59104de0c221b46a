import Events
import Foundation

/// A browsing CSV made of rows whose fate is known.
struct SampleFile {
    struct Row {
        var line: Int
        var text: String
        /// `nil` where it cannot be read.
        var time: Int64?
        var isGood: Bool
    }

    static let header =
        "session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url"
    static let start: Int64 = 1_570_000_000_000

    private(set) var rows: [Row] = []
    var text: String { ([Self.header] + rows.map(\.text)).joined(separator: "\n") + "\n" }

    mutating func add(_ text: String, time: Int64?, isGood: Bool) {
        rows.append(Row(line: rows.count + 2, text: text, time: time, isGood: isGood))
    }

    mutating func addEvent(
        session: String = "a", action: String = "detail", sku: String = "p1", at offset_ms: Int64
    ) {
        let time = Self.start + offset_ms
        add("\(session),event_product,\(action),\(sku),\(time),", time: time, isGood: true)
    }

    /// The rows as a replay must have them: by time, those without one where the row before them is, else as they are.
    var inOrder: [Row] {
        var last = Int64.min
        let placed = rows.map { row in
            last = row.time ?? last
            return (time: last, row: row)
        }
        return placed.enumerated()
            .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .map(\.element.row)
    }

    var goodCount: Int { rows.count(where: \.isGood) }

    /// Rows over a day, many of equal time, some of them broken in every way there is.
    static func random(seed: UInt64, count: Int, broken: Bool = true, sorted: Bool = false) -> SampleFile {
        var random = SplitMix(seed: seed)
        var file = SampleFile()
        var times = (0..<count).map { _ in Int64.random(in: 0..<1_000, using: &random) * 86_400 }
        if sorted { times.sort() }
        for time in times {
            let own = start + time
            let session = "s\(Int.random(in: 0..<50, using: &random))"
            let sku = "p\(Int.random(in: 0..<20, using: &random))"
            let action = ["", "detail", "add", "remove", "purchase"].randomElement(using: &random) ?? ""
            guard broken, Int.random(in: 0..<8, using: &random) == 0 else {
                file.add("\(session),pageview,\(action),\(sku),\(own),u", time: own, isGood: true)
                continue
            }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: file.add("\(session),pageview,\(action),\(sku),soon,u", time: nil, isGood: false)
            case 1: file.add("\(session),pageview", time: nil, isGood: false)
            case 2: file.add(",pageview,\(action),\(sku),\(own),u", time: own, isGood: false)
            case 3: file.add("\(session),pageview,fly,\(sku),\(own),u", time: own, isGood: false)
            case 4:
                file.add(
                    "\(session),pageview,,\(String(repeating: "x", count: 300)),\(own),u", time: own, isGood: false)
            default: file.add("\(session),pageview,,\(sku),-5,u", time: nil, isGood: false)
            }
        }
        return file
    }
}

/// A directory that goes away with its test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/dinghy-replay-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, as name: String = "events.csv") throws -> String {
        try write(Data(text.utf8), as: name)
    }

    func write(_ data: Data, as name: String = "events.csv") throws -> String {
        try data.write(to: URL(filePath: path + "/" + name))
        return path + "/" + name
    }
}
