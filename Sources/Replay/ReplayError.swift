public import EventLog
public import Events

/// Why a replay ended before its last row. What was stored up to then stays; the same replay goes on behind it.
public enum ReplayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The input cannot be opened or read.
    case unreadable(file: String, reason: String)
    /// Not even a header.
    case empty(file: String)
    /// The first record is not the header of a browsing CSV.
    case header(file: String, EventError)
    /// Somebody wrote to the file while it was replayed.
    case changed(file: String)
    /// Sorting could not keep its rows.
    case temporary(directory: String, reason: String)
    /// Not a name for a replay.
    case name(String, reason: String)
    /// The log has more rows of that name than the file.
    case otherFile(name: String, lastRow: Int64, rows: Int64)
    /// The log refused.
    case log(EventLogError)
    /// The server refused or cannot be used: what, and what to do about it.
    case server(url: String, reason: String)
    /// Nothing got through for as long as patience lasts.
    case stalled(reason: String, after: Duration)
    case cancelled

    private static let columns =
        "session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url"

    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "cannot read \(file): \(reason)"
        case .empty(let file):
            "\(file) is empty; a CSV with a header line is wanted: \(Self.columns)"
        case .header(let file, let error):
            "\(file) is no browsing CSV: \(error); where it has other words, name them with --map; its columns are "
                + Self.columns
        case .changed(let file):
            "\(file) was written to while it was replayed; replay it again once it is complete, under another name (--name)"
        case .temporary(let directory, let reason):
            "cannot keep rows for sorting in \(directory): \(reason); it must be writable and have about as much room "
                + "as the input takes; choose another one with --temporary-directory"
        case .name(let name, let reason):
            "'\(name)' is no name for a replay: \(reason)"
        case .otherFile(let name, let lastRow, let rows):
            "the log has \(lastRow) rows of replay \(name), but this file has only \(rows): it is another file, give "
                + "it another name with --name"
        case .log(let error):
            error.description
        case .server(let url, let reason):
            "\(url): \(reason)"
        case .stalled(let reason, let time):
            "nothing got through for \(time.components.seconds) s: \(reason); replay the file again to go on"
        case .cancelled:
            "interrupted; replay the file again to go on"
        }
    }
}
