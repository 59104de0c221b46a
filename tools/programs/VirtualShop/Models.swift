import Events
import Intent
import Scoring

/// Small models with weights that were never trained: what they say is nonsense, and is different nonsense for each.
enum Models {
    static let count = 4
    /// Number 1 is the first.
    static let all: [NumberedModel] = (1...count).map { number in
        var random = RandomSource(seed: UInt64(number))
        let encoder = Encoder(
            pages: [StableHash.of("/c/1"), StableHash.of("/c/\(number)")],
            products: [StableHash.of("k1"): Encoder.Product(popularity: 0.5, conversion: Float(number), adding: -0.25)])
        var options = TrainingOptions()
        // Two sizes, so that a swap may change the shape.
        options.hiddenSize = number == 3 ? 12 : 4
        let model = IntentModel(
            encoder: encoder,
            weights: Weights(shape: .init(hiddenSize: options.hiddenSize), baseRate: 0.2, random: &random),
            calibration: Calibration(slope: 1 + Float(number) / 8, offset: 0.1),
            metadata: ModelMetadata(trainedFrom: 0, trainedThrough: 1, sessions: 1, buyers: 1, options: options))
        return NumberedModel(number: number, model: model)
    }

    static func numbered(_ number: Int) -> IntentModel? {
        all.indices.contains(number - 1) ? all[number - 1].model : nil
    }
}
