import BenchKit
import Events
import Foundation
import Intent
import Sessions
import Simulation

/// How fast training and scoring are on this machine, beside PyTorch and ONNX Runtime in the same run:
///
///     swift run -c release TrainBench [PYTHON]
///
/// PYTHON is an interpreter with torch, onnx and onnxruntime; without it there are no references. Ours and theirs take
/// turns; figures are medians, ratios the median, the least and the most of a turn's ratio. Where others share the
/// processors, processor time says more than the clock. Sessions are the simulated shop's.
@main
struct TrainBench {
    static let rounds = 5
    static let batch = 256

    static func main() throws {
        let sessions = simulated(events: 300_000)
        let encoder = Encoder(pages: frequentPages(sessions), products: [:])
        let encoded = EncodedSessions(sessions, encoder: encoder)
        let events = Double(encoded.events)
        let reference = try CommandLine.arguments.dropFirst().first.map {
            try Reference(python: $0, file: write(sessions, encoder))
        }
        defer { reference?.end() }
        Figures.say("\(sessions.count) sessions, \(encoded.events) events; batches of \(batch); \(rounds) rounds")
        if let reference { Figures.say("reference: \(reference.version)") }

        Figures.say("\n| training, one thread, events a processor second | C, widest vectors | C, plain | Swift |")
        Figures.say("| --- | ---: | ---: | ---: |")
        for hidden in [32, 64] {
            let lines = (0..<rounds).map { _ in
                [BatchKernels.fastest, .plain, .swift].map {
                    train(encoded, hidden: hidden, threads: 1, kernels: $0)
                }
            }
            Figures.say(
                "| hidden \(hidden) | "
                    + (0..<3).map { millions(lines, $0, events, \.processor) }.joined(separator: " | ") + " |")
        }

        Figures.say(
            "\n| one live step, ns of processor time | encode | encode, GRU and calibrate | ONNX Runtime, GRU only | ratio |"
        )
        Figures.say("| --- | ---: | ---: | ---: | ---: |")
        let some = Array(sessions.prefix(8_000))
        let steps = Double(some.reduce(0) { $0 + $1.steps.count })
        for hidden in [32, 64] {
            let model = model(hidden, encoder)
            let lines = (0..<rounds).map { _ in
                [
                    took { some.reduce(0) { $1.steps.reduce($0) { $0 + encoder.encode($1).numbers[0] } } } / steps,
                    took { some.reduce(0) { model.scores($1).reduce($0, +) } } / steps,
                    (reference?.ask("step \(hidden)") ?? .none) / 3_000,
                ]
            }
            Figures.say(
                "| hidden \(hidden) | "
                    + (0..<3).map { at in whole(lines.map { $0[at].processor * 1e9 }) }.joined(separator: " | ")
                    + " | \(ratio(lines.map { $0[2].processor / $0[1].processor })) |")
        }

        Figures.say("\n| training | | ours | PyTorch eager | ratio | PyTorch compiled | ratio |")
        Figures.say("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
        for (hidden, threads) in [(32, 2), (64, 2), (32, 1), (64, 1)] {
            let lines = (0..<rounds).map { _ in
                [train(encoded, hidden: hidden, threads: threads, kernels: .fastest)]
                    + ["eager", "compile"].map { reference?.ask("train \(hidden) \(threads) \($0)") ?? .none }
            }
            for (name, part) in [("events/s", \Cost.clock), ("events a processor second", \Cost.processor)] {
                Figures.say(
                    "| hidden \(hidden), threads: \(threads) | \(name) | \(millions(lines, 0, events, part))"
                        + (1...2).map { mode in
                            " | \(millions(lines, mode, events, part)) | "
                                + ratio(lines.map { $0[mode][keyPath: part] / $0[0][keyPath: part] })
                        }.joined() + " |")
            }
        }
    }

    /// An epoch of fitting.
    static func train(_ examples: EncodedSessions, hidden: Int, threads: Int, kernels: BatchKernels) -> Cost {
        var options = TrainingOptions()
        options.hiddenSize = hidden
        options.batch = batch
        options.epochs = 1
        // Validation is not what is measured.
        let fitting = Fitting(
            examples, validation: EncodedSessions([], encoder: Encoder(pages: [], products: [:])), options: options,
            threads: threads, kernels: kernels)
        return took {
            do {
                return try fitting.run(baseRate: 0.02) { _ in true }.weights.values[0][0]
            } catch {
                fatalError("\(error)")
            }
        }
    }

    static func took(_ body: () -> Float) -> Cost {
        let before = Cost.now
        precondition(body().isFinite)
        return Cost.now - before
    }

    static func model(_ hidden: Int, _ encoder: Encoder) -> IntentModel {
        var random = RandomSource(seed: 1)
        var options = TrainingOptions()
        options.hiddenSize = hidden
        return IntentModel(
            encoder: encoder,
            weights: Weights(shape: Weights.Shape(hiddenSize: hidden), baseRate: 0.02, random: &random),
            calibration: .identity,
            metadata: ModelMetadata(trainedFrom: 0, trainedThrough: 0, sessions: 0, buyers: 0, options: options))
    }
}

// What is trained on.
extension TrainBench {
    static func simulated(events: Int) -> [TrainingSession] {
        var shop = Shop(seed: 1, start: 1_767_225_600_000)
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

    static func frequentPages(_ sessions: [TrainingSession]) -> [UInt64] {
        var counts: [UInt64: Int] = [:]
        for session in sessions {
            for step in session.steps where step.page != 0 { counts[step.page, default: 0] += 1 }
        }
        return counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(Encoder.maxPages).map(\.key)
    }

    /// The encoded sessions for the reference, which says how it reads them; removed when it ends.
    static func write(_ sessions: [TrainingSession], _ encoder: Encoder) throws -> URL {
        var data = Data()
        func append<Number>(_ number: Number) { withUnsafeBytes(of: number) { data.append(contentsOf: $0) } }
        let inputs = sessions.map { $0.steps.map { encoder.encode($0) } }
        let oneHots = 6
        let numbers = 7
        for number in [
            sessions.count, inputs.reduce(0) { $0 + $1.count }, Encoder.rowCount, oneHots, numbers,
            Encoder.rowCount - numbers,
        ] { append(Int64(number)) }
        for session in sessions { append(Int32(session.steps.count)) }
        for session in sessions { append(UInt8(session.purchased ? 1 : 0)) }
        for input in inputs.joined() { for place in 0..<oneHots { append(input.rows[place]) } }
        for input in inputs.joined() { for place in 0..<numbers { append(input.numbers[place]) } }
        let file = FileManager.default.temporaryDirectory.appending(path: "dinghy-train-bench-\(getpid())")
        try data.write(to: file)
        return file
    }
}

// How figures look.
extension TrainBench {
    /// Events a second.
    static func millions(_ lines: [[Cost]], _ at: Int, _ events: Double, _ part: KeyPath<Cost, Double>) -> String {
        let rate = events / Figures.median(lines.map { $0[at][keyPath: part] })
        return rate.isNaN ? "–" : String(format: "%.2f M", rate / 1e6)
    }

