public import EventLog
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

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

    /// A port of the loopback address that nobody listens on, below those that the system gives away by itself: so that
    /// nobody takes it while a server is down.
    public static func freePort() throws(EventLogError) -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 20_000..<32_000)
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard socket >= 0 else { break }
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if bound == 0 { return port }
        }
        throw .unusable("no port from 20000 to 31999 is free")
    }
}
