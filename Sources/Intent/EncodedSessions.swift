import Sessions

/// Sessions as the network sees them, encoded once for all epochs: 48 bytes an event.
package struct EncodedSessions: Sendable {
    /// By event: the rows that are on, and the numbers, the last of them always 1: the bias's.
    private(set) var rows: [SIMD8<UInt16>] = []
    private(set) var numbers: [SIMD8<Float>] = []
    /// By session: where its events begin; at the end, how many there are.
    private var starts: [Int] = [0]
    package private(set) var purchased: [Bool] = []

    package var count: Int { purchased.count }
    package var events: Int { rows.count }

    package init(_ sessions: [TrainingSession], encoder: Encoder) {
        self.init(sessions[...], maxSteps: .max) { step, _ in encoder.encode(step) }
    }

    /// Training rows, which see of a product what other sessions say.
    ///
    /// - Parameter maxSteps: the first steps of a session that count.
    init(_ training: [TrainingSession], encoder: Encoder, statistics: ProductStatistics, maxSteps: Int) {
        self.init(training[...], maxSteps: maxSteps) { step, session in
            encoder.encode(step, product: statistics.product(step.sku, outsideFoldOf: session))
        }
    }

    private init(
        _ sessions: ArraySlice<TrainingSession>, maxSteps: Int, encode: (Step, _ session: Int) -> Encoder.Input
    ) {
        let events = sessions.reduce(0) { $0 + min($1.steps.count, maxSteps) }
        rows.reserveCapacity(events)
        numbers.reserveCapacity(events)
        starts.reserveCapacity(sessions.count + 1)
        purchased.reserveCapacity(sessions.count)
        for (index, session) in sessions.enumerated() {
            for step in session.steps.prefix(maxSteps) {
                var input = encode(step, index)
                input.numbers[7] = 1
                rows.append(input.rows)
                numbers.append(input.numbers)
            }
            starts.append(rows.count)
            purchased.append(session.purchased)
        }
    }

    @inline(__always)
    package func length(_ session: Int32) -> Int { starts[Int(session) + 1] - starts[Int(session)] }

    /// Where a session's first event stands.
    @inline(__always)
    func start(_ session: Int32) -> Int { starts[Int(session)] }
}

/// All sessions in an order that can be trained on: buckets of like length, the longest first in each. A time step of a
/// bucket is then one product of matrices with hardly a row missing.
package struct Buckets {
    package private(set) var order: [Int32]
    /// Places in `order`, by bucket.
    package private(set) var ranges: [Range<Int>] = []
    /// Events, by bucket.
    package private(set) var events: [Int] = []

    /// A bucket of long sessions has fewer of them: their events should stay in the cache.
    private static let maxEvents = 512

    /// - Parameters:
    ///   - order: every session once; sessions of one length keep this order.
    ///   - size: sessions of a bucket, of long ones down to four.
    package init(_ sessions: EncodedSessions, order: [Int32], size: Int) {
        var begins: [Int] = []
        for session in order {
            let length = sessions.length(session)
            if begins.count <= length { begins.append(contentsOf: repeatElement(0, count: length + 1 - begins.count)) }
            begins[length] += 1
        }
        var place = 0
        for length in begins.indices.reversed() {
            let count = begins[length]
            begins[length] = place
            place += count
        }
        self.order = order
        for session in order {
            let length = sessions.length(session)
            self.order[begins[length]] = session
            begins[length] += 1
        }
        var start = 0
        while start < order.count {
            let most = max(min(4, size), Self.maxEvents / sessions.length(self.order[start]))
            let end = min(order.count, start + min(size, most))
            ranges.append(start..<end)
            events.append(self.order[start..<end].reduce(0) { $0 + sessions.length($1) })
            start = end
        }
    }

    package subscript(bucket: Int) -> ArraySlice<Int32> { order[ranges[bucket]] }

    /// Deals buckets to shards of about as many events. Depends on nothing but their lengths.
    package func dealt(_ buckets: ArraySlice<Int>, shards: Int) -> [[Int]] {
        var dealt = Array(repeating: [Int](), count: shards)
        var load = Array(repeating: 0, count: shards)
        for bucket in buckets.sorted(by: { (events[$0], $1) > (events[$1], $0) }) {
            var least = 0
            for shard in 1..<shards where load[shard] < load[least] { least = shard }
            dealt[least].append(bucket)
            load[least] += events[bucket]
        }
        return dealt
    }
}
