import Edge
import EventLog
import Events

/// How a judgement is told: as JSON, or in one line for the pixel's header.
extension Judgement {
    var status: Int { isRefused ? 503 : 200 }

    var headers: [DirectReply.Header] {
        guard isRefused, let retryAfter_s else { return [] }
        return [.init("Retry-After", String(retryAfter_s))]
    }

    /// Counts first, then a verdict for every event in order.
    var json: [UInt8] {
        var head = JSONWriter(reserving: 128)
        head.member("durability", durability.rawValue)
        head.member("stored", counts.stored)
        head.member("duplicate", counts.duplicate)
        head.member("rejected", counts.rejected)
        head.member("retry", counts.retry)
        var bytes = head.finish()
        bytes.reserveCapacity(bytes.count + 96 * entries.count + 16)
        bytes.removeLast()
        bytes.append(contentsOf: #","events":["#.utf8)
        for (number, entry) in entries.enumerated() {
            if number > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: json(entry))
        }
        bytes.append(contentsOf: "]}".utf8)
        return bytes
    }

    /// Each event's own durability stands there where some are spooled; elsewhere the request's is everyone's.
    private func json(_ entry: Entry) -> [UInt8] {
        var object = JSONWriter(reserving: 128)
        object.member("index", entry.index)
        if let id = entry.id { object.member("id", id) }
        switch entry.verdict {
        case .stored(let location):
            object.member("verdict", "stored")
            object.member("partition", location.partition)
            object.member("offset", location.offset)
        case .spooled:
            object.member("verdict", "stored")
        case .duplicate:
            object.member("verdict", "duplicate")
        case .rejected(let reason):
            object.member("verdict", "rejected")
            object.member("reason", reason)
        case .retry(let reason):
            object.member("verdict", "retry")
            object.member("reason", reason)
        }
        if isAnySpooled, let durability = durability(of: entry.verdict) {
            object.member("durability", durability.rawValue)
        }
        return object.finish()
    }

    /// `stored fsync`, `duplicate`, `rejected sku: …`, `retry …`; for a hit of several products each verdict once, with
    /// its number: `2 stored fsync, 1 rejected pr3id: …`.
    var line: String {
        if let only = entries.first, entries.count == 1 { return line(only.verdict) }
        let kinds = [counts.stored, counts.duplicate, counts.rejected, counts.retry]
        return kinds.enumerated().compactMap { kind, count in
            guard count > 0, let first = entries.first(where: { $0.verdict.kind == kind }) else { return nil }
            return "\(count) \(line(first.verdict))"
        }.joined(separator: ", ")
    }

    private func line(_ verdict: Verdict) -> String {
        switch verdict {
        case .stored, .spooled: "stored \(durability.rawValue)"
        case .duplicate: "duplicate"
        case .rejected(let reason): "rejected \(reason)"
        case .retry(let reason): "retry \(reason)"
        }
    }
}

extension Verdict {
    fileprivate var kind: Int {
        switch self {
        case .stored, .spooled: 0
        case .duplicate: 1
        case .rejected: 2
        case .retry: 3
        }
    }
}
