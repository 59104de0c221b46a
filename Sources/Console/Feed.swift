public import EventLog
import Events
public import Logging
import Metrics
public import ServiceLifecycle
import Synchronization

/// Follows scores and outcomes over all partitions and hands them to whoever watches. Lives from these records alone.
///
/// At first it reads the recent past for session look-ups; clients see only what comes after it.
public final class Feed: Service {
    public struct Settings: Sendable {
        /// Messages a client may lag behind before it loses the oldest.
        public var clientLimit = 4_096
        /// Clients at a time; a further one is refused.
        public var maxClients = 256
        /// Records kept for session look-ups.
        public var recentRecords = 100_000
        /// Pause before a read that failed is tried again.
        public var retryDelay: Duration = .seconds(1)
        /// How often a client gets a sign of life: proxies keep the connection, and its id moves on.
        public var signInterval: Duration = .seconds(15)

        public init() {}
    }

    private struct State {
        var position: FeedPosition
        /// Streams of partitions whose recent past is still to be read.
        var starting: Int
        var recent: RecentSessions
        var clients = 0
        var subscriptions: [Int: Subscription] = [:]
        var nextSubscription = 0
        var ended = false
    }

    let outputs: any OutputLog
    let settings: Settings
    private let logger: Logger
    private let state: Mutex<State>
    private let unreadable = Counter(label: "dinghy_feed_unreadable_total")
    private let dropped = Counter(label: "dinghy_feed_dropped_total")
    private let clientsGauge = Gauge(label: "dinghy_feed_clients")

    public init(outputs: any OutputLog, settings: Settings = Settings(), logger: Logger) {
        self.outputs = outputs
        self.settings = settings
        self.logger = logger
        state = Mutex(
            State(
                position: FeedPosition(partitionCount: outputs.partitionCount),
                starting: outputs.partitionCount * OutputStream.allCases.count,
                recent: RecentSessions(limit: settings.recentRecords)))
    }

    /// Whether the recent past has been read.
    public var isStarted: Bool { state.withLock { $0.starting == 0 } }

    /// Up to where records have been handed out; of meaning once the feed is started.
    package var position: FeedPosition { state.withLock { $0.position } }

    public var clientCount: Int { state.withLock { $0.clients } }

    // MARK: Following the outputs

