import ArgumentParser
import Simulation
import SystemPackage

struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Plays a shop that never was: as CSV, or live against a server.",
        discussion: """
            The seed decides what the shop sells, seed and start decide who comes: the same two give the same events,
            another start the same shop at another time. Without --live, rows of the browsing CSV schema go to standard
            output in time order. --truth writes beside them the exact probability of a purchase later in the session,
            after every event before its first purchase: a CSV with the columns id (the row of the shop's CSV, from 1)
            and posterior.

              dinghy simulate --events 500000 > shop.csv
              dinghy simulate --sessions 1000000 --truth truth.csv > shop.csv
              dinghy simulate --live --rate 50

            Exit code: 0 when everything was written or sent, 1 otherwise.
            """)

    @OptionGroup var target: TargetOptions
    @Option(help: "Seed of the shop.")
    var seed: UInt64 = 1
    @Option(
        help: """
            How many events (default: 100000 as CSV, endless live). With --truth nobody enters after them, and the rows
            of those inside follow.
            """)
    var events: Int?
    @Option(help: "How many sessions, each to its end, instead of --events.")
    var sessions: Int?
    @Option(help: ArgumentHelp("Where the exact probabilities go.", valueName: "file"))
    var truth: String?
    @Option(
        help: ArgumentHelp(
            "Time of the first event, milliseconds since the epoch (default: 2026-01-01).", valueName: "ms"))
    var start: Int64 = 1_767_225_600_000
    @Option(help: "New sessions a second of simulated time.")
    var sessionsPerSecond: Double?
    @Option(help: "Weight of those who come to buy: 1 is like a real shop, 10 gives about five times as many buyers.")
    var buyerShare = ShopParameters.standard.buyerShare
    @Option(help: "Factor on the weight of those who come to buy, reached after 30 days.")
    var drift = ShopParameters.standard.drift
    @Option(help: "Factor on the arrivals of Friday evenings, when twice as many come to buy.")
    var rush = ShopParameters.standard.rush
    @Option(help: "Share of sessions that are programs reading the catalogue.")
    var bots = ShopParameters.standard.bots
    @Flag(help: "Post events to a server as they happen.")
    var live = false
    @Option(help: "Live: events a second.")
    var rate: Double = 20
    @Option(help: "Live: write key of the server (or DINGHY_WRITE_KEY).")
    var writeKey: String?

    func validate() throws {
        guard rate > 0 else { throw ValidationError("--rate must be above 0") }
        guard events ?? 1 > 0 else { throw ValidationError("--events must be above 0") }
        guard sessions ?? 1 > 0 else { throw ValidationError("--sessions must be above 0") }
        guard sessions == nil || events == nil else { throw ValidationError("give --events or --sessions, not both") }
        guard !live || (truth == nil && sessions == nil) else {
            throw ValidationError("--truth and --sessions are for CSV, not for --live")
        }
        guard start >= 0 else { throw ValidationError("--start must not lie before 1970") }
        try check(buyerShare, within: ShopParameters.buyerShareLimits, "--buyer-share")
        try check(drift, within: ShopParameters.driftLimits, "--drift")
        try check(rush, within: ShopParameters.rushLimits, "--rush")
        try check(bots, within: ShopParameters.botLimits, "--bots")
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
        parameters.drift = drift
        parameters.rush = rush
        parameters.bots = bots
        if let sessionsPerSecond { parameters.sessionsPerSecond = sessionsPerSecond }
        if live {
            let url = target.url(try await target.options.settings())
            // As many sessions as make the pace.
            parameters.sessionsPerSecond = sessionsPerSecond ?? rate / ShopParameters.eventsPerSession
            try await LiveShop(
                url: url, writeKey: writeKey, seed: seed, parameters: parameters, rate: rate, limit: events
            ).run()
        } else {
            try writeCSV(Shop(seed: seed, parameters: parameters, start: start))
        }
    }

    private func writeCSV(_ opened: Shop) throws {
        var shop = opened
        var truthFile = try truth.map { try TruthFile($0, of: opened) }
        let total = events ?? sessions ?? 100_000
        var limit = sessions ?? .max
        var row = 0
        let bar = ProgressBar("simulating")
        var buffer: [UInt8] = Array("\(ShopEvent.csvHeader)\n".utf8)
        while let event = shop.next(sessions: limit) {
            row += 1
            event.writeCSV(into: &buffer)
            try truthFile?.add(event, row: row)
            if buffer.count > 1 << 16 {
                Terminal.out(buffer)
                buffer.removeAll(keepingCapacity: true)
                let done = sessions == nil ? row : shop.sessionsBegun
                bar.update(done: Int64(done), total: Int64(total), unit: sessions == nil ? "events" : "sessions")
            }
            guard sessions == nil, row == total else { continue }
            if truthFile == nil { break }
            // A session cut by the file's end would be no purchase to its reader, but one to come to the truth.
            limit = shop.sessionsBegun
        }
        Terminal.out(buffer)
        try truthFile?.finish()
        bar.finish()
    }
}

/// The truth's rows on their way to a file.
private struct TruthFile {
    private let path: String
    private let descriptor: FileDescriptor
    private var truth: Truth
    private var buffer = Array("\(Truth.csvHeader)\n".utf8)

    init(_ path: String, of shop: Shop) throws {
        self.path = path
        truth = Truth(shop)
        do {
            descriptor = try FileDescriptor.open(
                FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec],
                permissions: [
                    .ownerReadWrite, .groupRead, .otherRead,
                ])
        } catch {
            throw CommandFailure("cannot write \(path): \(error)")
        }
    }

    mutating func add(_ event: ShopEvent, row: Int) throws {
        guard let probability = truth.observe(event) else { return }
        Truth.writeRow(row, probability, into: &buffer)
        if buffer.count > 1 << 16 { try write() }
    }

    mutating func finish() throws {
        try write()
        do { try descriptor.close() } catch { throw CommandFailure("cannot write \(path): \(error)") }
    }

    private mutating func write() throws {
        do { try descriptor.writeAll(buffer) } catch { throw CommandFailure("cannot write \(path): \(error)") }
        buffer.removeAll(keepingCapacity: true)
    }
}
