import Events
import Intent
import Sessions
import Simulation

/// Sessions to train and judge on.
enum Examples {
    /// The simulated shop, through the fold that everything goes through.
    static func shop(events: Int, seed: UInt64 = 1, buyerShare: Double = 4) -> [TrainingSession] {
        var parameters = ShopParameters.standard
        parameters.buyerShare = buyerShare
        var shop = Shop(seed: seed, parameters: parameters, start: 1_767_225_600_000)
        var fold = SessionFold()
        var sessions: [TrainingSession] = []
        func take(_ closed: ClosedSession) {
            if let session = TrainingSession(closed.session) { sessions.append(session) }
        }
        for offset in 0..<events {
            _ = fold.fold(
                offset: Int64(offset), time: 0, entry: .event(shop.next().event, timeline: .replay("shop")),
                scoring: false, closed: take)
        }
        _ = fold.fold(offset: Int64(events), time: 0, entry: .end(replay: "shop"), scoring: false, closed: take)
        return sessions
    }

    static func session(
        _ kinds: [EventKind], purchased: Bool, start: Int64 = 0, sku: UInt64 = 0, gap_ms: UInt32 = 5_000
    ) -> TrainingSession {
        let steps = kinds.enumerated().map { index, kind in
            Step(
                kind: kind, sku: sku, page: UInt64(index + 1), gap_ms: index == 0 ? 0 : gap_ms,
                elapsed_ms: UInt32(index) * gap_ms, cart: kind == .add ? 1 : 0, minuteOfWeek: 700)
        }
        return TrainingSession(start: start, steps: steps, purchased: purchased)
    }

    static let small: TrainingOptions = {
        var options = TrainingOptions()
        options.hiddenSize = 8
        options.epochs = 3
        return options
    }()
}

extension Examples {
    /// A network with fresh weights, small enough to try every byte of.
    static func untrained(
        hiddenSize: Int = 3, seed: UInt64 = 1, calibration: Calibration = Calibration(slope: 0.9, offset: -0.4)
    ) -> IntentModel {
        var random = RandomSource(seed: seed)
        return IntentModel(
            encoder: Encoder(
                pages: [11, 12], products: [7: Encoder.Product(popularity: 0.5, conversion: 0.3, adding: -0.2)]),
            weights: Weights(shape: Weights.Shape(hiddenSize: hiddenSize), baseRate: 0.2, random: &random),
            calibration: calibration,
            metadata: ModelMetadata(
                trainedFrom: 1, trainedThrough: 9, sessions: 100, buyers: 20, options: TrainingOptions()))
    }
}

extension IntentModel {
    func calibrated(slope: Float = 1, offset: Float = 0) -> IntentModel {
        IntentModel(
            encoder: encoder, weights: weights,
            calibration: Calibration(
                slope: calibration.slope * slope, offset: calibration.offset * slope + offset),
            metadata: metadata)
    }
}

extension Examples {
    /// Sessions of one to forty steps of any kind.
    static func random(count: Int, _ random: inout RandomSource) -> [TrainingSession] {
        let kinds = EventKind.allCases.filter { $0 != .purchase }
        return (0..<count).map { number in
            let length = Int.random(in: 1...(number % 3 == 0 ? 40 : 4), using: &random)
            return session(
                (0..<length).map { _ in kinds.randomElement(using: &random) ?? .pageview },
                purchased: Bool.random(using: &random), start: Int64(number),
                sku: UInt64.random(in: 5...8, using: &random),
                gap_ms: UInt32.random(in: 0...400_000, using: &random))
        }
    }

    /// As a bucket has them.
    static func longestFirst(_ sessions: [TrainingSession]) -> ArraySlice<Int32> {
        sessions.indices.sorted { (sessions[$0].steps.count, $1) > (sessions[$1].steps.count, $0) }.map(Int32.init)[...]
    }
}
