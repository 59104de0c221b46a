import ArgumentParser
import Foundation

/// What a run did and what it showed.
struct ChaosReport: Codable {
    var seed: UInt64
    /// What kind of log it was, and where.
    var log: String
    var settled: Bool
    /// What has been proved, and what nothing is said about.
    var claimed: [String]
    var notClaimed: [String]
    var findings: [String]
    /// What was remarkable without breaking a promise.
    var notes: [String]
    /// How often what was done.
    var deeds: [String: Int]
    var counts: [String: Int]

    /// Prints it, and ends with the exit code that it comes to.
    func conclude(asJSON: Bool) throws {
        print(asJSON ? json() : text(), terminator: "")
        if !findings.isEmpty { throw ExitCode(1) }
        if !settled { throw ExitCode(3) }
    }

    private func json() -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("ChaosReport.json: texts and numbers") }
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    private func text() -> String {
        func list(_ values: [String: Int]) -> String {
            values.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        }
        var text = "seed \(seed) on \(log)\n"
        text += "did: \(list(deeds))\n"
        text += "saw: \(list(counts))\n"
        for note in notes.prefix(20) { text += "note: \(note)\n" }
        if !settled { text += "NOT SETTLED: not everything was stored and scored in time\n" }
        for finding in findings.prefix(40) { text += "BROKEN: \(finding)\n" }
        if findings.count > 40 { text += "… and \(findings.count - 40) more\n" }
        if findings.isEmpty, settled { for claim in claimed { text += "proved: \(claim)\n" } }
        for claim in notClaimed { text += "NOT CLAIMED: \(claim)\n" }
        return text
            + (findings.isEmpty ? settled ? "nothing broken\n" : "nothing proved\n" : "\(findings.count) broken\n")
    }
}
