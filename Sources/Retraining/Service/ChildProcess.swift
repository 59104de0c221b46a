import Dispatch
import Foundation
import Glibc
public import Logging
import Synchronization

/// A process started at low priority, so that retraining takes only what scoring leaves.
///
/// Its output, both streams, goes line by line to a logger. It has a process group of its own: Ctrl-C in a terminal
/// reaches the parent, which then ends it. Should the parent die at once, it ends at its next line of output, or it
/// finishes; either leaves whole models only.
public struct ChildProcess: Sendable {
    /// This program, the very file that runs, also where another version has been installed over it.
    public static let thisExecutable = "/proc/self/exe"
    /// A line beyond this is forwarded in pieces.
    static let maxLineBytes = 8_192

    public var executable: String
    /// Without the program's name.
    public var arguments: [String]
    /// 10 to 19, 19 being the most modest.
    public var niceness: Int32
    /// How long it has after SIGTERM before SIGKILL.
    public var grace: Duration

    public init(
        executable: String = Self.thisExecutable, arguments: [String], niceness: Int32 = 15,
        grace: Duration = .seconds(10)
    ) {
        precondition((10...19).contains(niceness), "ChildProcess.init: niceness is 10 to 19")
        self.executable = executable
        self.arguments = arguments
        self.niceness = niceness
        self.grace = grace
    }

    /// Runs it to its end. Cancellation sends SIGTERM, and SIGKILL after `grace`; the call returns when it has ended.
    ///
    /// - Returns: its exit code; 128 and the signal's number where a signal ended it; 127 where it could not be
    ///   started, which is logged.
    public func run(logger: Logger) async -> Int32 {
        await run {
            logger.info("\($0)")
        } failed: {
            logger.error("\($0)")
        }
    }

    /// As above, with the lines and the reason of a failed start handed to closures, on a thread of their own.
    public func run(
        line: @escaping @Sendable (String) -> Void, failed: @Sendable (String) -> Void
    ) async -> Int32 {
        let child: RunningChild
        let output: Int32
        switch spawn() {
        case .success(let started): (child, output) = started
        case .failure(let refusal):
            failed("cannot start \(executable): \(refusal.reason)")
            return 127
        }
        let grace = grace
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // Reading and waiting block: not on the cooperative pool.
                Thread.detachNewThread {
                    Self.forward(output, line)
                    close(output)
                    continuation.resume(returning: child.wait())
                }
            }
        } onCancel: {
            child.signal(SIGTERM)
            let deadline = DispatchTime.now() + .nanoseconds(Int(grace / .nanoseconds(1)))
            DispatchQueue.global().asyncAfter(deadline: deadline) { child.signal(SIGKILL) }
        }
    }

    private struct Refusal: Error {
        var reason: String
        init(_ code: Int32) { reason = String(cString: strerror(code)) }
    }

    private func spawn() -> Result<(RunningChild, Int32), Refusal> {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return .failure(Refusal(errno)) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)

        // A server ignores or blocks signals that its child must hear, and both are inherited.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        sigfillset(&all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

        let words = [executable] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in argv { free(word) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, executable, &actions, &attributes, &argv, environ)
        guard code == 0 else {
            close(ends[0])
            return .failure(Refusal(code))
        }
        // On Linux niceness belongs to a thread and is inherited by those it starts later; the child's first thread is
        // still loading libraries now. A refusal (it has ended already) changes nothing.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(pid), niceness)
        return .success((RunningChild(pid: pid), ends[0]))
    }

    /// Reads until the other end is closed.
    private static func forward(_ output: Int32, _ line: (String) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        var pending: [UInt8] = []
        func emit(_ bytes: some Sequence<UInt8>) { line(String(decoding: Array(bytes), as: UTF8.self)) }
        while true {
            let count = read(output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            pending.append(contentsOf: buffer[..<count])
            while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                if end > 0 { emit(pending[..<end]) }
                pending.removeSubrange(...end)
            }
            if pending.count > maxLineBytes {
                emit(pending)
                pending.removeAll()
            }
        }
        if !pending.isEmpty { emit(pending) }
    }
}

/// A child that has not been waited for: until then its number belongs to nobody else.
private final class RunningChild: Sendable {
    private let pid: Mutex<pid_t?>
    private let id: pid_t

    init(pid: pid_t) {
        id = pid
        self.pid = Mutex(pid)
    }

    func signal(_ number: Int32) {
        pid.withLock { pid in
            if let pid { kill(pid, number) }
        }
    }

    /// Blocks until it has ended.
    func wait() -> Int32 {
        var info = siginfo_t()
        while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return pid.withLock { pid in
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            pid = nil
            // WIFEXITED and WEXITSTATUS are macros: the low seven bits are the signal, the next byte the exit code.
            let signal = status & 0x7f
            return signal == 0 ? (status >> 8) & 0xff : 128 + signal
        }
    }
}
