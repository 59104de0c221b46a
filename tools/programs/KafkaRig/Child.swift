public import EventLog
import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A process of our own making, its output in a file. Whatever ends this program by a signal ends it too.
public final class Child: Sendable {
    public let pid: Int32
    private let state = Mutex<(status: Int32?, waiters: [CheckedContinuation<Int32, Never>])>((nil, []))

    private static let living = Mutex<Set<pid_t>>([])

    /// - Parameters:
    ///   - log: where standard output and error go, appended.
    ///   - environment: beside what it inherits; of this program's own settings it inherits none.
    /// - Throws: `.unusable` where it cannot be started.
    public init(
        _ executable: String, _ arguments: [String], log: String, environment: [String: String] = [:]
    ) throws(EventLogError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // What this program ignores, the child must not.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var words = ([executable] + arguments).map { strdup($0) }
        words.append(nil)
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("DINGHY_") }
            .merging(environment) { $1 }.map { strdup("\($0.key)=\($0.value)") }
        variables.append(nil)
        defer { for word in words + variables { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, executable, &actions, &attributes, words, variables)
        guard code == 0 else {
            throw .unusable("\(executable) cannot be started: \(String(cString: strerror(code)))")
        }
        let started = pid
        self.pid = started
        Self.living.withLock { _ = $0.insert(started) }
        Thread.detachNewThread { [self] in
            var status: Int32 = 0
            while waitpid(started, &status, 0) < 0 && errno == EINTR {}
            Self.living.withLock { _ = $0.remove(started) }
            // WIFEXITED and WEXITSTATUS are macros.
            let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
            let waiters = state.withLock { state in
                state.status = code
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume(returning: code) }
        }
    }

    /// `nil` while it runs, else its exit code; 128 and the signal's number where one ended it.
    public var exitCode: Int32? { state.withLock { $0.status } }

    public func signal(_ number: Int32) {
        // Under the lock: a process that has been waited for may have given its number to another.
        Self.living.withLock { if $0.contains(pid) { kill(pid, number) } }
    }

    /// Its exit code, when it has ended.
    @discardableResult
    public func wait() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = state.withLock { state in
                if state.status == nil { state.waiters.append(continuation) }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// SIGTERM; kill -9 where that does not end it in time.
    @discardableResult
    public func stop(within limit: Duration = .seconds(40)) async -> Int32 {
        signal(SIGCONT)
        signal(SIGTERM)
        let killer = Task { [self] in
            try await Task.sleep(for: limit)
            signal(SIGKILL)
        }
        defer { killer.cancel() }
        return await wait()
    }

    /// Runs a command to its end: its exit code and what it wrote.
    public static func run(
        _ executable: String, _ arguments: [String], log: String, environment: [String: String] = [:]
    ) async throws(EventLogError) -> (code: Int32, output: String) {
        try? FileManager.default.removeItem(atPath: log)
        let code = await (try Child(executable, arguments, log: log, environment: environment)).wait()
        return (code, (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }

    /// As `run`, for a program that has to end well.
    ///
    /// - Throws: `.failed`, with the end of its output, where it does not.
    public static func need(_ executable: String, _ arguments: [String], log: String) async throws(EventLogError) {
        try? FileManager.default.removeItem(atPath: log)
        let code = await (try Child(executable, arguments, log: log)).wait()
        guard code == 0 else {
            let name = ([URL(filePath: executable).lastPathComponent] + arguments.prefix(1)).joined(separator: " ")
            throw .failed("\(name) ended with \(code): \(Server.tail(log))")
        }
    }

    /// After this, an interrupted program leaves no process behind.
    public static func endWithThisProgram() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            Glibc.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                living.withLock { for pid in $0 { kill(pid, SIGKILL) } }
                _exit(128 + number)
            }
            source.resume()
            sources.withLock { $0.append(Held(source: source)) }
        }
    }

    /// Kept so that they go on; touched once.
    private struct Held: @unchecked Sendable { let source: any DispatchSourceSignal }  // never used from Swift again
    private static let sources = Mutex<[Held]>([])
}
