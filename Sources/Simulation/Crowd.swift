/// Who comes: with which intent a session begins, by the time at which it does.
struct Crowd: Sendable {
    private let first: Weights<Intent>
    private let parameters: ShopParameters
    private let logDrift: Double
    private let start: Int64

    private static let buyers: [Intent] = [.collect, .buy, .returning]
    private static let drift_ms = 30.0 * 24 * 3_600_000
    /// In a rush those who mean to buy weigh so many times as much.
    private static let rushBuyers = 2.0

    init(_ first: Weights<Intent>, parameters: ShopParameters, start: Int64) {
        self.first = first
        self.parameters = parameters
        logDrift = Chance.log(parameters.drift)
        self.start = start
    }

    /// Weights of the intents of a session that begins at this time.
    func intents(at time: Int64) -> Weights<Intent> {
        var factor = parameters.buyerShare * Rhythm.buyers(at: time)
        if parameters.rush > 1, Rhythm.isRush(at: time) { factor *= Self.rushBuyers }
        if logDrift != 0 { factor *= Chance.exp(logDrift * min(1, Double(time - start) / Self.drift_ms)) }
        var intents = first
        for intent in Self.buyers { intents[intent] *= factor }
        if parameters.bots > 0 { intents[.bot] = intents.total * parameters.bots / (1 - parameters.bots) }
        return intents
    }
}
