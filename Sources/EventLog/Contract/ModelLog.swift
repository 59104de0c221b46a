/// The log of models that all machines of a shop share: one partition, in one order, the latest record of a key kept.
///
/// 1. Readers see committed records only, in their order.
/// 2. There is one writer at a time: a new one fences those before it and ends what they left open, so that whoever
///    reads to the end after becoming the writer has read everything that was ever written.
/// 3. An append is committed whole or not at all, and durable when it returns.
public protocol ModelLog: Sendable {
    /// Where it is, in words.
    var name: String { get }

    /// A reader from an offset on; what compaction has removed before it is passed over.
    func reader(from offset: Int64) async throws(EventLogError) -> any EventReader

    /// The writer from now on.
    func writer() async throws(EventLogError) -> any ModelLogWriter

    /// The right to retrain, which one process of a shop has at a time; `nil` where another one has it.
    func claimRetraining() async throws(EventLogError) -> (any RetrainLease)?
}

/// The writer of a model log, until the next one comes.
public protocol ModelLogWriter: Sendable {
    /// Writes records that stand or fall together.
    ///
    /// - Parameter lease: written only while it is held, as its giver sees it and not only its holder.
    /// - Throws: `.fenced` where another writer has come or the lease is gone; `.failed` where the outcome is unknown.
    ///   Either way the next writer reads what became of it.
    func append(_ records: [KeyedRecord], holding lease: (any RetrainLease)?) async throws(EventLogError)

    /// Gives back what is held; the writer is not used any more.
    func close() async
}

/// A record of a log that keeps the latest of a key.
public struct KeyedRecord: Sendable, Equatable {
    public var key: String
    public var value: [UInt8]

    public init(key: String, value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

/// The right to retrain. Given back with `release`, and when the process that holds it dies.
public protocol RetrainLease: Sendable {
    /// Whether it is held as far as this process knows. Once false, it stays so.
    var isHeld: Bool { get }

    /// Waits while it is open whether it is still held, a bounded time, and says whether it is.
    func settled() async -> Bool

    func release() async
}

extension RetrainLease {
    public func settled() async -> Bool { isHeld }
}
