import ArgumentParser
import FoundationEssentials
import Intent
import ProgramSettings
import Retraining

/// Training from a file, as `train` and `evaluate intent` do it.
struct Training: ParsableArguments {
    @Option(help: "Times that training goes through the sessions, at most.")
    var epochs: Int?
    @Option(help: "Seed of the first weights and of the order of sessions (setting retrain.seed).")
    var seed: UInt64?
    @Option(
        help: ArgumentHelp(
            "Share of the sessions without a purchase that training looks at, corrected for exactly (default: all).",
            valueName: "share"))
    var negatives: Double?
    @Flag(help: "One more row: an LSTM over kinds of events, trained on whole sessions with an add.")
    var likeSeed = false
    @Option(help: ArgumentHelp("Windows of resampled sessions for the intervals; 0: none.", valueName: "count"))
    var resamples = ReportOptions.standard.resamples

    func validate() throws {
        guard 0...10_000 ~= resamples else { throw ValidationError("--resamples must be 0 to 10000") }
        guard epochs ?? 1 > 0 else { throw ValidationError("--epochs must be above 0") }
    }

    var reporting: ReportOptions {
        var options = ReportOptions.standard
        options.resamples = resamples
        if likeSeed { options.likeSeed = LikeSeedOptions() }
        return options
    }

    /// With a progress bar; too little data has its own exit code. Ctrl-C ends it with the best model so far.
    func train(_ sessions: [TrainingSession], _ settings: Settings) throws -> TrainedModel {
        var options = settings.training
        if let epochs { options.epochs = epochs }
        if let seed { options.seed = seed }
        options.negatives = negatives
        let bar = ProgressBar("training")
        do {
            let trained = try Interruption.watched { interruption throws(TrainingError) in
                try Trainer.train(
                    sessions, options: options, threads: ProcessInfo.processInfo.activeProcessorCount,
                    reporting: reporting, keepsDiverged: true
                ) { progress in
                    bar.update(progress)
                    return !interruption.isAsked
                }
            }
            bar.finish()
            let buyers = trained.model.metadata.buyers
            if buyers < Encoder.rowCount {
                Terminal.error(
                    "Warning: \(buyers) buyers to learn from, fewer than the \(Encoder.rowCount) inputs of the model: "
                        + "see in the report whether it is better than the logistic regression at all\n")
            }
            return trained
        } catch {
            bar.finish()
            try Self.explain(error)
        }
    }

    /// Says how training came to its end, where that was not its own.
    ///
    /// - Parameter written: `FILE has`: goes before what remains.
    static func conclude(_ ending: TrainingEnding, _ written: String) throws {
        switch ending {
        case .finished: break
        case .stopped(let epoch, let batch):
            Terminal.error("Interrupted at epoch \(epoch), batch \(batch): \(written) the best model so far.\n")
        case .diverged(let epoch, let batch):
            throw CommandFailure(
                "\(TrainingError.diverged(epoch: epoch, batch: batch)); \(written) the best weights from before it")
        }
    }

    /// Ends the command.
    static func explain(_ error: TrainingError) throws -> Never {
        guard case .notEnough = error else { throw error }
        Terminal.error("Error: \(error)\n")
        throw ExitCode(RetrainExit.notEnoughData.rawValue)
    }
}

extension ProgressBar {
    func update(_ progress: TrainingProgress) {
        let done = Int64(progress.epoch - 1) * Int64(progress.totalEvents) + Int64(progress.events)
        var detail = "epoch \(progress.epoch)/\(progress.epochs), loss \(Self.short(progress.loss))"
        if let loss = progress.validationLoss { detail += ", validation \(Self.short(loss))" }
        update(
            done: done, total: Int64(progress.epochs) * Int64(progress.totalEvents), unit: "events", detail: detail)
    }

    /// Four digits behind the point.
    private static func short(_ value: Double) -> String { String((value * 10_000).rounded() / 10_000) }
}
