/// What the spool knows in memory: where the next event goes, what waits for the disk, what lies on it. Every transition
/// is one call under the spool's lock.
///
///     passing ──spool──▶ spooling ──drained, nothing waits──▶ passing          either ──close──▶ closed
///
/// 1. An event goes past the spool only while nothing is in it and nothing waits to be: it never overtakes one that was
///    spooled before it came.
/// 2. What is taken is within the bound: bytes on disk and bytes waiting for it together, and those waiting alone.
/// 3. After `close` nothing is taken but what was on its way past.
package struct SpoolState: Sendable, Equatable {
    package enum Route: Sendable, Equatable {
        /// To the log; to be followed by `passed`.
        case past
        /// Behind what is spooled.
        case behind
        case closed
    }

    package enum Refusal: Sendable, Equatable {
        /// The spool is as large as it may be.
        case full
        /// More waits for the disk than there is memory for.
        case busy
    }

    /// Entries and their bytes.
    package struct Amount: Sendable, Equatable {
        package var records = 0
        package var bytes = 0

        package init(records: Int = 0, bytes: Int = 0) {
            self.records = records
            self.bytes = bytes
        }
    }

    private let maxBytes: Int
    private let maxWaitingBytes: Int
    package private(set) var isClosed = false
    /// Events on their way past the spool, whose end is not known yet.
    package private(set) var passing = 0
    package private(set) var waiting = Amount()
    /// Durable and not drained.
    package private(set) var kept: Amount
    /// What the files take, drained parts of them included.
    package private(set) var diskBytes: Int
    package private(set) var drained = 0
    package private(set) var refused = 0

    package init(maxBytes: Int, maxWaitingBytes: Int, kept: Amount, diskBytes: Int) {
        self.maxBytes = maxBytes
        self.maxWaitingBytes = maxWaitingBytes
        self.kept = kept
        self.diskBytes = diskBytes
    }

    package var isSpooling: Bool { kept.bytes > 0 || waiting.records > 0 }
    /// Closed, and nobody will come any more.
    package var isAtRest: Bool { isClosed && passing == 0 && waiting.records == 0 }

    package mutating func arrive() -> Route {
        guard !isClosed else { return .closed }
        guard !isSpooling else { return .behind }
        passing += 1
        return .past
    }

    package mutating func passed() {
        precondition(passing > 0, "SpoolState.passed: nobody is on the way past")
        passing -= 1
    }

    /// Entries want to the disk.
    package mutating func wait(_ amount: Amount) -> Refusal? {
        let refusal: Refusal? =
            if diskBytes + waiting.bytes + amount.bytes > maxBytes {
                .full
            } else if waiting.records > 0, waiting.bytes + amount.bytes > maxWaitingBytes {
                .busy
            } else {
                nil
            }
        if refusal == nil {
            waiting.records += amount.records
            waiting.bytes += amount.bytes
        } else {
            refused += amount.records
        }
        return refusal
    }

    /// What waited is durable.
    package mutating func keep(_ amount: Amount, diskBytes: Int) {
        leave(amount)
        kept.records += amount.records
        kept.bytes += amount.bytes
        self.diskBytes = diskBytes
    }

    /// What waited could not be written.
    package mutating func fail(_ amount: Amount, diskBytes: Int) {
        leave(amount)
        refused += amount.records
        self.diskBytes = diskBytes
    }

    /// The log has what was kept, and the head is behind it.
    package mutating func drain(_ amount: Amount, diskBytes: Int) {
        precondition(amount.bytes <= kept.bytes, "SpoolState.drain: more than was kept")
        kept.bytes -= amount.bytes
        // Damage makes one of several: bytes are exact, records are not.
        kept.records = kept.bytes == 0 ? 0 : max(1, kept.records - amount.records)
        drained += amount.records
        self.diskBytes = diskBytes
    }

    package mutating func close() { isClosed = true }

    private mutating func leave(_ amount: Amount) {
        precondition(
            amount.records <= waiting.records && amount.bytes <= waiting.bytes, "SpoolState.leave: more than waited")
        waiting.records -= amount.records
        waiting.bytes -= amount.bytes
    }
}
