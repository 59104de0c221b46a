import EventLog
import Events
import Intent
import ProgramSettings
import Retraining
import Sessions
import Synchronization

/// The closed sessions of a file, by their beginning, through the same fold and the same rules as a log's.
enum OfflineSessions {
    /// - Parameter truth: of a simulated shop, what every row's posterior is.
    static func read(
        _ file: String, mapping: CSVMapping, settings: Settings, truth: Posteriors? = nil
    ) async throws -> [TrainingSession] {
        let state = Mutex(State(limit: settings.maxSessions, truth: truth))
        let read = try await FileFold.read(
            file, mapping: mapping, logger: settings.logger(), title: "reading"
        ) { record in state.withLock { $0.take(record) } }
        Terminal.error(read.warning)
        return try state.withLock { state in
            if let row = state.unknown {
                throw CommandFailure(
                    "the truth says nothing of row \(row) of \(file): is it the file that was simulated with it?")
            }
            let sessions = state.set.sessions()
            if sessions.count < state.usable {
                Terminal.error(
                    "Only the newest \(Terminal.thousands(sessions.count)) of "
                        + "\(Terminal.thousands(state.usable)) sessions are used: --set retrain.max-sessions=… for more\n"
                )
            }
            return sessions
        }
    }

    private struct State {
        var fold = SessionFold()
        var set: TrainingSet
        let truth: Posteriors?
        /// By slot: the rows of the open session's steps. Empty where there is no truth.
        var rows: [[Int32]] = []
        var unknown: Int?
        /// Sessions that would be kept if there were no limit.
        var usable = 0

        init(limit: Int, truth: Posteriors?) {
            set = TrainingSet(limit: limit)
            self.truth = truth
        }

        mutating func take(_ record: StoredRecord) {
            let entry = try? RecordCoder.decode(record.value)
            var closed: [ClosedSession] = []
            let outcome = fold.fold(offset: record.offset, time: record.time, entry: entry, scoring: false) {
                closed.append($0)
            }
            // Before the record's own step: it may take a slot that has just become free.
            for one in closed {
                set.add(one, posterior: posterior(of: one))
                if one.closing != .muted, !one.session.maskedSteps.isEmpty { usable += 1 }
            }
            guard truth != nil, case .step(let slot) = outcome, case .event(let event, _) = entry else { return }
            while rows.count <= slot { rows.append([]) }
            if fold[slot].steps.count == 1 { rows[slot] = [] }
            rows[slot].append(FileFold.row(of: event))
        }

        private mutating func posterior(of closed: ClosedSession) -> [Float] {
            guard let truth, rows.indices.contains(closed.slot) else { return [] }
            return zip(closed.session.maskedSteps, rows[closed.slot]).map { _, row in
                guard let posterior = truth[row] else {
                    unknown = unknown ?? Int(row)
                    return 0
                }
                return posterior
            }
        }
    }
}
