import Edge
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How many files and connections the system lets this process have open.
enum OpenFiles {
    /// What the log, the models and the program itself need beside connections.
    private static let reserve = 128

    /// Raises the limit as far as it goes, and takes no more connections than it leaves room for: a server that has no
    /// descriptor left cannot even refuse.
    static func fitted(_ limits: EdgeLimits, logger: Logger) -> EdgeLimits {
        var limit = rlimit()
        #if canImport(Musl)
            let resource = RLIMIT_NOFILE
        #else
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        guard getrlimit(resource, &limit) == 0 else { return limits }
        let wanted = rlim_t(limits.maxConnections + reserve)
        if limit.rlim_cur < wanted {
            var raised = limit
            raised.rlim_cur = min(wanted, limit.rlim_max)
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        guard limit.rlim_cur < wanted else { return limits }
        var fitted = limits
        fitted.maxConnections = max(1, Int(limit.rlim_cur) - reserve)
        logger.warning(
            "http.max-connections is \(limits.maxConnections), and the system allows \(limit.rlim_cur) open files: \(fitted.maxConnections) connections are taken (ulimit -n)"
        )
        return fitted
    }
}
