import Foundation
import Fuzzing

/// Starts workers, watches them, and goes on behind what they could not get over.
struct Supervisor {
    let executable: String
    let corpus: String
    let seed: UInt64
    let processes: Int
    private var waiting: [(target: FuzzTarget, numbers: Range<Int>)] = []
    private var running: [Running] = []
    private var found = 0
    private let started = ContinuousClock.now

    /// Found in one run, at most.
    private static let maxFound = 20
    /// Inputs that one process reads: what it leaks shows, and little is read again.
    private static let part = 250_000
    private static let patience = Duration.seconds(20)

    private struct Running {
        var target: FuzzTarget
        var numbers: Range<Int>
        var process: Process
        var output: Pipe
        var note: String
        var number = 0
        var since = ContinuousClock.now
    }

    init(executable: String, corpus: String, seed: UInt64, processes: Int) {
        self.executable = executable
        self.corpus = corpus
        self.seed = seed
        self.processes = max(1, processes)
    }

    mutating func add(_ target: FuzzTarget, _ numbers: Range<Int>) {
        for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: Self.part) {
            waiting.append((target, start..<min(numbers.upperBound, start + Self.part)))
        }
    }

    /// - Returns: how many inputs broke something.
    mutating func run() throws -> Int {
        let inputs = waiting.reduce(0) { $0 + $1.numbers.count }
        while !waiting.isEmpty || !running.isEmpty {
            while running.count < processes, !waiting.isEmpty, found < Self.maxFound {
                try start(waiting.removeFirst())
            }
            if found >= Self.maxFound { waiting = [] }
            // Watching is all that this process does.
            Thread.sleep(forTimeInterval: 0.05)
            for index in running.indices.reversed() { look(index) }
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        print("\(inputs) inputs in \(Int(seconds)) s: " + (found == 0 ? "nothing found" : "\(found) found"))
        return found
    }

    private mutating func start(_ work: (target: FuzzTarget, numbers: Range<Int>)) throws {
        let note = FileManager.default.temporaryDirectory.path + "/dinghy-fuzz-" + UUID().uuidString
        try Data(count: 8).write(to: URL(fileURLWithPath: note))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = [
            "--worker", note, "--target", work.target.rawValue, "--seed", "\(seed)", "--from",
            "\(work.numbers.lowerBound)", "--inputs", "\(work.numbers.count)", "--corpus", corpus,
        ]
        // A crash is to end the process, not to be explained for seconds.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        running.append(
            Running(target: work.target, numbers: work.numbers, process: process, output: output, note: note))
    }

    private mutating func look(_ index: Int) {
        let number = FileManager.default.contents(atPath: running[index].note)?.withUnsafeBytes {
            $0.count == 8 ? $0.loadUnaligned(as: Int.self) : 0
        }
        if let number, number != running[index].number {
            running[index].number = number
            running[index].since = .now
        }
        guard !running[index].process.isRunning else {
            if ContinuousClock.now - running[index].since > Self.patience {
                kill(running[index].process.processIdentifier, SIGKILL)
            }
            return
        }
        let ended = running.remove(at: index)
        try? FileManager.default.removeItem(atPath: ended.note)
        if ended.process.terminationReason == .exit, ended.process.terminationStatus == 0 {
            let seconds = Int((ContinuousClock.now - started) / .seconds(1))
            print("\(ended.target.rawValue): \(ended.numbers.count) inputs read (after \(seconds) s)")
            return
        }
        report(ended)
        if ended.number + 1 < ended.numbers.upperBound {
            waiting.append((ended.target, (ended.number + 1)..<ended.numbers.upperBound))
        }
    }

    private mutating func report(_ ended: Running) {
        found += 1
        let said = String(decoding: ended.output.fileHandleForReading.availableData, as: UTF8.self)
        let signal = ended.process.terminationReason == .uncaughtSignal
        let what = signal ? "crashed or hung, signal \(ended.process.terminationStatus)" : said
        let input = FuzzInputs(ended.target, corpus: corpus, seed: seed).input(ended.number)
        print(
            """
            FOUND \(ended.target.rawValue): \(what)
              \(Hex.text(input))
              tools/fuzz --target \(ended.target.rawValue) --seed \(seed) --show \(ended.number)
            """)
    }
}
