public import Intent

/// Models without a training: every number leads to another one.
public enum SampleModel {
    /// - Parameter products: twenty bytes each in the file.
    public static func make(_ number: Int, products: Int = 10) -> IntentModel {
        var random = RandomSource(seed: UInt64(number))
        let weights = Weights(shape: Weights.Shape(hiddenSize: 8), baseRate: 0.1, random: &random)
        var known: [UInt64: Encoder.Product] = [:]
        for _ in 0..<products {
            known[random.next()] = Encoder.Product(
                popularity: Float.random(in: 0...1, using: &random), conversion: 0.5, adding: 0.25)
        }
        return IntentModel(
            encoder: Encoder(pages: [1, 2], products: known), weights: weights, calibration: .identity,
            metadata: ModelMetadata(
                trainedFrom: 0, trainedThrough: 1, sessions: 1_000 + number, buyers: 100, options: TrainingOptions()))
    }
}
