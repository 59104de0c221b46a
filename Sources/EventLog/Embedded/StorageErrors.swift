import EventLog
import GRDB

extension EventLogError {
    /// What SQLite reported, in the contract's words. `doing` says what was tried on which file.
    init(_ error: any Error, _ doing: String) {
        switch error {
        case let error as EventLogError:
            self = error
        // What GRDB reports of a connection that was closed.
        case let error as DatabaseError where error.resultCode == .SQLITE_MISUSE:
            self = .closed
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
            self = .failed("\(doing): the disk is full; what was acknowledged is safe, free some space to go on")
        default:
            self = .failed("\(doing): \(error)")
        }
    }
}
