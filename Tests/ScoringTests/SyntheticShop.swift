import Events
import Intent
import Scoring
import Sessions

/// Events of a shop that never was: a few sessions at a time, interleaved, some of which buy.
struct SyntheticShop {
    private var random: SeededRandom
    private let idPrefix: String
    private var visits: [(key: String, isBuyer: Bool, events: Int)] = []
    private var sessions = 0
    private var events = 0

    init(seed: UInt64) {
        random = SeededRandom(seed)
        idPrefix = "e\(seed)-"
    }

    /// - Parameter time: the events' own time; a second passes from one to the next.
    mutating func events(_ count: Int, from time: Int64 = 1_700_000_000_000) -> [Event] {
        (0..<count).map { event(at: time + Int64($0) * 1_000) }
    }

    private mutating func event(at time: Int64) -> Event {
        if visits.count < 12 || Int.random(in: 0..<8, using: &random) == 0 {
            sessions += 1
            let visit = (key: "\(idPrefix)\(sessions)", isBuyer: Bool.random(using: &random), events: 0)
            if visits.count < 12 {
                visits.append(visit)
            } else {
                visits[Int.random(in: 0..<visits.count, using: &random)] = visit
            }
        }
        let visit = Int.random(in: 0..<visits.count, using: &random)
        visits[visit].events += 1
        events += 1
        let kind = kind(visits[visit].isBuyer, events: visits[visit].events)
        let sku = "sku-\(Int.random(in: 0..<40, using: &random))"
        // Now and then an id comes a second time.
        let isRepeated = Int.random(in: 0..<20, using: &random) == 0 && visits[visit].events > 1
        return Event(
            id: isRepeated ? "again" : "\(events)", session: visits[visit].key, kind: kind,
            timestamp: time - (Int.random(in: 0..<30, using: &random) == 0 ? 5_000 : 0),
            sku: kind == .pageview || kind == .search ? nil : sku,
            url: kind == .pageview ? "https://shop.example/c/\(Int.random(in: 0..<9, using: &random))?a=1" : nil,
            query: kind == .search ? "red \"shoes\"" : nil)
    }

    private mutating func kind(_ isBuyer: Bool, events: Int) -> EventKind {
        let draw = Int.random(in: 0..<100, using: &random)
        switch draw {
        case 0..<10 where isBuyer && events > 3: return .purchase
        case 10..<(isBuyer ? 35 : 15): return .add
        case 40..<45: return .search
        case 45..<47: return .remove
        case 47..<70: return .pageview
        default: return .detail
        }
    }
}

/// Two small models that give different scores, trained once.
enum TestModels {
    static func first() throws -> NumberedModel { NumberedModel(number: 1, model: try trained.get()[0]) }
    static func second() throws -> NumberedModel { NumberedModel(number: 2, model: try trained.get()[1]) }

    static func numbered(_ number: Int) throws -> IntentModel { try trained.get()[number - 1] }

    private static let trained = Result { try [1, 2].map { try train(seed: $0) } }

    private static func train(seed: UInt64) throws -> IntentModel {
        var shop = SyntheticShop(seed: 1_000)
        var fold = SessionFold()
        var sessions: [TrainingSession] = []
        func take(_ closed: ClosedSession) {
            if let session = TrainingSession(closed.session) { sessions.append(session) }
        }
        let start: Int64 = 1_600_000_000_000
        for (offset, event) in shop.events(4_000, from: start).enumerated() {
            _ = fold.fold(
                offset: Int64(offset), time: start + Int64(offset) * 10_000, entry: .event(event, timeline: .live),
                scoring: false, closed: take)
        }
        _ = fold.fold(offset: 4_000, time: .max, entry: .tick, scoring: false, closed: take)
        var options = TrainingOptions()
        options.hiddenSize = 8
        options.epochs = 3
        options.seed = seed
        return try Trainer.train(sessions, options: options).model
    }
}

/// The scores that a model gives offline, from the log alone and by whole sessions: every prefix of every session, by
/// the offset of its last event.
func offlineScores(
    _ records: [(offset: Int64, time: Int64, value: [UInt8])], model: IntentModel,
    parameters: FoldParameters = .standard
) -> [Int64: Float] {
    var fold = SessionFold(parameters: parameters)
    var offsets: [Int: [Int64]] = [:]
    var scores: [Int64: Float] = [:]
    func score(_ session: Session, _ offsets: [Int64]) {
        // A session that begins with its purchase has no step to score.
        guard !session.steps.isEmpty else { return }
        let given = model.scores(
            TrainingSession(start: session.startTimestamp, steps: session.steps, purchased: session.purchased))
        for (offset, score) in zip(offsets, given) { scores[offset] = score }
    }
    for record in records {
        var closed: [ClosedSession] = []
        let outcome = fold.fold(
            offset: record.offset, time: record.time, entry: try? RecordCoder.decode(record.value), scoring: true
        ) { closed.append($0) }
        for session in closed { score(session.session, offsets.removeValue(forKey: session.slot) ?? []) }
        if case .step(let slot) = outcome { offsets[slot, default: []].append(record.offset) }
    }
    for (slot, offsets) in offsets { score(fold[slot], offsets) }
    return scores
}
