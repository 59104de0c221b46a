import Foundation

/// `LogProcess` at work on a directory; what it says, line by line.
public final class ChildProcess: Sendable {
    private let process: Process
    private let input: Pipe
    private let output: AsyncStream<UInt8>

    /// - Parameter environment: beside that of the test.
    public init(_ arguments: String..., environment: [String: String] = [:]) throws {
        process = Process()
        let siblings = URL(filePath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()
        process.executableURL = siblings.appending(path: "LogProcess")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        input = Pipe()
        process.standardInput = input
        let pipe = Pipe()
        process.standardOutput = pipe
        let (output, continuation) = AsyncStream.makeStream(of: UInt8.self)
        self.output = output
        try process.run()
        // A thread that waits: with many children, Foundation's `readabilityHandler` now and then loses a pipe that has
        // something to say.
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread {
            while case let data = handle.availableData, !data.isEmpty {
                for byte in data { continuation.yield(byte) }
            }
            continuation.finish()
        }
    }

    deinit { kill() }

    public var pid: Int32 { process.processIdentifier }

    /// The next `count` whole lines, fewer where the process ended; all that come where no count is given.
    public func lines(_ count: Int = .max) async -> [String] {
        var lines: [String] = []
        var line: [UInt8] = []
        guard count > 0 else { return [] }
        for await byte in output {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            lines.append(String(decoding: line, as: UTF8.self))
            line = []
            if lines.count == count { break }
        }
        return lines
    }

    /// Gives it a line to read.
    public func say(_ line: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    public func endInput() throws { try input.fileHandleForWriting.close() }

    /// As a power cut of this process alone; what it has said can still be read.
    public func kill() { if process.isRunning { Foundation.kill(pid, SIGKILL) } }
}
