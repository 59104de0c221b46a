import Foundation
import Synchronization
import Testing

/// The program as it was built, run as its users run it.
struct Program {
    /// Stands beside the bundle that holds the tests.
    static let executable: URL = {
        let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let candidates = [bundle] + Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() }
        let found = candidates.map { $0.appending(path: "dinghy") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path()) }
        guard let found else { preconditionFailure("no dinghy beside the tests: looked in \(candidates)") }
        return found
    }()

    struct Result {
        var code: Int32
        var output: String
        var error: String
    }

    /// Runs a command to its end, which comes soon where the task is cancelled.
    @discardableResult
    static func run(
        _ arguments: [String], input: Data? = nil, environment: [String: String] = [:]
    ) async throws -> Result {
        let process = process(arguments, environment: environment)
        let output = Pipe()
        let error = Pipe()
        process.standardOutput = output
        process.standardError = error
        let stdin = Pipe()
        process.standardInput = stdin
        let ending = Ending()
        process.terminationHandler = { _ in ending.finish() }
        try process.run()
        let pid = process.processIdentifier
        async let outputData = readAll(output)
        async let errorData = readAll(error)
        if let input { try? stdin.fileHandleForWriting.write(contentsOf: input) }
        try stdin.fileHandleForWriting.close()
        await withTaskCancellationHandler {
            await ending.wait()
        } onCancel: {
            kill(pid, SIGTERM)
        }
        return Result(
            code: process.terminationStatus, output: String(decoding: await outputData, as: UTF8.self),
            error: String(decoding: await errorData, as: UTF8.self))
    }

    static func process(_ arguments: [String], environment: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        var inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("DINGHY_") }
        inherited.merge(environment) { $1 }
        process.environment = inherited
        return process
    }

    /// Off the cooperative pool: the read blocks.
    private static func readAll(_ pipe: Pipe) async -> Data {
        let handle = pipe.fileHandleForReading
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: (try? handle.readToEnd()) ?? Data()) }
        }
    }
}

/// A directory that is gone after the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "dinghy-test-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: file(name), atomically: true, encoding: .utf8)
        return file(name)
    }
}

/// The end of a process: waited for by one task, to the end even where that is cancelled.
final class Ending: Sendable {
    private let state = Mutex<(isOver: Bool, waiter: CheckedContinuation<Void, Never>?)>((false, nil))

    func finish() {
        let waiter = state.withLock { state in
            state.isOver = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiter = continuation }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }
}
