import NIOCore

/// How far one connection has come with its requests and replies, and what is late about it. Knows no socket: times
/// come in as values.
///
///     waiting ──bytes──▶ head ──headers complete──▶ body ──end──▶ waiting
///
/// Replies run beside this: `unanswered` requests wait for the end of theirs.
struct RequestProgress {
    /// What did not come in time, in the words of the metric.
    enum Overdue: String, CaseIterable {
        case idle
        case head = "head_timeout"
        case body = "body_timeout"
        case answer = "answer_timeout"
        case write = "write_timeout"
    }

    private enum Phase {
        case waiting(since: NIODeadline)
        case head(since: NIODeadline)
        /// `asked`: how long this server has been waiting for bytes of the body, without the wait that goes on.
        case body(bytes: Int, asked: TimeAmount)
    }

    private let limits: EdgeLimits
    private var phase: Phase
    private(set) var unanswered = 0
    /// The oldest reply has begun.
    private(set) var isAnswering = false
    /// Since when a whole request has been waiting for its reply to begin.
    private var askedForAnswer: NIODeadline?
    /// Since when this server has been waiting for bytes.
    private var askedForBytes: NIODeadline?
    /// Since when the reader has taken nothing of what waits for it.
    private var stalled: NIODeadline?

    init(_ limits: EdgeLimits, now: NIODeadline) {
        self.limits = limits
        phase = .waiting(since: now)
    }

    /// Nothing was sent yet to which a refusal could be the reply: it may be written.
    var takesRefusal: Bool { !isAnswering && unanswered <= 1 }

    mutating func received(bytes: Int, now: NIODeadline) {
        if case .waiting = phase { phase = .head(since: now) }
    }

    mutating func receivedHead() {
        unanswered += 1
        phase = .body(bytes: 0, asked: .zero)
    }

    mutating func received(body count: Int) {
        guard case .body(let bytes, let asked) = phase else { return }
        phase = .body(bytes: bytes + count, asked: asked)
    }

    mutating func receivedEnd(now: NIODeadline) {
        phase = .waiting(since: now)
        if !isAnswering, askedForAnswer == nil { askedForAnswer = now }
    }

    mutating func beganReading(now: NIODeadline) {
        if askedForBytes == nil { askedForBytes = now }
    }

    mutating func endedReading(now: NIODeadline) {
        if case .body(let bytes, let asked) = phase, let since = askedForBytes {
            phase = .body(bytes: bytes, asked: asked + (now - since))
        }
        askedForBytes = nil
    }

    mutating func wroteHead() {
        isAnswering = true
        askedForAnswer = nil
    }

    mutating func wroteEnd(now: NIODeadline) {
        isAnswering = false
        // A reply to what was no request, of the decoder's, has none to answer.
        unanswered = max(0, unanswered - 1)
        if unanswered > 0 {
            // Of pipelined requests the last may still be coming in.
            if case .body = phase, unanswered == 1 { return }
            askedForAnswer = now
        } else if case .waiting = phase {
            phase = .waiting(since: now)
        }
    }

    mutating func changed(isWritable: Bool, now: NIODeadline) {
        stalled = isWritable ? nil : now
    }

    /// The first thing that is late.
    func overdue(now: NIODeadline) -> Overdue? {
        func isLate(_ since: NIODeadline?, _ limit: Duration) -> Bool {
            since.map { now - $0 >= TimeAmount(limit) } ?? false
        }
        if isLate(stalled, limits.writeTimeout) { return .write }
        if isLate(askedForAnswer, limits.answerTimeout) { return .answer }
        switch phase {
        case .waiting(let since): return unanswered == 0 && isLate(since, limits.idleTimeout) ? .idle : nil
        case .head(let since): return isLate(since, limits.headTimeout) ? .head : nil
        case .body(let bytes, let asked):
            let waited = asked + (askedForBytes.map { now - $0 } ?? .zero)
            let beyond = waited - TimeAmount(limits.headTimeout)
            guard beyond > .zero else { return nil }
            let expected = Double(limits.minBodyBytesPerSecond) * Double(beyond.nanoseconds) / 1e9
            return Double(bytes) < expected ? .body : nil
        }
    }
}
