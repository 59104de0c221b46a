/// Sessions cut by time into spans that never mix: whole sessions, the earliest first.
struct Split {
    var training: ArraySlice<TrainingSession>
    var validation: ArraySlice<TrainingSession>
    var calibration: ArraySlice<TrainingSession>
    var test: ArraySlice<TrainingSession>

    /// Seventy per cent train, then ten each stop early, calibrate and test.
    ///
    /// - Throws: `.notEnough` where a span lacks sessions or buyers.
    init(_ sessions: [TrainingSession]) throws(TrainingError) {
        let sorted = sessions.sorted { $0.start < $1.start }
        func cut(_ share: Double) -> Int { Int(Double(sorted.count) * share) }
        training = sorted[..<cut(0.7)]
        validation = sorted[cut(0.7)..<cut(0.8)]
        calibration = sorted[cut(0.8)..<cut(0.9)]
        test = sorted[cut(0.9)...]
        try Self.check(sorted[...], "all", sessions: 200, buyers: 20)
        try Self.check(training, "the training span", sessions: 100, buyers: 10)
        try Self.check(validation, "the validation span", sessions: 10, buyers: 1)
        try Self.check(calibration, "the calibration span", sessions: 10, buyers: 1)
        try Self.check(test, "the test span", sessions: 10, buyers: 1)
    }

    private static func check(
        _ span: ArraySlice<TrainingSession>, _ name: String, sessions: Int, buyers: Int
    ) throws(TrainingError) {
        guard span.count >= sessions else {
            throw .notEnough(what: "sessions in \(name)", have: span.count, need: sessions)
        }
        let bought = span.count { $0.purchased }
        guard bought >= buyers else { throw .notEnough(what: "buying sessions in \(name)", have: bought, need: buyers) }
        guard bought < span.count else {
            throw .notEnough(what: "sessions without a purchase in \(name)", have: 0, need: 1)
        }
    }
}