    /// Runs until the task is cancelled or shut down.
    ///
    /// - Throws: `EventLogError` where the outputs are closed or unusable; a read that fails is tried again.
    public func run() async throws {
        defer { endClients() }
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for partition in 0..<outputs.partitionCount {
                    for stream in OutputStream.allCases {
                        group.addTask { try await self.follow(stream, partition: partition) }
                    }
                }
                group.addTask { await self.nudgeClients() }
                defer { group.cancelAll() }
                try await group.next()
            }
        } onGracefulShutdown: {
            self.endClients()
        }
    }

    private func follow(_ stream: OutputStream, partition: Int) async throws {
        var followed = Followed(stream: stream, partition: partition)
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do throws(EventLogError) {
                try await follow(&followed)
            } catch {
                if Task.isCancelled { return }
                guard case .failed(let reason) = error else { throw error }
                logger.warning("\(stream.rawValue) of partition \(partition), reading again: \(reason)")
                let delay = settings.retryDelay
                try? await cancelWhenGracefulShutdown { try await Task.sleep(for: delay) }
            }
        }
    }

    /// How far one partition of a stream was followed.
    private struct Followed {
        let stream: OutputStream
        let partition: Int
        /// The next output offset; `nil` before the first look.
        var next: Int64?
        /// What lies before it is the recent past.
        var liveFrom: Int64 = 0
        var isStarted = false
    }

    private func follow(_ followed: inout Followed) async throws(EventLogError) {
        let (stream, partition) = (followed.stream, followed.partition)
        if followed.next == nil {
            let bounds = try await outputs.bounds(stream, partition: partition)
            // Enough of the past to answer look-ups after a restart, no more.
            let share = Int64(settings.recentRecords / (2 * outputs.partitionCount))
            followed.next = max(bounds.lowerBound, bounds.upperBound - share)
            followed.liveFrom = bounds.upperBound
        }
        var next = followed.next ?? 0
        let reader = try await outputs.reader(stream, partition: partition, from: next)
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            if !followed.isStarted, next >= followed.liveFrom { start(&followed, at: next) }
            let records = try await reader.next(limit: 1_000, wait: .seconds(1))
            guard !records.isEmpty else {
                // Offsets that carry no record, as Kafka's transaction markers do, are all that is left of the past.
                if !followed.isStarted { start(&followed, at: next) }
                continue
            }
            let batch = batch(records, stream, partition)
            next = batch.next
            followed.next = next
            publish(batch)
        }
    }

    private func start(_ followed: inout Followed, at next: Int64) {
        followed.isStarted = true
        let (stream, partition) = (followed.stream, followed.partition)
        state.withLock { state in
            state.position[stream, partition] = next
            state.starting -= 1
        }
    }

    private func publish(_ batch: FeedBatch) {
        let subscriptions = state.withLock { state in
            for message in batch.messages { state.recent.add(message) }
            state.position[batch.stream, batch.partition] = batch.next
            return Array(state.subscriptions.values)
        }
        var lost = 0
        for subscription in subscriptions { lost += subscription.offer(batch) }
        if lost > 0 { dropped.increment(by: lost) }
    }

    private func batch(_ records: [StoredRecord], _ stream: OutputStream, _ partition: Int) -> FeedBatch {
        var batch = FeedBatch(
            stream: stream, partition: partition, next: records.last.map { $0.offset + 1 } ?? 0, messages: [])
        batch.messages.reserveCapacity(records.count)
        for record in records {
            do throws(EventError) {
                batch.messages.append(try FeedMessage(stream: stream, partition: partition, record: record))
            } catch {
                unreadable.increment()
                logger.warning(
                    "\(stream.rawValue), partition \(partition), output offset \(record.offset) is unreadable: \(error)"
                )
            }
        }
        return batch
    }

    /// Sessions with their records and the position at which `/scores` goes on from there, as JSON.
    ///
    /// - Parameters:
    ///   - name: a session's identity, a key, or a session or visitor id as sent; `nil`: the newest sessions.
    ///   - limit: score records in all.
    /// - Returns: `nil` where no such session is known.
    func sessions(named name: String?, limit: Int) -> [UInt8]? {
        state.withLock { state in
            let sessions = name.map { state.recent.sessions(named: $0) } ?? state.recent.newest(Self.newestSessions)
            if name != nil, sessions.isEmpty { return nil }
            var json = Array("{\"position\":\"\(state.position.id)\",\"sessions\":".utf8)
            json += state.recent.json(of: sessions, limit: limit)
            json += "}\n".utf8
            return json
        }
    }

    /// How many sessions are shown where none is named.
    private static let newestSessions = 50

    // MARK: Clients

    /// Room for one more client while the value lives; `nil` where there is none.
    func admit() -> FeedClient? {
        let clients: Int? = state.withLock { state in
            guard state.clients < settings.maxClients, !state.ended else { return nil }
            state.clients += 1
            return state.clients
        }
        guard let clients else { return nil }
        clientsGauge.record(clients)
        return FeedClient(feed: self)
    }

    fileprivate func leave() {
        let clients = state.withLock { state in
            state.clients -= 1
            return state.clients
        }
        clientsGauge.record(clients)
    }

    func subscribe(_ filter: FeedFilter) -> (number: Int, subscription: Subscription) {
        state.withLock { state in
            defer { state.nextSubscription += 1 }
            let subscription = Subscription(filter: filter, limit: settings.clientLimit, begin: state.position)
            if state.ended { subscription.end() } else { state.subscriptions[state.nextSubscription] = subscription }
            return (state.nextSubscription, subscription)
        }
    }

    func unsubscribe(_ number: Int) {
        state.withLock { $0.subscriptions.removeValue(forKey: number) }?.end()
    }

    private func nudgeClients() async {
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            let interval = settings.signInterval
            do { try await cancelWhenGracefulShutdown { try await Task.sleep(for: interval) } } catch { return }
            for subscription in state.withLock({ Array($0.subscriptions.values) }) { subscription.nudge() }
        }
    }

    private func endClients() {
        let subscriptions = state.withLock { state in
            state.ended = true
            return Array(state.subscriptions.values)
        }
        for subscription in subscriptions { subscription.end() }
    }
}

/// One client's place among the feed's clients. It is given back when the last reference goes, so that a request whose
/// body is never written gives it back too.
final class FeedClient: Sendable {
    let feed: Feed

    fileprivate init(feed: Feed) { self.feed = feed }

    deinit { feed.leave() }
}
