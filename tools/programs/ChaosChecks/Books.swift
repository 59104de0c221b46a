public import EventLog
import Foundation

/// The accounts of a run, kept from what a reader of its own sees of the topics: it knows JSON and the words of the
/// records, nothing of the fold. Every record of `events` must be in exactly one account.
///
/// Good for runs in which no session is silent for half an hour, grows past 5,000 records or has its beginning removed:
/// then a session key is one session.
public struct Books: Sendable {
    public enum Account: Sendable, Equatable {
        /// Before the first purchase: exactly one score is due.
        case scored
        case afterPurchase
        case repeated
        case control
        /// Not an event: due in `rejected` with its place.
        case rejected
    }

    public let partitions: Int
    /// By partition and offset.
    public private(set) var accounts: [[Int64: Account]]
    /// Score records by the event's partition and offset: how many, and what the first says.
    private var scores: [[Int64: (count: Int, value: [UInt8], differs: Bool)]]
    /// Places that `rejected` names.
    public private(set) var rejectedPlaces: Set<Location> = []
    /// By session id, where each event id stands first.
    public private(set) var firsts: [String: [String: Int64]] = [:]
    public private(set) var violations: [String] = []
    private var bought: [Set<String>]
    private var next: [Int64]
    /// Outcomes by session, to find a second one.
    private var outcomes: [String: [UInt8]] = [:]
    private var secondOutcomes: [String] = []

    public init(partitions: Int) {
        self.partitions = partitions
        accounts = Array(repeating: [:], count: partitions)
        scores = Array(repeating: [:], count: partitions)
        bought = Array(repeating: [], count: partitions)
        next = Array(repeating: 0, count: partitions)
    }

    // MARK: What is read

    /// A record of `events`; a partition's in the order of its offsets.
    public mutating func take(event value: [UInt8], key: [UInt8]?, partition: Int, offset: Int64) {
        if offset < next[partition] {
            violations.append("\(partition)/\(offset) was read after \(next[partition] - 1)")
        }
        next[partition] = offset + 1
        accounts[partition][offset] = account(of: value, key: key, partition: partition, offset: offset)
    }

    private mutating func account(of value: [UInt8], key: [UInt8]?, partition: Int, offset: Int64) -> Account {
        guard let fields = Self.object(value) else { return .rejected }
        if let control = fields["control"] as? String { return control == "tick" ? .control : .rejected }
        guard let id = fields["id"] as? String, let session = fields["session"] as? String,
            let type = fields["type"] as? String, fields["timestamp"] is NSNumber
        else { return .rejected }
        if let key, key != Array("s:\(session)".utf8) {
            violations.append("\(partition)/\(offset): session \(session) has the key \(Self.text(key))")
        }
        let home = Partitioner.partition(ofKey: "s:\(session)", count: partitions)
        if partition != home {
            violations.append("\(partition)/\(offset): session \(session) belongs on partition \(home)")
        }
        guard firsts[session]?[id] == nil else { return .repeated }
        firsts[session, default: [:]][id] = offset
        if type == "purchase" { bought[partition].insert(session) }
        return bought[partition].contains(session) ? .afterPurchase : .scored
    }

    /// A record of `scores`.
    public mutating func take(score value: [UInt8], partition: Int, offset: Int64) {
        guard let fields = Self.object(value), let event = (fields["offset"] as? NSNumber)?.int64Value,
            let from = (fields["partition"] as? NSNumber)?.intValue, from == partition,
            let score = (fields["score"] as? NSNumber)?.doubleValue, score > 0, score < 1
        else {
            return violations.append(
                "scores \(partition)/\(offset) is no score of this partition: \(Self.text(value))")
        }
        if let seen = scores[partition][event] {
            scores[partition][event] = (seen.count + 1, seen.value, seen.differs || seen.value != value)
        } else {
            scores[partition][event] = (1, value, false)
        }
    }

    /// A record of `outcomes`.
    public mutating func take(outcome value: [UInt8], partition: Int, offset: Int64) {
        guard let fields = Self.object(value), let session = fields["session"] as? String else {
            return violations.append("outcomes \(partition)/\(offset) is no outcome: \(Self.text(value))")
        }
        if outcomes.updateValue(value, forKey: session) != nil { secondOutcomes.append(session) }
    }

    /// A record of `rejected`.
    public mutating func take(rejected value: [UInt8]) {
        guard let fields = Self.object(value), let partition = (fields["partition"] as? NSNumber)?.intValue,
            let offset = (fields["offset"] as? NSNumber)?.int64Value
        else { return }
        rejectedPlaces.insert(Location(partition: partition, offset: offset))
    }

