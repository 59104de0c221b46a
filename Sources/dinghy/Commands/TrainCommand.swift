import ArgumentParser
import EventLog
import Events
import FoundationEssentials
import Intent
import Retraining
import Sessions
import Synchronization

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a model from a browsing CSV, without a server.",
        discussion: """
            The rows go through the same fold as those of a log. The earliest seventy per cent of the sessions train,
            then ten each end training early, calibrate, and test; the report is about the last ten.

              dinghy train shop.csv --output shop.model
              dinghy models import shop.model --promote

            Ctrl-C ends training; the best model so far is calibrated, reported and written. So is the one from before a
            loss that is no number any more.

            Exit code: 0 when the model was written, 4 when the file holds too few sessions or buyers, 1 otherwise, also
            when the loss was no number in the end.
            """)

    @OptionGroup var options: SettingsOptions
    @Argument(help: "The file, or - for standard input.")
    var file: String
    @Option(help: "Where the model goes.")
    var output: String
    @Option(help: "Times that training goes through the sessions, at most.")
    var epochs: Int?
    @Flag(help: "The report as JSON.")
    var json = false

    func run() async throws {
        let settings = try await options.settings()
        var training = settings.training
        if let epochs { training.epochs = epochs }

        let state = Mutex((fold: SessionFold(), set: TrainingSet(limit: settings.maxSessions)))
        let read = try await FileFold.read(file, logger: settings.logger(), title: "reading") { record in
            state.withLock { state in
                _ = state.fold.fold(
                    offset: record.offset, time: record.time, entry: try? RecordCoder.decode(record.value),
                    scoring: false
                ) { state.set.add($0) }
            }
        }
        Terminal.error(read.warning)
        let sessions = state.withLock { $0.set.sessions() }
        let trained: TrainedModel
        let bar = ProgressBar("training")
        do {
            trained = try Interruption.watched { interruption throws(TrainingError) in
                try Trainer.train(sessions, options: training, keepsDiverged: true) { progress in
                    bar.update(progress)
                    return !interruption.isAsked
                }
            }
        } catch let error {
            bar.finish()
            guard case .notEnough = error else { throw error }
            Terminal.error("Error: \(error)\n")
            throw ExitCode(RetrainExit.notEnoughData.rawValue)
        }
        bar.finish()
        do {
            try Data(trained.model.serialized()).write(to: URL(filePath: output), options: .atomic)
        } catch {
            throw CommandFailure("\(output) cannot be written: \(error)")
        }
        Terminal.out(json ? try JSONOutput.text(trained.report) : trained.report.text)
        switch trained.ending {
        case .finished: break
        case .stopped(let epoch, let batch):
            Terminal.error("Interrupted at epoch \(epoch), batch \(batch): \(output) is the best model so far.\n")
        case .diverged(let epoch, let batch):
            throw CommandFailure(
                "\(TrainingError.diverged(epoch: epoch, batch: batch)); \(output) has the best weights from before it")
        }
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
