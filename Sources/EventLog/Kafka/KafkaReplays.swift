import CRDKafka
import EventLog
import Events
import Logging

/// Replays over Kafka: rows and mark in one transaction.
///
/// A replay's mark is the committed offset of a consumer group of its own on partition 0 of `events`: the number of its
/// last row, with `open` or `ended` as metadata. A transactional id of its own fences a second process that replays
/// the same name. Brokers forget the offsets of a group without members after `offsets.retention.minutes` (a week by
/// default): a replay that is repeated later is stored again.
actor KafkaReplays {
    private let settings: KafkaSettings
    private let partitionCount: Int
    private let logger: Logger
    private let queue = BlockingQueue("replay")
    private var replays: [String: Replay] = [:]
    /// Whether one call works on the replays: an actor is left at every await, and rows must not overtake each other.
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    private struct Replay {
        var producer: TransactionalProducer
        var mark: ReplayMark
    }

    init(settings: KafkaSettings, partitionCount: Int, logger: Logger) {
        self.settings = settings
        self.partitionCount = partitionCount
        self.logger = logger
    }

    private func exclusively<Result>(
        _ body: () async throws(EventLogError) -> Result
    ) async throws(EventLogError) -> Result {
        while isBusy { await withCheckedContinuation { waiting.append($0) } }
        isBusy = true
        defer {
            isBusy = false
            if !waiting.isEmpty { waiting.removeFirst().resume() }
        }
        return try await body()
    }

    func mark(of name: String) async throws(EventLogError) -> ReplayMark? {
        let queries = try KafkaQueries(settings: settings, group: settings.replayGroup(name), logger: logger)
        guard let committed = try await queries.committed(settings.name(of: .events), partition: 0) else { return nil }
        return ReplayMark(lastRow: committed.offset, ended: committed.metadata == "ended")
    }

    func append(_ rows: [ReplayRow], ofReplay name: String) async throws(EventLogError) -> ReplayAppended {
        try await exclusively { () throws(EventLogError) in
            let replay = try await open(name)
            var last = replay.mark.lastRow
            let new = rows.drop { $0.number <= last }
            var appended = ReplayAppended(duplicates: rows.count - new.count)
            var records: [(topic: String, partition: Int, key: String?, value: [UInt8])] = []
            for row in new {
                guard row.number == last + 1 else {
                    throw .replayGap(name: name, expected: last + 1, got: row.number)
                }
                last = row.number
                switch row.content {
                case .event(let record):
                    let partition = Partitioner.partition(ofKey: record.key, count: partitionCount)
                    records.append((settings.name(of: .events), partition, record.key, record.value))
                    appended.stored += 1
                case .rejected(let record):
                    records.append(
                        (settings.name(of: .rejected), 0, nil, RejectedRecordCoder.encode(record)))
                    appended.rejected += 1
                }
            }
            if !new.isEmpty {
                try await transact(records, name, replay.producer, ReplayMark(lastRow: last, ended: false))
            }
            return appended
        }
    }

    func end(_ name: String) async throws(EventLogError) {
        try await exclusively { () throws(EventLogError) in
            let replay = try await open(name)
            guard !replay.mark.ended else { return }
            let end = RecordCoder.encodeEnd(replay: name)
            let records = (0..<partitionCount).map { partition in
                (topic: settings.name(of: .events), partition: partition, key: String?.none, value: end)
            }
            try await transact(
                records, name, replay.producer, ReplayMark(lastRow: replay.mark.lastRow, ended: true))
        }
    }

    private func open(_ name: String) async throws(EventLogError) -> Replay {
        if let open = replays[name] { return open }
        let id = settings.replayGroup(name)
        let producer = try await queue.run { [settings, logger] () throws(EventLogError) in
            try TransactionalProducer(id: id, settings: settings, logger: logger)
        }
        // Asked for after the fence: nobody moves it any more.
        let mark = try await mark(of: name) ?? ReplayMark(lastRow: 0, ended: false)
        let replay = Replay(producer: producer, mark: mark)
        // An ended one is kept only as long as it is used: few replays run at a time.
        if replays.count >= 8, let other = replays.keys.first { await discard(other) }
        replays[name] = replay
        return replay
    }

    private func transact(
        _ records: [(topic: String, partition: Int, key: String?, value: [UInt8])], _ name: String,
        _ producer: TransactionalProducer, _ mark: ReplayMark
    ) async throws(EventLogError) {
        let offsets = TransactionalProducer.Offsets(
            topic: settings.name(of: .events), partitions: [(0, mark.lastRow, mark.ended ? "ended" : "open")])
        let group = settings.replayGroup(name)
        do throws(EventLogError) {
            try await queue.run { () throws(EventLogError) in
                try producer.transact(records, offsets, group: rd_kafka_consumer_group_metadata_new(group))
            }
        } catch {
            // What became of it is asked of the brokers by the next call.
            await discard(name)
            throw error
        }
        replays[name]?.mark = mark
    }

    private func discard(_ name: String) async {
        guard let replay = replays.removeValue(forKey: name) else { return }
        await queue.run { replay.producer.discard() }
    }

    func close() async {
        for name in replays.keys { await discard(name) }
    }
}
