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
        case diedAt(FaultPoint)
        /// It did not come to its fault point in time.
        case missed(FaultPoint)
        /// Nobody killed it.
        case byItself(code: Int32)
    }

    var url: String { "http://127.0.0.1:\(port)" }
    private var log: String { workplace.log("server") }

    /// How long a server may take to come to a fault point. A checkpoint comes when the WAL has grown by its pages.
    private static func limit(_ point: FaultPoint) -> Duration {
        point == .checkpoint ? .seconds(20) : .seconds(5)
    }

    /// One life of the server.
    func live(_ round: KillPlan.Round) async throws -> End {
        let limit: Duration
        var environment: [String: String] = [:]
        switch round.deed {
        case .anywhere(let after): limit = after
        case .at(let fault):
            limit = Self.limit(fault.point)
            environment[FaultPoint.variable] = fault.description
        }
        let child = try Child(
            workplace.dinghy, ["serve", "--port", "\(port)", "--config", workplace.config], log: log,
            environment: environment)
        let wasInTime = Mutex(true)
        let killer = Task {
            try await Task.sleep(for: limit)
            wasInTime.withLock { $0 = false }
            child.signal(SIGKILL)
        }
        let code = await child.wait()
        killer.cancel()
        guard code == 128 + SIGKILL else { return .byItself(code: code) }
        guard case .at(let fault) = round.deed else { return .killed }
        return wasInTime.withLock { $0 } ? .diedAt(fault.point) : .missed(fault.point)
    }

    /// The life after the last: nobody kills it.
    func start() async throws -> Server {
        try await Server.start(
            dinghy: workplace.dinghy, arguments: ["--config", workplace.config], log: log, port: port)
    }

    var lastWords: String { Server.tail(log) }
}
