import ArgumentParser
import ChaosChecks
import EventLog
import Foundation
import KafkaRig

struct EmbeddedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embedded",
        abstract: "One server on its own log, killed again and again under load.",
        discussion: """
            Clients post single events and batches, and send a post again, ids and all, when they do not hear what
            became of it; files are replayed, models trained and changed beside it. The server dies by kill -9 at
            random moments and at every named fault point, and is started again. Afterwards what clients were promised
            is compared with the log, and the log, folded once more in a process of its own by a second reading of the
            session rules, with scores, outcomes and positions.

            The seed decides the schedule of kills and what clients send; what meets what still differs a little from
            run to run, as the machine has it.

              tools/chaos embedded
              tools/chaos embedded --kills 20 --seed 7
            """)

    @Option(help: "How often the server is killed.")
    var kills = 200
    @Option(help: "Seed of the schedule and of the clients (default: a new one, printed).")
    var seed: UInt64?
    @Option(help: "Events a second, all clients together.")
    var rate = 1_500
    @Option(help: "Partitions of the log.")
    var partitions = 2
    @Option(help: "No further kill after so many seconds of load.")
    var seconds = 1_200
    @Option(help: "Seconds that everything may take to be scored after the load.")
    var settleSeconds = 180
    @Flag(help: "The report as JSON.")
    var json = false
    @Flag(help: "Keep logs and data directory.")
    var keep = false

    func validate() throws {
        guard (1...10_000).contains(kills) else { throw ValidationError("--kills must be from 1 to 10000") }
        guard (1...20_000).contains(rate) else { throw ValidationError("--rate must be from 1 to 20000") }
        guard (1...64).contains(partitions) else { throw ValidationError("--partitions must be from 1 to 64") }
        // Beyond that a session could be silent for half an hour, and its key stand for two.
        guard (10...1_200).contains(seconds) else { throw ValidationError("--seconds must be from 10 to 1200") }
    }

    func run() async throws {
        Child.endWithThisProgram()
        let seed = seed ?? UInt64.random(in: 1...999_999)
        let report: ChaosReport
        do {
            let directory = try Workbench.directory("chaos")
            note("seed \(seed); everything in \(directory)")
            let settings = EmbeddedRun.Settings(
                kills: kills, seed: seed, rate: rate, partitions: partitions, length: .seconds(seconds),
                settle: .seconds(settleSeconds))
            report = try await EmbeddedRun(settings, directory: directory).run()
            if report.findings.isEmpty, report.settled, !keep {
                try FileManager.default.removeItem(atPath: directory)
            }
        } catch {
            note("the run could not be made: \(error) (seed \(seed))")
            throw ExitCode(2)
        }
        try report.conclude(asJSON: json)
    }
}
