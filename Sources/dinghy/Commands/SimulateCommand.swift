import ArgumentParser
import Simulation

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Plays a shop that never was: as CSV, or live against a server.",
        discussion: """
            The seed decides what the shop sells, seed and start decide who comes: the same two give the same events,
            another start the same shop at another time. Without --live, rows of the browsing CSV schema go to standard
            output in time order.

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
    @Option(help: "Weight of those who come to buy: 1 is like a real shop, 10 gives about five times as many buyers.")
    var buyerShare = ShopParameters.standard.buyerShare
    @Flag(help: "Post events to a server as they happen.")
    var live = false
    @Option(help: "Live: events a second.")
    var rate: Double = 20
    @Option(help: "Live: write key of the server (or DINGHY_WRITE_KEY).")
    var writeKey: String?

    func validate() throws {
        guard rate > 0 else { throw ValidationError("--rate must be above 0") }
        guard events ?? 1 > 0 else { throw ValidationError("--events must be above 0") }
        guard start >= 0 else { throw ValidationError("--start must not lie before 1970") }
        try check(buyerShare, within: ShopParameters.buyerShareLimits, "--buyer-share")
        if let sessionsPerSecond {
            try check(sessionsPerSecond, within: ShopParameters.sessionsPerSecondLimits, "--sessions-per-second")
        } else if live {
            let limits = ShopParameters.sessionsPerSecondLimits
            let events = ShopParameters.eventsPerSession
            try check(rate, within: limits.lowerBound * events...limits.upperBound * events, "--rate")
        }
    }

    private func check(_ value: Double, within limits: ClosedRange<Double>, _ option: String) throws {
        guard limits.contains(value) else {
            throw ValidationError("\(option) must be \(limits.lowerBound) to \(limits.upperBound)")
        }
    }

    func run() async throws {
        var parameters = ShopParameters.standard
        parameters.buyerShare = buyerShare
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
