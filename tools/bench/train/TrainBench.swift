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
/// turns; figures are medians, ratios medians of the ratios of a turn. Sessions are the simulated shop's.
@main
struct TrainBench {
    static let rounds = 7
    static let batch = 256

    static func main() throws {
        let sessions = simulated(events: 300_000)
        let encoder = Encoder(pages: frequentPages(sessions), products: [:])
        let encoded = EncodedSessions(sessions, encoder: encoder)
        let few = EncodedSessions(Array(sessions.prefix(200)), encoder: encoder)
        let reference = try CommandLine.arguments.dropFirst().first.map {
            try Reference(python: $0, file: write(sessions, encoder))
        }
        defer { reference?.end() }
        print("\(sessions.count) sessions, \(encoded.events) events; batches of \(batch); \(rounds) rounds")
        if let reference { print("reference: \(reference.version)") }

        print("\n| training, events/s | ours | PyTorch eager | ratio | PyTorch compiled | ratio |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for hidden in [32, 64] {
            var lines: [[Double]] = []
            for _ in 0..<rounds {
                let ours = throughput(encoded, few, hidden: hidden, threads: 2, kernels: .fastest)
                lines.append(
                    [ours] + ["eager", "compile"].map { reference?.ask("train \(hidden) \($0)") ?? .nan })
            }
            print(
                "| hidden \(hidden), two threads | \(millions(lines.map { $0[0] }))"
                    + (1...2).map { mode in
                        " | \(millions(lines.map { $0[mode] })) | \(ratio(lines.map { $0[0] / $0[mode] }))"
                    }.joined() + " |")
        }

        print("\n| training, one thread, events/s | C, widest vectors | C, plain | Swift |")
        print("| --- | ---: | ---: | ---: |")
        for hidden in [32, 64] {
            let lines = (0..<3).map { _ in
                [BatchKernels.fastest, .plain, .swift].map {
                    throughput(encoded, few, hidden: hidden, threads: 1, kernels: $0)
                }
            }
            print(
                "| hidden \(hidden) | " + (0..<3).map { at in millions(lines.map { $0[at] }) }.joined(separator: " | ")
                    + " |")
        }

        print("\n| one live step, ns | encode | encode, GRU and calibrate | ONNX Runtime, GRU only | ratio |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for hidden in [32, 64] {
            let model = model(hidden, encoder)
            let lines = (0..<rounds).map { _ in
                [
                    nanoseconds(sessions) { session in session.steps.reduce(0) { $0 + encoder.encode($1).numbers[0] } },
                    nanoseconds(sessions) { session in model.scores(session).reduce(0, +) },
                    reference?.ask("step \(hidden)") ?? .nan,
                ]
            }
            print(
                "| hidden \(hidden) | "
                    + (0..<3).map { at in whole(lines.map { $0[at] }) }.joined(separator: " | ")
                    + " | \(ratio(lines.map { $0[2] / $0[1] })) |")
        }
    }

    /// Two epochs of fitting; what is done once for all epochs is not counted.
    static func throughput(
        _ examples: EncodedSessions, _ validation: EncodedSessions, hidden: Int, threads: Int, kernels: BatchKernels
    ) -> Double {
        var options = TrainingOptions()
        options.hiddenSize = hidden
        options.batch = batch
        options.epochs = 2
        let fitting = Fitting(
            examples, validation: validation, options: options, threads: threads, kernels: kernels)
        let began = ContinuousClock.now
        do {
            _ = try fitting.run(baseRate: 0.02) { _ in true }
        } catch {
            fatalError("\(error)")
        }
        return Double(2 * examples.events) / seconds(since: began)
    }

    static func nanoseconds(_ sessions: [TrainingSession], _ body: (TrainingSession) -> Float) -> Double {
        let some = sessions.prefix(8_000)
        let began = ContinuousClock.now
        var sum: Float = 0
        for session in some { sum += body(session) }
        let elapsed = seconds(since: began)
        precondition(sum.isFinite)
        return elapsed * 1e9 / Double(some.reduce(0) { $0 + $1.steps.count })
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

    static func seconds(since began: ContinuousClock.Instant) -> Double {
        let elapsed = ContinuousClock.now - began
        return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
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
    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    static func millions(_ values: [Double]) -> String {
        median(values).isNaN ? "–" : String(format: "%.2f M", median(values) / 1e6)
    }

    static func whole(_ values: [Double]) -> String {
        median(values).isNaN ? "–" : String(format: "%.0f", median(values))
    }

    /// The median, and the least and the most.
    static func ratio(_ values: [Double]) -> String {
        guard !median(values).isNaN, let least = values.min(), let most = values.max() else { return "–" }
        return String(format: "%.1f (%.1f–%.1f)", median(values), least, most)
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

    /// The figure that a command gives; NaN where it does not work, once with the reason on standard error.
    func ask(_ command: String) -> Double {
        if failures.contains(command) { return .nan }
        commands.fileHandleForWriting.write(Data("\(command)\n".utf8))
        let answer = Self.line(answers)
        if let figure = Double(answer) { return figure }
        failures.insert(command)
        FileHandle.standardError.write(Data("\(command): \(answer)\n".utf8))
        return .nan
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
