import ChaosChecks
import EventLog
import Foundation
import KafkaRig
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The server of a run, started and killed round by round. It always listens on the same port, as behind a supervisor.
struct Victim {
    let workplace: Workplace
    let port: Int

    /// How a round ended.
    enum End: Equatable {
        case killed
        /// Asked to stop, it was done before the kill.
        case stopped
        case diedAt(FaultPoint)
        /// It did not come to its fault point in time.
        case missed(FaultPoint)
        /// Nobody killed it.
        case byItself(code: Int32)
    }

    var url: String { "http://127.0.0.1:\(port)" }
    private var log: String { workplace.log("server") }

    /// How long a server may take to come to a fault point, under load; it folds again at its
    /// start alone, and removes what is old then, too.
    private static func limit(_ point: FaultPoint) -> Duration {
        [.refold, .retention].contains(point) ? .seconds(10) : .seconds(30)
    }

    /// One life of the server.
    func live(_ round: KillPlan.Round) async throws -> End {
        let child = try Child(
            workplace.dinghy, ["serve", "--port", "\(port)", "--config", workplace.config], log: log,
            environment: round.fault.map { [FaultPoint.variable: $0.description] } ?? [:])
        let wasKilled = Mutex(false)
        let killer = Task {
            switch round.deed {
            case .anywhere(let after): try await Task.sleep(for: after)
            case .stopping(let after, let patience):
                try await Task.sleep(for: after)
                child.signal(SIGTERM)
                try await Task.sleep(for: patience)
            case .at(let fault): try await Task.sleep(for: Self.limit(fault.point))
            }
            wasKilled.withLock { $0 = true }
            child.signal(SIGKILL)
        }
        let code = await child.wait()
        killer.cancel()
        switch (round.deed, code) {
        case (.at(let fault), 128 + SIGKILL):
            return wasKilled.withLock { $0 } ? .missed(fault.point) : .diedAt(fault.point)
        case (_, 128 + SIGKILL): return .killed
        // SIGTERM itself ends a process that does not listen for it yet.
        case (.stopping, 0), (.stopping, 128 + SIGTERM): return .stopped
        default: return .byItself(code: code)
        }
    }

    /// The life after the last: nobody kills it.
    ///
    /// - Parameter data: another directory than that of the run.
    func start(data: String? = nil) async throws -> Server {
        try await Server.start(
            dinghy: workplace.dinghy, arguments: ["--config", workplace.config] + (data.map { ["--data", $0] } ?? []),
            log: log, port: port)
    }

    /// A server killed while it makes its directory; the next one must find that usable.
    ///
    /// - Returns: what went wrong.
    func bear(_ data: String, killedAfter time: Duration) async throws -> String? {
        let child = try Child(
            workplace.dinghy, ["serve", "--port", "\(port)", "--config", workplace.config, "--data", data], log: log)
        try await Task.sleep(for: time)
        child.signal(SIGKILL)
        await child.wait()
        let server: Server
        do { server = try await start(data: data) } catch {
            return "a directory whose making was killed after \(time) cannot be served: \(error)"
        }
        let code = await server.child.stop()
        return code == 0 ? nil : "the server of a directory whose making was killed after \(time) ended with \(code)"
    }

    var lastWords: String { Server.tail(log) }
}
