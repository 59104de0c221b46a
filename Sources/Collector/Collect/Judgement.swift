import EventLog

/// What became of one event.
enum Verdict: Sendable, Equatable {
    case stored(Location)
    /// On this machine's disk, on its way to the log.
    case spooled
    case duplicate
    /// Not an event; kept with the reason.
    case rejected(String)
    /// Not judged to the end: to be sent again.
    case retry(String)

    init(_ verdict: AppendVerdict) {
        switch verdict {
        case .stored(let location): self = .stored(location)
        case .spooled: self = .spooled
        case .duplicate: self = .duplicate
        }
    }
}

/// What became of a request's events, in their order.
struct Judgement: Sendable {
    struct Entry: Sendable, Equatable {
        /// The element's position in the request; the products of a hit share one.
        var index: Int
        var id: String?
        var verdict: Verdict
    }

    struct Counts: Sendable, Equatable {
        var stored = 0
        var duplicate = 0
        var rejected = 0
        var retry = 0
    }

    /// Of the log: what `stored` stands for.
    let logDurability: Durability
    let entries: [Entry]
    let counts: Counts
    let isAnySpooled: Bool
    /// Set where something is to be sent again.
    let retryAfter_s: Int?

    init(logDurability: Durability, entries: [Entry], retryAfter_s: Int?) {
        self.logDurability = logDurability
        self.entries = entries
        self.retryAfter_s = retryAfter_s
        var counts = Counts()
        for entry in entries {
            switch entry.verdict {
            case .stored, .spooled: counts.stored += 1
            case .duplicate: counts.duplicate += 1
            case .rejected: counts.rejected += 1
            case .retry: counts.retry += 1
            }
        }
        self.counts = counts
        isAnySpooled = entries.contains { $0.verdict == .spooled }
    }

    /// Of the request: of its stored events the weakest, so that it never claims too much.
    var durability: Durability { isAnySpooled ? .spool : logDurability }

    /// Of one event; `nil` where it is not stored.
    func durability(of verdict: Verdict) -> Durability? {
        switch verdict {
        case .stored: logDurability
        case .spooled: .spool
        case .duplicate, .rejected, .retry: nil
        }
    }

    /// Nothing was stored and something could be: the request as a whole is to be sent again.
    var isRefused: Bool { counts.stored == 0 && counts.retry > 0 }
}
