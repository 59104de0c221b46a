import EventLog
import GRDB

extension EventLogError {
    /// What to do about a damaged file.
    static let remedy = "`dinghy verify` shows what is damaged, docs/operations.md what to do about it"

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
        case let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT:
            self = .unusable("\(doing): the file is damaged (\(error)); \(Self.remedy)")
        // A page that is damaged gives columns that cannot be.
        case is RowDecodingError: self = .unusable("\(doing): the file is damaged (\(error)); \(Self.remedy)")
        default:
            self = .failed("\(doing): \(error)")
        }
    }

    /// A row that is not what was written.
    static func wrongChecksum(_ what: String) -> EventLogError {
        .unusable("\(what) is damaged, its checksum does not match; \(remedy)")
    }
}