    static func whole(_ values: [Double]) -> String {
        Figures.median(values).isNaN ? "–" : String(format: "%.0f", Figures.median(values))
    }

    /// The median, and the least and the most.
    static func ratio(_ values: [Double]) -> String {
        guard !Figures.median(values).isNaN, let least = values.min(), let most = values.max() else { return "–" }
        return String(format: "%.1f (%.1f–%.1f)", Figures.median(values), least, most)
    }
}

/// tools/reference/gru_torch.py as a process that answers.
final class Reference {
    let version: String
    private let process = Process()
    private let commands = Pipe()
    private let answers = Pipe()
    private let file: URL
    private var failures: Set<String> = []

    init(python: String, file: URL) throws {
        self.file = file
        process.executableURL = URL(filePath: python)
        process.arguments = ["tools/reference/gru_torch.py", file.path()]
        process.standardInput = commands
        process.standardOutput = answers
        try process.run()
        version = Self.line(answers)
    }

    /// What a command cost; `none` where it does not work, once with the reason on standard error.
    func ask(_ command: String) -> Cost {
        if failures.contains(command) { return .none }
        commands.fileHandleForWriting.write(Data("\(command)\n".utf8))
        let answer = Self.line(answers)
        let figures = answer.split(separator: " ").compactMap { Double($0) }
        if figures.count == 2 { return Cost(clock: figures[0], processor: figures[1]) }
        failures.insert(command)
        FileHandle.standardError.write(Data("\(command): \(answer)\n".utf8))
        return .none
    }

    func end() {
        try? commands.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: file)
    }

    private static func line(_ pipe: Pipe) -> String {
        var line = Data()
        while true {
            let byte = pipe.fileHandleForReading.readData(ofLength: 1)
            if byte.isEmpty || byte == Data("\n".utf8) { return String(decoding: line, as: UTF8.self) }
            line += byte
        }
    }
}
