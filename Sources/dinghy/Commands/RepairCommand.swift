import ArgumentParser
import EmbeddedLog
import EventLog
import ProgramSettings
import Scoring
import Sessions

struct RepairCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Cuts off the end of a damaged log, so that it can be served again.",
        discussion: """
            Of every partition everything stays up to the first record that is damaged or missing; what comes behind it
            goes, with its scores and outcomes, and the position is worked out again. Without --yes it only says what that
            would be. The old files stay beside the new ones as NAME.damaged. The server must be stopped.

            A copy from before the damage, if there is one, is better than this.

              dinghy verify
              dinghy repair --truncate-tail
              dinghy repair --truncate-tail --yes

            Exit code: 0 when there is nothing to repair or it is done, 3 when there is and --yes was not given, 1 when it
            cannot be repaired.
            """)

    @OptionGroup var options: SettingsOptions
    @Flag(help: "Cut off what is damaged and everything behind it.")
    var truncateTail = false
    @Flag(help: "Do it, instead of saying what would be done.")
    var yes = false
    @Flag(help: "As JSON.")
    var json = false

    func validate() throws {
        if !truncateTail { throw ValidationError("say what may be done: --truncate-tail is the only repair there is") }
    }

    func run() async throws {
        let settings = try await options.settings()
        guard settings.logKind == .embedded else {
            throw CommandFailure("the log is Kafka's: there is nothing to repair")
        }
        let bar = ProgressBar("looking")
        let repair = try await TailRepair(settings.data) { bar.update(done: $0, total: $1, unit: "records") }
        bar.finish()
        let plan: RepairPlan
        do {
            plan = try await RepairPlan(repair)
            if yes, !plan.isEmpty { try await plan.apply(repair) }
            await repair.close()
        } catch {
            await repair.close()
            throw error
        }
        Terminal.out(json ? try JSONOutput.text(plan.report(done: yes)) : plan.text(done: yes, data: settings.data))
        if !plan.isEmpty, !yes { throw ExitCode(3) }
    }
}

/// What a repair drops of every partition, and where it leaves scoring.
struct RepairPlan {
    struct Partition: Encodable {
        var cut: TailRepair.Cut
        /// Up to where records were scored, and will have been; `nil`: nothing was, or nothing that can be told.
        var scoredTo: Int64?
        var scoredToAfterwards: Int64?
        /// Records that are dropped with it.
        var droppedScores: Int64 = 0
        var droppedOutcomes: Int64 = 0
    }

    struct Report: Encodable {
        var done: Bool
        var partitions: [Partition]
    }

    private(set) var partitions: [Partition] = []
    private var kept: [TailRepair.KeptOutputs] = []
    private var outputsChange = false

