import EventLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Why the spool's disk did not do what it should.
enum SpoolFailure: Error, Equatable {
    /// No room left on the disk.
    case full(String)
    case failed(String)

    /// What `errno` says of it.
    init(_ doing: String) {
        let reason = "\(doing): \(String(cString: strerror(errno)))"
        self = [ENOSPC, EDQUOT, EFBIG].contains(errno) ? .full(reason) : .failed(reason)
    }

    var reason: String {
        switch self {
        case .full(let reason), .failed(let reason): reason
        }
    }

    /// What whoever appends is told.
    var refusal: EventLogError {
        switch self {
        case .full: .overloaded(retryAfter_s: 5)
        case .failed(let reason): .failed(reason)
        }
    }
}
