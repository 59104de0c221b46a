public import ArgumentParser
import Foundation
public import Fuzzing

/// Reads millions of spoilt inputs in processes of their own, and says which of them break a reader.
@main
struct Fuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz",
        abstract: "Feeds spoilt inputs to everything that reads bytes from outside or from disk.",
        discussion: """
              tools/fuzz --inputs 1000000
              tools/fuzz --target csv --seed 7
              tools/fuzz --target csv --seed 7 --show 123

            Exit codes: 0 nothing found, 1 something was, 64 wrong usage.
            """)

    @Option(help: "Inputs for each target.") var inputs = 200_000
    @Option(help: "One target alone: \(FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")).")
    var target: FuzzTarget?
    @Option(help: "Names the inputs, with their numbers.") var seed: UInt64 = 1
    @Option(help: "The first number.") var from = 0
    @Option(help: "The folder of the corpora.") var corpus = "Tests/Corpus"
    @Option(help: "Processes at a time.") var processes = ProcessInfo.processInfo.activeProcessorCount
    @Option(help: "Print the input of one number, as hex, and what is wrong with it.") var show: Int?
    @Option(help: .hidden) var worker: String?

    func run() throws {
        if let worker, let target { return try Worker(note: worker).run(inputs(target), from..<(from + inputs)) }
        if let show {
            guard let target else { throw ValidationError("--show needs a --target") }
            let input = inputs(target).input(show)
            print(Hex.text(input))
            // Said before it is read: it may crash.
            fflush(nil)
            print(target.problem(input) ?? "nothing is wrong with it")
            return
        }
        var supervisor = Supervisor(
            executable: CommandLine.arguments[0], corpus: corpus, seed: seed, processes: processes)
        for target in target.map({ [$0] }) ?? FuzzTarget.allCases { supervisor.add(target, from..<(from + inputs)) }
        let found = try supervisor.run()
        if found > 0 { throw ExitCode(1) }
    }

    private func inputs(_ target: FuzzTarget) -> FuzzInputs { FuzzInputs(target, corpus: corpus, seed: seed) }
}

extension FuzzTarget: ExpressibleByArgument {}

enum Hex {
    static func text(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
