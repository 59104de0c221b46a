import EventLog
import Events
import Sessions

/// The rules of sessions read once more, as plainly as can be, over a whole partition that lies there at the end: lists
/// that are cut, nothing that is carried from record to record. Shares no line with the fold.
///
/// 1. A timeline's clock is the running maximum of its records' times.
/// 2. A key's records on a timeline, cut where the clock goes on by more than the gap, are its sessions.
/// 3. From the record that goes past a limit on, a session is muted until it is cut.
/// 4. A session is closed by the first record of its timeline whose clock lies more than the gap after its last record,
///    by the end mark of its replay, or by the record that mutes it.
struct Reference {
    enum Account: String { case step, afterPurchase, repeated, muted, control, rejected }

    /// What is expected of one score record.
    struct Scored {
        var firstOffset: Int64
        var key: String
        var timeline: String
        var event: Event
        var steps: ArraySlice<Step>
        var cart: Int
    }

    struct Outcome: Equatable {
        var firstOffset: Int64
        var key: String
        var timeline: String
        var closedAt: Int64
        var closing: String
        var purchaseOffset: Int64?
        var prefixes: Int
        var records: Int
        var adds: Int
        var started: Int64
        var ended: Int64
    }

    private(set) var accounts: [Int64: Account] = [:]
    private(set) var scored: [Int64: Scored] = [:]
    private(set) var outcomes: [Outcome] = []
    private(set) var outOfOrder = 0
    private(set) var opened = 0

    /// A record of one timeline with the clock after it; no event: a tick.
    private struct Moment {
        var offset: Int64
        var clock: Int64
        var event: Event?
    }

    init(_ records: [StoredRecord], _ parameters: FoldParameters) {
        let entries = records.map { (record: $0, entry: try? RecordCoder.decode($0.value)) }
        for timeline in Self.timelines(entries.map(\.entry)) {
            // A replay that is ended and begun again lives twice.
            var life: [Moment] = []
            var clock: Int64?
            for (record, entry) in entries {
                switch entry {
                case .event(let event, timeline):
                    clock = max(clock ?? .min, timeline == .live ? record.time : event.timestamp)
                    life.append(Moment(offset: record.offset, clock: clock ?? 0, event: event))
                case .tick where timeline == .live:
                    guard let before = clock else { continue }
                    clock = max(before, record.time)
                    life.append(Moment(offset: record.offset, clock: clock ?? 0, event: nil))
                case .end(let name) where timeline == .replay(name):
                    read(life, timeline, parameters, end: record.offset)
                    (life, clock) = ([], nil)
                default: break
                }
            }
            read(life, timeline, parameters, end: nil)
        }
        for (record, entry) in entries {
            switch entry {
            case nil: accounts[record.offset] = .rejected
            case .tick, .end: accounts[record.offset] = .control
            case .event: break
            }
        }
    }

    private static func timelines(_ entries: [LogEntry?]) -> [Timeline] {
        var timelines: [Timeline] = []
        for case .event(_, let timeline) in entries where !timelines.contains(timeline) { timelines.append(timeline) }
        return timelines
    }

    private mutating func read(_ life: [Moment], _ timeline: Timeline, _ parameters: FoldParameters, end: Int64?) {
        var keys: [String] = []
        var ofKey: [String: [Moment]] = [:]
        for moment in life {
            guard let event = moment.event else { continue }
            let key = event.session.map { "s:" + $0 } ?? "v:" + (event.visitor ?? "")
            if ofKey[key] == nil { keys.append(key) }
            ofKey[key, default: []].append(moment)
        }
        for key in keys {
            var rest = ofKey[key, default: []][...]
            while let first = rest.first {
                // The session reaches to the first gap.
                var count = 1
                while count < rest.count,
                    rest[rest.startIndex + count].clock - rest[rest.startIndex + count - 1].clock
                        <= parameters.idleGap_ms
                { count += 1 }
                let run = rest.prefix(count)
                rest = rest.dropFirst(count)
                let limit = run.enumerated().first { index, moment in
                    index >= parameters.maxRecords || moment.clock - first.clock > parameters.maxDuration_ms
                }?.offset
                for moment in run.dropFirst(limit ?? count) { accounts[moment.offset] = .muted }
                let session = Array(run.prefix(limit ?? count))
                let silence = session.last?.clock ?? 0
                var closing: (at: Int64, why: String)?
                if let limit {
                    closing = (run[run.startIndex + limit].offset, "muted")
                } else if let closer = life.first(where: { $0.clock - silence > parameters.idleGap_ms }) {
                    closing = (closer.offset, "silence")
                } else if let end {
                    closing = (end, "end")
                }
                read(session, key: key, timeline, closing)
            }
        }
    }

    private mutating func read(
        _ session: [Moment], key: String, _ timeline: Timeline, _ closing: (at: Int64, why: String)?
    ) {
        opened += 1
        let new = session.enumerated().filter { index, moment in
            !session[..<index].contains { $0.event?.id == moment.event?.id }
        }.map(\.element)
        for moment in session { accounts[moment.offset] = .repeated }
        let bought = new.firstIndex { $0.event?.kind == .purchase }
        let started = new[0].event?.timestamp ?? 0
        var steps: [Step] = []
        var cart = 0
        for (index, moment) in new.enumerated() {
            guard let event = moment.event else { continue }
            let before = index == 0 ? started : new[index - 1].event?.timestamp ?? 0
            if event.timestamp < before { outOfOrder += 1 }
            if event.kind == .add { cart += event.quantity ?? 1 }
            if event.kind == .remove { cart = max(0, cart - (event.quantity ?? 1)) }
            accounts[moment.offset] = .afterPurchase
            if index >= bought ?? .max { continue }
            accounts[moment.offset] = .step
            let sku = event.sku.map { StableHash.of($0) } ?? 0
            let page = event.url.map { StableHash.of(Self.path($0)) } ?? 0
            let minutes = (event.timestamp - 1_569_801_600_000) / 60_000  // Since a Monday in 2019.
            steps.append(
                Step(
                    kind: event.kind, sku: sku, page: page, section: event.url == nil ? 0 : StableHash.of("/c/"),
                    gap_ms: UInt32(clamping: max(0, event.timestamp - before)),
                    elapsed_ms: UInt32(clamping: max(0, event.timestamp - started)), cart: UInt16(clamping: cart),
                    minuteOfWeek: UInt16((minutes % 10_080 + 10_080) % 10_080),
                    skuSeen: sku == 0 ? 0 : UInt8(clamping: steps.count { $0.sku == sku }),
                    pageSeen: page == 0 ? 0 : UInt8(clamping: steps.count { $0.page == page })))
            scored[moment.offset] = Scored(
                firstOffset: session[0].offset, key: key, timeline: timeline.name, event: event, steps: steps[...],
                cart: cart)
        }
        guard let closing else { return }
        outcomes.append(
            Outcome(
                firstOffset: session[0].offset, key: key, timeline: timeline.name, closedAt: closing.at,
                closing: closing.why, purchaseOffset: bought.map { new[$0].offset }, prefixes: steps.count,
                records: session.count, adds: new.count { $0.event?.kind == .add }, started: started,
                ended: new.last?.event?.timestamp ?? 0))
    }

    /// What stands between the host and the query, in the URLs that the simulation makes.
    private static func path(_ url: String) -> String {
        let path = url.dropFirst("https://shop.example".count)
        return String(path[..<(path.firstIndex(of: "?") ?? path.endIndex)])
    }
}
