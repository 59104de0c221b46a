import EventLog
import Foundation

/// One partition at rest: its records, folded by the reference, against the scores, outcomes and the position that the
/// product committed for them.
///
/// Feed it the records, then the outputs, each in the order in which they stand; then ask for the findings.
public struct Reckoning: Sendable {
    private let partition: Int
    private let partitions: Int
    public private(set) var fold: ReferenceFold
    public private(set) var next: Int64 = 0
    /// By session id, where each event id of a live session stands.
    public private(set) var firsts: [String: [String: Int64]] = [:]
    /// By replay, the ids of its rows.
    public private(set) var rows: [String: Set<String>] = [:]
    public private(set) var ends: [String: Int] = [:]
    public private(set) var scores = 0
    /// Retention has removed what lies before: of that there may be scores, or none.
    public var removedBefore: Int64 = 0
    private var outcomes: [String: ReferenceFold.Outcome]?
    private var outcomeOffset: Int64 = -1
    private var found: [String] = []
    private static let maxFindings = 200

    public init(partition: Int, partitions: Int) {
        self.partition = partition
        self.partitions = partitions
        fold = ReferenceFold(partition: partition)
    }

    private mutating func find(_ finding: String) {
        if found.count < Self.maxFindings { found.append("partition \(partition): \(finding)") }
    }

    // MARK: The log

    public mutating func take(event value: [UInt8], offset: Int64, time: Int64) {
        if offset != next { find("offset \(offset) stands where \(next) should") }
        next = offset + 1
        let record = PlainRecord(value)
        if fold.take(record, offset: offset, time: time) == .rejected {
            find("\(offset) is no event: \(Self.text(value))")
        }
        switch record {
        case .event(let event): take(event, offset: offset)
        case .end(let replay): ends[replay, default: 0] += 1
        case .tick, .unusable: break
        }
    }

    private mutating func take(_ event: PlainEvent, offset: Int64) {
        let home = Partitioner.partition(ofKey: event.key, count: partitions)
        if home != partition { find("\(offset) with the key \(event.key) belongs on partition \(home)") }
        guard event.timeline == "live" else {
            if !rows[event.timeline, default: []].insert(event.id).inserted {
                find("\(offset) is row \(event.id) of replay \(event.timeline) once more")
            }
            return
        }
        let session = String(event.key.dropFirst(2))
        if let first = firsts[session]?[event.id] {
            return find("\(event.id) of session \(session) is stored twice, at \(first) and \(offset)")
        }
        firsts[session, default: [:]][event.id] = offset
    }

    // MARK: What was made of it

    public mutating func take(score value: [UInt8]) {
        guard let fields = Self.object(value), let score = (fields["score"] as? NSNumber)?.doubleValue, score > 0,
            score < 1
        else { return find("no score: \(Self.text(value))") }
        let due = ReferenceFold.Due(
            session: fields["session"] as? String ?? "", key: fields["key"] as? String ?? "",
            timeline: fields["timeline"] as? String ?? "", offset: Self.integer(fields["offset"]),
            timestamp: Self.integer(fields["timestamp"]), type: fields["type"] as? String ?? "",
            sku: fields["sku"] as? String, prefix: Int(Self.integer(fields["prefix"])),
            cart: Int(Self.integer(fields["cart"])))
        // Both rise: what is passed over has no score.
        while scores < fold.dues.count, fold.dues[scores].offset < due.offset {
            if fold.dues[scores].offset >= removedBefore {
                find("\(fold.dues[scores].offset) is in no account: it has no score")
            }
            scores += 1
        }
        guard scores < fold.dues.count, fold.dues[scores].offset == due.offset else {
            return find("\(due.offset) has a second score, or one that is not due: \(Self.text(value))")
        }
        if fold.dues[scores] != due {
            find("\(due.offset): scored as \(Self.text(value)), due is \(fold.dues[scores])")
        }
        scores += 1
    }

    public mutating func take(outcome value: [UInt8]) {
        var due = outcomes ?? Dictionary(uniqueKeysWithValues: fold.outcomes.map { ($0.session, $0) })
        defer { outcomes = due }
        outcomes = nil
        guard let fields = Self.object(value), let session = fields["session"] as? String else {
            return find("no outcome: \(Self.text(value))")
        }
        guard let own = due.removeValue(forKey: session) else {
            return find("session \(session) has a second outcome, or one that is not due: \(Self.text(value))")
        }
        let outcome = ReferenceFold.Outcome(
            session: session, key: fields["key"] as? String ?? "", timeline: fields["timeline"] as? String ?? "",
            offset: Self.integer(fields["offset"]), purchaseOffset: (fields["purchaseOffset"] as? NSNumber)?.int64Value,
            prefixes: Int(Self.integer(fields["prefixes"])), records: Int(Self.integer(fields["records"])),
            adds: Int(Self.integer(fields["adds"])), started: Self.integer(fields["started"]),
            ended: Self.integer(fields["ended"]), closing: fields["closing"] as? String ?? "")
        let purchased = fields["purchased"] as? Bool
        if outcome != own || purchased != (own.purchaseOffset != nil) || fields["truncated"] as? Bool != false {
            find("session \(session) is recorded as \(Self.text(value)), the reference says \(own)")
        }
        if outcome.offset < outcomeOffset { find("the outcome of session \(session) stands behind later ones") }
        outcomeOffset = outcome.offset
    }

    /// What is wrong, all of the partition being scored.
    ///
    /// - Parameter position: as committed.
    public func findings(position: String?) -> [String] {
        var copy = self
        for due in fold.dues.dropFirst(scores) { copy.find("\(due.offset) is in no account: it has no score") }
        for due in (outcomes ?? Dictionary(uniqueKeysWithValues: fold.outcomes.map { ($0.session, $0) })).values {
            copy.find("session \(due.session) is closed at \(due.offset) and has no outcome")
        }
        copy.compare(position)
        return copy.found
    }

    private mutating func compare(_ text: String?) {
        guard let text else {
            if next > 0 { find("no position was committed") }
            return
        }
        guard let fields = Self.object(Array(text.utf8)), let counters = fields["counters"] as? [String: NSNumber],
            let sessions = fields["sessions"] as? [String: NSNumber]
        else { return find("the committed position cannot be read: \(text)") }
        expect("start", fields["start"] as? NSNumber, 0)
        expect("next", fields["next"] as? NSNumber, next)
        expect("low", fields["low"] as? NSNumber, fold.lowWater ?? next)
        for account in ReferenceFold.Account.allCases {
            expect(account.rawValue, counters[account.rawValue], fold.accounts[account] ?? 0)
        }
        // A model was there before the first event, and nothing but records has offsets.
        expect("unscored", counters["unscored"], 0)
        expect("markers", counters["markers"], 0)
        for (name, count) in fold.sessions.sorted(by: { $0.key < $1.key }) {
            expect("sessions \(name)", sessions[name], count)
        }
    }

    private mutating func expect(_ name: String, _ committed: NSNumber?, _ own: Int64) {
        if committed?.int64Value != own {
            find("the position says \(name) \(committed.map { "\($0)" } ?? "nothing"), the reference \(own)")
        }
    }

    private static func object(_ value: [UInt8]) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(value))) as? [String: Any]
    }

    /// -1 stands for none: nothing here is negative.
    private static func integer(_ value: Any?) -> Int64 { (value as? NSNumber)?.int64Value ?? -1 }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes.prefix(400), as: UTF8.self) }
}
