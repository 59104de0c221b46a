public import EventLog
public import Logging
import Metrics
public import ServiceLifecycle
import Synchronization

/// Follows scores and outcomes over all partitions and hands them to whoever watches. Lives from these records alone.
public final class Feed: Service {
    public struct Settings: Sendable {
        /// Messages a client may lag behind before it loses the oldest.
        public var clientLimit = 4_096
        /// Clients at a time; a further one is refused.
        public var maxClients = 256
        /// Records kept for session look-ups.
        public var recentRecords = 100_000

        public init() {}
    }

    private struct State {
        var position: FeedPosition
        var recent: RecentSessions
        var clients: [Int: Subscription] = [:]
        var nextClient = 0
    }

    let outputs: any OutputLog
    let settings: Settings
    private let logger: Logger
    private let state: Mutex<State>

    public init(outputs: any OutputLog, settings: Settings = Settings(), logger: Logger) {
        self.outputs = outputs
        self.settings = settings
        self.logger = logger
        state = Mutex(
            State(
                position: FeedPosition(partitionCount: outputs.partitionCount),
                recent: RecentSessions(limit: settings.recentRecords)))
    }

    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for partition in 0..<outputs.partitionCount {
                    for stream in OutputStream.allCases {
                        group.addTask { try await self.follow(stream, partition: partition) }
                    }
                }
                group.addTask { await self.nudgeClients() }
                try await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.endClients()
        }
    }

    private func follow(_ stream: OutputStream, partition: Int) async throws {
        let bounds = try await outputs.bounds(stream, partition: partition)
        // Enough of the past to answer look-ups after a restart, no more.
        let share = Int64(settings.recentRecords / (2 * outputs.partitionCount))
        let start = max(bounds.lowerBound, bounds.upperBound - share)
        state.withLock { $0.position[stream, partition] = start }
        let reader = try await outputs.reader(stream, partition: partition, from: start)
        let failures = Counter(label: "dinghy_feed_unreadable_total")
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            let records = try await reader.next(limit: 1_000, wait: .seconds(1))
            guard let last = records.last else { continue }
            var messages: [FeedMessage] = []
            messages.reserveCapacity(records.count)
            for record in records {
                do {
                    messages.append(try FeedMessage(stream: stream, partition: partition, record: record))
                } catch {
                    failures.increment()
                    logger.warning(
                        "\(stream.rawValue), partition \(partition), offset \(record.offset) is unreadable: \(error)")
                }
            }
            let clients = state.withLock { state in
                for message in messages { state.recent.add(message) }
                state.position[stream, partition] = last.offset + 1
                return Array(state.clients.values)
            }
            for client in clients { client.offer(messages) }
        }
    }

    /// Every fifteen seconds a sign of life to everyone, so that proxies keep the connection and ids move on.
    private func nudgeClients() async {
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do { try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(15)) } } catch { return }
            for client in state.withLock({ Array($0.clients.values) }) { client.nudge() }
        }
    }

    private func endClients() {
        for client in state.withLock({ Array($0.clients.values) }) { client.end() }
    }

    /// The sessions of a key, or one session by its identity, as JSON.
    func sessions(_ name: String) -> [UInt8]? { state.withLock { $0.recent.json(of: name) } }

    public var clientCount: Int { state.withLock { $0.clients.count } }

    /// A client that watches from now on, with where the feed stands at its beginning; `nil` where there are too many.
    func subscribe(_ filter: FeedFilter) -> (number: Int, subscription: Subscription, position: FeedPosition)? {
        let subscription = Subscription(filter: filter, limit: settings.clientLimit)
        return state.withLock { state in
            guard state.clients.count < settings.maxClients else { return nil }
            defer { state.nextClient += 1 }
            state.clients[state.nextClient] = subscription
            return (state.nextClient, subscription, state.position)
        }
    }

    func unsubscribe(_ number: Int) {
        state.withLock { $0.clients.removeValue(forKey: number) }?.end()
    }
}