    init(_ repair: TailRepair) async throws {
        let bar = ProgressBar("folding")
        outputsChange = repair.outputsAreDamaged
        for cut in repair.cuts {
            let committed = try? await repair.outputs.position(partition: cut.partition)
                .map { try Position(decoding: $0) }
            let scores = try await repair.outputs.bounds(.scores, partition: cut.partition)
            let outcomes = try await repair.outputs.bounds(.outcomes, partition: cut.partition)
            // What is known to be scored: up to the position, but no further than the last sound output of a damaged
            // stream.
            let last = try await EarlierPosition.lastOffset(repair.outputs, partition: cut.partition)
            var next = committed?.next ?? last.map { $0 + 1 } ?? 0
            let damaged = repair.damagedOutputs[cut.partition]
            for stream in damaged {
                let last = try await EarlierPosition.lastOffset(
                    repair.outputs, partition: cut.partition, in: [stream])
                next = min(next, last.map { $0 + 1 } ?? 0)
            }
            next = min(next, cut.end)
            var partition = Partition(cut: cut, scoredTo: committed?.next)
            if next == committed?.next, damaged.isEmpty {
                partition.scoredToAfterwards = next
                kept.append(
                    TailRepair.KeptOutputs(
                        scoresEnd: scores.upperBound, outcomesEnd: outcomes.upperBound,
                        position: committed.map { ($0.next, $0.lowWaterOffset, $0.encoded()) }))
            } else if next > cut.start {
                outputsChange = true
                let earlier = try await EarlierPosition(
                    cut.partition, at: next, start: max(committed?.start ?? 0, cut.start), events: repair.log,
                    outputs: repair.outputs
                ) { bar.update(done: $0, total: $1, unit: "records") }
                partition.scoredToAfterwards = next
                partition.droppedScores = scores.upperBound - earlier.scoresEnd
                partition.droppedOutcomes = outcomes.upperBound - earlier.outcomesEnd
                let position = earlier.position
                kept.append(
                    TailRepair.KeptOutputs(
                        scoresEnd: earlier.scoresEnd, outcomesEnd: earlier.outcomesEnd,
                        position: (position.next, position.lowWaterOffset, position.encoded())))
            } else {
                if committed != nil || !scores.isEmpty || !outcomes.isEmpty { outputsChange = true }
                partition.droppedScores = Int64(scores.count)
                partition.droppedOutcomes = Int64(outcomes.count)
                kept.append(
                    TailRepair.KeptOutputs(
                        scoresEnd: scores.lowerBound, outcomesEnd: outcomes.lowerBound, position: nil))
            }
            partitions.append(partition)
        }
        bar.finish()
    }

    /// Nothing is damaged, and the outputs fit the log.
    var isEmpty: Bool { !outputsChange && partitions.allSatisfy { $0.cut.reason == nil } }

    func apply(_ repair: TailRepair) async throws { try await repair.apply(outputsChange ? kept : nil) }

    func report(done: Bool) -> Report { Report(done: done && !isEmpty, partitions: partitions) }

    func text(done: Bool, data: String) -> String {
        if isEmpty { return Terminal.colour("there is nothing to repair\n", .green) }
        var text = ""
        for partition in partitions { text += self.text(partition) }
        return text
            + (done
                ? Terminal.colour("done; the old files stay as \(data)/*.damaged until you remove them\n", .green)
                    + "now run `dinghy verify`, then `dinghy serve`\n"
                : Terminal.colour("nothing was changed: say --yes to do it\n", .yellow))
    }

    private func text(_ partition: Partition) -> String {
        let cut = partition.cut
        var text = ""
        let name = "partition \(cut.partition)"
        if let reason = cut.reason {
            let lost =
                cut.lostEnd.map { "offsets \(cut.end) to \($0 - 1), \(Terminal.thousands($0 - cut.end)) records" }
                ?? "everything from offset \(cut.end) on, nobody can tell how many records"
            text += "\(name) loses \(lost): \(reason)\n"
            if cut.readable > 0 {
                let sessions = cut.sessions.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                text += "  \(Terminal.thousands(cut.readable)) of them can still be read, of sessions "
                text += sessions.prefix(10).map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
                if sessions.count > 10 { text += " and \(sessions.count - 10) more, see --json" }
                text += "\n"
            }
            for (timeline, count) in cut.timelines.sorted(by: { $0.key < $1.key }) where timeline != "live" {
                text +=
                    "  \(Terminal.thousands(count)) of them are rows of replay \(timeline), whose mark stays: they do not "
                    + "come again by themselves, replay the file under another name into a new directory\n"
            }
        }
        if partition.droppedScores > 0 || partition.droppedOutcomes > 0
            || partition.scoredTo != partition.scoredToAfterwards
        {
            let before = partition.scoredTo.map { "\($0)" } ?? "an unknown offset"
            text +=
                "\(name) was scored up to \(before), afterwards up to \(partition.scoredToAfterwards ?? cut.start): "
                + "\(Terminal.thousands(partition.droppedScores)) scores and "
                + "\(Terminal.thousands(partition.droppedOutcomes)) outcomes go, what is kept of the log is scored again "
                + "from there\n"
        }
        return text
    }
}
