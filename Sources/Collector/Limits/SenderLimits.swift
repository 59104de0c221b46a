import Edge
import Events
import Logging
import Synchronization

/// How many events each sender may send: a rate for each write key, or, where no keys are asked for, for each client
/// address; and a number a day for each key. All are off until they are set.
///
/// The rate counts every event of a readable request, whatever its verdict; the quota counts those that were stored.
/// Days are UTC's. Memory: one place a key, and at most `maxAddresses` addresses; one that falls out begins anew.
public final class SenderLimits: Sendable {
    public struct Settings: Sendable, Equatable {
        /// Events a second of one sender; 0: any.
        public var rate = 0
        /// Events that a sender may send at once; `nil`: ten seconds' worth.
        public var burst: Int?
        /// Stored events a day of one write key; 0: any.
        public var dailyQuota = 0
        /// Where what was used of the quotas is kept over a restart; `nil`: nowhere.
        public var quotaFile: String?
        /// The address of a client stands in `X-Forwarded-For`, written there by a proxy of ours.
        public var trustsForwarded = false

        public init() {}
    }

    /// In the words of the metric.
    enum Reason: String, CaseIterable {
        case keyRate = "key_rate"
        case addressRate = "address_rate"
        case keyQuota = "key_quota"
    }

    enum Sender: Hashable, Sendable {
        case key(Int)
        case address(ClientAddress)
    }

    private struct State {
        /// Senders seen lately, and those seen before them: when the first are too many they take the second's place.
        var recent: [Sender: TokenBucket] = [:]
        var earlier: [Sender: TokenBucket] = [:]
        var quotas: Quotas
    }

    private static let maxAddresses = 65_536

    private let settings: Settings
    private let rate: Double
    private let burst: Double
    private let file: QuotaFile?
    private let now: @Sendable () -> Int64
    private let state: Mutex<State>

    init(_ settings: Settings, keys: [String], now: @escaping @Sendable () -> Int64) {
        self.settings = settings
        self.now = now
        rate = Double(settings.rate)
        burst = Double(settings.burst ?? 10 * settings.rate)
        file = settings.dailyQuota > 0 ? settings.quotaFile.map { QuotaFile(path: $0) } : nil
        var quotas = Quotas(names: keys.map { QuotaFile.name(of: $0) })
        file?.load(into: &quotas)
        state = Mutex(State(quotas: quotas))
    }

    /// Whom a request is counted for; `nil` where nothing is limited.
    func sender(key: Int?, _ head: RequestHead) -> Sender? {
        guard rate > 0 || settings.dailyQuota > 0 else { return nil }
        if let key { return .key(key) }
        if settings.trustsForwarded, let header = head.value("x-forwarded-for"),
            let address = ClientAddress(forwarded: header)
        {
            return .address(address)
        }
        return .address(head.address)
    }

    func refusal(of sender: Sender?) -> (reason: Reason, error: CollectorError)? {
        guard let sender else { return nil }
        let now = now()
        return state.withLock { state in
            if case .key(let key) = sender, settings.dailyQuota > 0,
                state.quotas.used(key, day: Quotas.day(now)) >= settings.dailyQuota
            {
                return (
                    .keyQuota,
                    .limited(
                        "this write key has stored its \(settings.dailyQuota) events of today",
                        retryAfter_s: Quotas.secondsToMidnight(now))
                )
            }
            guard rate > 0 else { return nil }
            var bucket = bucket(sender, &state, now)
            guard let wait_s = bucket.wait_s(rate: rate, burst: burst, now: now) else { return nil }
            let isKey = if case .key = sender { true } else { false }
            return (
                isKey ? .keyRate : .addressRate,
                .limited(
                    "more than \(settings.rate) events a second of this \(isKey ? "write key" : "address")",
                    retryAfter_s: wait_s)
            )
        }
    }

    /// A request has brought so many events.
    func sent(_ count: Int, by sender: Sender?) {
        guard let sender, rate > 0 else { return }
        let now = now()
        state.withLock { state in
            var bucket = bucket(sender, &state, now)
            bucket.pay(count, rate: rate, burst: burst, now: now)
            if state.recent.count >= Self.maxAddresses / 2, state.recent[sender] == nil {
                state.earlier = state.recent
                state.recent = [:]
            }
            state.recent[sender] = bucket
        }
    }

    /// So many of them were stored.
    func stored(_ count: Int, by sender: Sender?) {
        guard case .key(let key) = sender, settings.dailyQuota > 0, count > 0 else { return }
        let day = Quotas.day(now())
        state.withLock { $0.quotas.add(count, key, day: day) }
    }

    private func bucket(_ sender: Sender, _ state: inout State, _ now: Int64) -> TokenBucket {
        state.recent[sender] ?? state.earlier[sender] ?? TokenBucket(burst: burst, now: now)
    }

    /// Writes the quotas down every few seconds until cancelled, and once more then.
    func keep(logger: Logger) async {
        guard let file else { preconditionFailure("SenderLimits.keep: there are no quotas, or no file for them") }
        var last: Quotas?
        var isCancelled = false
        while !isCancelled {
            do { try await Task.sleep(for: .seconds(QuotaFile.interval_s)) } catch { isCancelled = true }
            let quotas = state.withLock { $0.quotas }
            guard quotas != last else { continue }
            do {
                try file.save(quotas)
                last = quotas
            } catch {
                logger.warning("the quotas used today cannot be written to \(file.path): \(error)")
            }
        }
    }
}