    // MARK: What it comes to

    /// Records of `events` read.
    public var stored: Int { accounts.reduce(0) { $0 + $1.count } }
    /// Score records read.
    public var scoreRecords: Int { scores.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } } }

    public func count(_ account: Account, partition: Int) -> Int64 {
        Int64(accounts[partition].values.count { $0 == account })
    }

    /// Events without the score that is due, and records that cannot be folded and are not kept in `rejected`.
    public var missing: Int {
        (0..<partitions).reduce(0) { sum, partition in
            sum
                + accounts[partition].count { offset, account in
                    account == .scored && scores[partition][offset] == nil
                        || account == .rejected
                            && !rejectedPlaces.contains(Location(partition: partition, offset: offset))
                }
        }
    }

    /// What is wrong.
    ///
    /// - Parameters:
    ///   - exactlyOnce: whether transactions are real: a second score is then a violation; otherwise only one that says
    ///     something else.
    ///   - complete: whether everything should be scored by now: what is missing is then a violation.
    public func findings(exactlyOnce: Bool, complete: Bool = true) -> [String] {
        var findings = violations
        for partition in 0..<partitions {
            for (offset, account) in accounts[partition].sorted(by: { $0.key < $1.key }) {
                let place = "\(partition)/\(offset)"
                let score = scores[partition][offset]
                switch (account, score?.count ?? 0) {
                case (.scored, 0): if complete { findings.append("\(place) is in no account: it has no score") }
                case (.scored, 1): break
                case (.scored, let count):
                    if exactlyOnce { findings.append("\(place) is in two accounts: it has \(count) scores") }
                    if score?.differs == true { findings.append("\(place) has \(count) scores that differ") }
                case (_, 0): break
                case (let account, let count):
                    findings.append("\(place) is in two accounts: it is \(account) and has \(count) scores")
                }
                if complete, account == .rejected,
                    !rejectedPlaces.contains(Location(partition: partition, offset: offset))
                {
                    findings.append("\(place) cannot be folded and is not kept in rejected")
                }
            }
            for offset in scores[partition].keys.sorted() where accounts[partition][offset] == nil {
                findings.append("\(partition)/\(offset) is scored, but holds no record")
            }
        }
        for place in rejectedPlaces.sorted(by: { ($0.partition, $0.offset) < ($1.partition, $1.offset) })
        where accounts.indices.contains(place.partition) && accounts[place.partition][place.offset] != .rejected {
            findings.append("\(place.partition)/\(place.offset) can be folded, but is kept in rejected")
        }
        if exactlyOnce { findings += secondOutcomes.map { "session \($0) has a second outcome" } }
        return findings
    }

    /// Compares a committed position with what was read of its partition up to the partition's end.
    public func compare(position text: String, next committed: Int64, end: Int64, partition: Int) -> [String] {
        guard let fields = Self.object(Array(text.utf8)), let counters = fields["counters"] as? [String: NSNumber],
            let start = (fields["start"] as? NSNumber)?.int64Value, let next = (fields["next"] as? NSNumber)?.int64Value
        else { return ["partition \(partition): the committed position cannot be read: \(text)"] }
        var findings: [String] = []
        func expect(_ name: String, _ found: Int64?, _ own: Int64) {
            if found != own {
                findings.append(
                    "partition \(partition): the position says \(name) \(found.map(String.init) ?? "nothing"), "
                        + "the records say \(own)")
            }
        }
        expect("next, as the committed offset does,", next, committed)
        expect("next", next, end)
        expect("start", start, 0)
        for (name, account) in Self.names {
            expect(name, counters[name]?.int64Value, count(account, partition: partition))
        }
        // A model was there before the first event, and no session is long enough to be muted.
        expect("unscored", counters["unscored"]?.int64Value, 0)
        expect("muted", counters["muted"]?.int64Value, 0)
        expect("markers", counters["markers"]?.int64Value, end - Int64(accounts[partition].count))
        expect("in all accounts together", counters.values.reduce(0) { $0 + $1.int64Value }, end)
        return findings
    }

    private static let names: [(String, Account)] = [
        ("scored", .scored), ("after_purchase", .afterPurchase), ("repeated", .repeated), ("control", .control),
        ("rejected", .rejected),
    ]

    private static func object(_ value: [UInt8]) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(value))) as? [String: Any]
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes.prefix(200), as: UTF8.self) }
}
