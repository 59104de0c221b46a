import ArgumentParser
import Events
import Foundation
import Intent
import Sessions

/// What one open session weighs: the resident memory of a process that holds many, all of the same length.
struct WeighCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weigh", abstract: "Bytes of an open session.", shouldDisplay: false)

    @Argument var sessions: Int
    @Argument var events: Int

    func run() throws {
        let model = try ShopLog.model()
        var fold = SessionFold()
        var scorer = SessionScorer(model: model)
        let before = Self.resident()
        var offset: Int64 = 0
        for number in 0..<events {
            let time = ShopLog.start + Int64(number) * 60_000
            for session in 0..<sessions {
                let outcome = fold.fold(
                    offset: offset, time: time,
                    entry: .event(ShopLog.event(session: session, number: number, time: time), timeline: .live),
                    scoring: true
                ) { _ in }
                if case .step(let slot) = outcome { _ = scorer.score(slot: slot, of: fold) }
                offset += 1
            }
        }
        precondition(fold.openSessions == sessions, "WeighCommand: \(fold.openSessions) of \(sessions) are open")
        print((Self.resident() - before) / sessions)
    }

    private static func resident() -> Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (pages?.dropFirst().first.flatMap { Int($0) } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
