import ArgumentParser
import Simulation

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Plays a shop that never was: as CSV, or live against a server.",
        discussion: """
            The same seed gives the same shop, event for event. Without --live, rows of the browsing CSV schema go to
            standard output in time order.

              dinghy simulate --events 500000 > shop.csv
              dinghy simulate --live --rate 50

            Exit code: 0 when everything was written or sent, 1 otherwise.
            """)

    @OptionGroup var target: TargetOptions
    @Option(help: "Seed of the shop.")
    var seed: UInt64 = 1
    @Option(help: "How many events (default: 100000 as CSV, endless live).")
    var events: Int?
    @Option(
        help: ArgumentHelp(
            "Time of the first event, milliseconds since the epoch (default: 2026-01-01).", valueName: "ms"))
    var start: Int64 = 1_767_225_600_000
    @Option(help: "New sessions a second of simulated time.")
    var sessionsPerSecond: Double?
    @Flag(help: "Post events to a server as they happen.")
    var live = false
    @Option(help: "Live: events a second.")
    var rate: Double = 20
    @Option(help: "Live: write key of the server (or DINGHY_WRITE_KEY).")
    var writeKey: String?

    func validate() throws {
        guard rate > 0 else { throw ValidationError("--rate must be above 0") }
        guard events ?? 1 > 0 else { throw ValidationError("--events must be above 0") }
    }

    func run() async throws {
        var parameters = ShopParameters.standard
        if let sessionsPerSecond { parameters.sessionsPerSecond = sessionsPerSecond }
        if live {
            let url = try await target.url()
            // As many sessions as make the pace.
            parameters.sessionsPerSecond = sessionsPerSecond ?? rate / ShopParameters.eventsPerSession
            try await LiveShop(
                url: url, writeKey: writeKey, seed: seed, parameters: parameters, rate: rate, limit: events
            ).run()
        } else {
            writeCSV(parameters)
        }
    }

    private func writeCSV(_ parameters: ShopParameters) {
        var shop = Shop(seed: seed, parameters: parameters, start: start)
        let total = events ?? 100_000
        let bar = ProgressBar("simulating")
        var buffer: [UInt8] = Array("\(ShopEvent.csvHeader)\n".utf8)
        for done in 1...total {
            shop.next().writeCSV(into: &buffer)
            if buffer.count > 1 << 16 || done == total {
                Terminal.out(buffer)
                buffer.removeAll(keepingCapacity: true)
                bar.update(done: Int64(done), total: Int64(total), unit: "events")
            }
        }
        bar.finish()
    }
}
