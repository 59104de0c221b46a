import Foundation

/// What every program here needs of the place it was built in.
public enum Workbench {
    /// The program `dinghy` that was built beside this one, or the one that `DINGHY` names.
    public static func dinghy() -> String {
        ProcessInfo.processInfo.environment["DINGHY"]
            ?? URL(filePath: program()).deletingLastPathComponent().appending(path: "dinghy").path()
    }

    /// This program.
    public static func program() -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    /// A new directory for a run.
    public static func directory(_ name: String) throws -> String {
        let path =
            FileManager.default.temporaryDirectory.path + "/dinghy-\(name)-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// A prefix for topics that nobody else has.
    public static func prefix(_ name: String) -> String { "dinghy-\(name)-\(UUID().uuidString.prefix(8).lowercased())" }
}
