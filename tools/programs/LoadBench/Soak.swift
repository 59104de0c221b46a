import ArgumentParser
import Foundation
import KafkaRig
import NIOCore

/// Long load: whether memory, open files or lag grow.
struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "A simulated shop for many minutes, with retraining squeezed to minutes.",
        discussion: """
            The shop's time runs thirty times as fast as the clock, as a replay, so that its sessions close within a
            minute and the number of open ones stands still; beside it live events come over /collect, twenty a second.
            Slopes are of the last two thirds.

              tools/bench soak --minutes 60 --rate 2000
            """)

    @Option(help: "Minutes.")
    var minutes = 60
    @Option(help: "Events a second.")
    var rate = 2_000
    @Option(help: "Minutes from one retraining to the next.")
    var retrain = 2
    @Option(help: "Directory on the disk to be measured.")
    var directory: String?
    @Flag(help: "Keep the data.")
    var keep = false

    private static let haste = 30
    private static let liveRate = 20.0

    private struct Sample {
        var time: Double
        var resident: Double
        var files: Double
        var pending: Double
        var open: Double
    }

    func run() async throws {
        let shop = try await LoadedShop.start(
            "soak", in: directory,
            arguments: [
                "--set", "retrain.schedule=*/\(retrain) * * * *", "--set", "retrain.max-sessions=20000",
                "--set", "retrain.min-sessions=100", "--set", "retrain.min-buyers=5",
            ])
        let csv = shop.directory + "/shop.csv"
        let pace = Double(rate) - Self.liveRate
        try await Child.need(
            shop.dinghy,
            [
                "simulate", "--events", "\(Int(pace) * (minutes + 1) * 60)", "--seed", "11", "--sessions-per-second",
                "\(pace / Double(Self.haste) / Self.eventsPerSession)",
            ], log: csv)
        let replay = try Child(
            shop.dinghy, ["replay", csv, "--speed", "\(Self.haste)x", "--url", shop.url, "--name", "soak"],
            log: shop.directory + "/replay.log")
        let loop = try OpenLoop(url: shop.url)
        async let probes = loop.run(
            batch: EventBatch(events: 1), rate: Self.liveRate, connections: 4, for: .seconds(minutes * 60), first: 0)
        print(
            "load average \(ProcessFigures.load()), durability fsync, \(rate) events/s for \(minutes) min, retraining "
                + "every \(retrain) min")
        print("| minute | resident MiB | open files | pending | open sessions | champion | models |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        var samples: [Sample] = []
        let started = ContinuousClock.now
        while ContinuousClock.now - started < .seconds(minutes * 60) {
            try await Task.sleep(for: .seconds(2))
            let status = try await shop.status()
            let sample = Sample(
                time: (ContinuousClock.now - started) / .seconds(60),
                resident: Double(ProcessFigures.resident_bytes(shop.pid)) / 1_048_576,
                files: Double(ProcessFigures.openFiles(shop.pid)),
                pending: Double(status.partitions.reduce(0) { $0 + $1.pending }),
                open: Double(status.openSessions))
            samples.append(sample)
            if samples.count % 30 == 0 {
                print(
                    "| \(Int(sample.time.rounded())) | \(Int(sample.resident)) | \(Int(sample.files)) "
                        + "| \(Int(sample.pending)) | \(Int(sample.open)) | \(status.models.champion ?? 0) "
                        + "| \(status.models.count) |")
                fflush(nil)
            }
            if let code = replay.exitCode {
                throw Failure("the replay ended with \(code): \(Server.tail(shop.directory + "/replay.log"))")
            }
        }
        replay.signal(SIGKILL)
        let sent = try await probes
        let late = samples.filter { $0.time > Double(minutes) / 3 }
        print("\n| slope of the last two thirds, an hour | | standard error |\n| --- | ---: | ---: |")
        for (name, value) in [
            ("resident MiB", \Sample.resident), ("open files", \.files), ("pending records", \.pending),
            ("open sessions", \.open),
        ] {
            let (slope, error) = Statistics.slope(late.map { ($0.time / 60, $0[keyPath: value]) })
            print("| \(name) | \(Statistics.rounded(slope)) | \(Statistics.rounded(error)) |")
        }
        let answers = sent.compactMap { one in one.answered.map { $0 - one.due } }
        print(
            "\nlive POST to reply, from due: \(Statistics.percentiles(answers)), \(sent.count) requests, "
                + "\(sent.count { $0.status != 200 }) not 200")
        try await loop.shutdown()
        try await shop.stop(keep: keep)
    }

    /// Of the simulated shop, on average.
    private static let eventsPerSession = 7.09
}
