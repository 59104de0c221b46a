import Foundation

/// How figures look: tables of medians, with the load of the machine beside them.
public enum Figures {
    /// At once, also into a pipe.
    public static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

    public static func row(_ cells: String...) { say("| " + cells.joined(separator: " | ") + " |") }

    /// Column titles, numbers to the right but for the first column.
    public static func head(_ titles: String...) {
        say("\n| " + titles.joined(separator: " | ") + " |")
        say("| --- |" + titles.dropFirst().map { _ in " ---: |" }.joined())
    }

    public static func median(_ values: [Double]) -> Double {
        values.isEmpty ? .nan : values.sorted()[values.count / 2]
    }

    /// The median, and the least and the most.
    public static func spread(_ values: [Double], _ format: String = "%.2f") -> String {
        guard let least = values.min(), let most = values.max(), !median(values).isNaN else { return "–" }
        return String(format: "\(format) (\(format)–\(format))", median(values), least, most)
    }

    /// A rate as thousands.
    public static func thousands(_ rate: Double) -> String {
        rate.isNaN ? "–" : String(format: rate < 100_000 ? "%.1f k" : "%.0f k", rate / 1_000)
    }

    /// What a figure has to be taken with: who else was on the machine.
    public static var load: String {
        var loads = [0.0, 0.0, 0.0]
        getloadavg(&loads, 3)
        return String(format: "load %.1f on %d processors", loads[0], ProcessInfo.processInfo.activeProcessorCount)
    }
}
