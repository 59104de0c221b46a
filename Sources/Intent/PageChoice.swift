import Sessions

/// Which pages and sections a model knows by themselves: half of them the most frequent, half those of the rest that tell
/// most about a purchase.
///
/// How much one tells is the log-likelihood, in nats, that its own share of buying sessions gains over that of what it
/// stands for otherwise: its section, or all sessions where it has none. Shares are smoothed, so that a few sessions tell
/// little. Memory is bounded as in `ProductStatistics`.
enum PageChoice {
    private struct Count {
        /// Of the section, 0 where there is none.
        var parent: UInt64 = 0
        var events = 0.0
        var sessions = 0.0
        var buyers = 0.0
    }

    /// Pages counted at a time.
    private static let maxCounted = 400_000
    /// Sessions' worth of the share that a page has otherwise.
    private static let smoothing = 50.0

    /// - Returns: hashes, at most `limit`.
    static func of(_ sessions: [TrainingSession], limit: Int) -> [UInt64] {
        var counts: [UInt64: Count] = [:]
        for session in sessions {
            var seen: [UInt64: Count] = [:]
            for step in session.steps where step.page != 0 {
                seen[step.page, default: Count(parent: step.section)].events += 1
                if step.section != 0 { seen[step.section, default: Count()].events += 1 }
            }
            for (page, count) in seen {
                counts[page, default: Count(parent: count.parent)].events += count.events
                counts[page, default: Count()].sessions += 1
                if session.purchased { counts[page, default: Count()].buyers += 1 }
            }
            if counts.count > maxCounted { forgetHalf(&counts) }
        }
        let frequent = counts.sorted { ($0.value.events, $1.key) > ($1.value.events, $0.key) }.map(\.key)
        var chosen = Array(frequent.prefix(limit - limit / 2))
        let base = Double(sessions.count { $0.purchased } + 1) / Double(sessions.count + 2)
        let telling = frequent.dropFirst(chosen.count).compactMap { page -> (page: UInt64, gain: Double)? in
            guard let count = counts[page] else { return nil }
            let other = counts[count.parent].map { share($0, otherwise: base) } ?? base
            return (page, gain(count, otherwise: other))
        }
        chosen += telling.sorted { ($0.gain, $1.page) > ($1.gain, $0.page) }.prefix(limit - chosen.count).map(\.page)
        return chosen
    }

    private static func share(_ count: Count, otherwise share: Double) -> Double {
        (count.buyers + smoothing * share) / (count.sessions + smoothing)
    }

    private static func gain(_ count: Count, otherwise: Double) -> Double {
        let own = share(count, otherwise: otherwise)
        func term(_ own: Double, _ other: Double) -> Double {
            own > 0 && other > 0 ? own * (PortableMath.log(own) - PortableMath.log(other)) : 0
        }
        return count.sessions * (term(own, otherwise) + term(1 - own, 1 - otherwise))
    }

    private static func forgetHalf(_ counts: inout [UInt64: Count]) {
        let rare = counts.sorted { ($0.value.events, $0.key) < ($1.value.events, $1.key) }.prefix(counts.count / 2)
        for (page, _) in rare { counts[page] = nil }
    }
}
