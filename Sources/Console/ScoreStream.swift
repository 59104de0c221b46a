import DequeModule
import EventLog
import Hummingbird
import NIOCore
import ServiceLifecycle

/// Server-sent events of one client: first what it missed, read from the log, then the feed.
///
/// Nothing is missed between the two, nothing comes twice: the log is read up to where the feed stood when the client
/// subscribed, and every message has its place in the position that its `id` says.
struct ScoreStream: Sendable {
    let client: FeedClient
    let filter: FeedFilter
    /// Where the client left off; `nil`: it wants what comes from now on.
    let resumeAt: FeedPosition?

    private var feed: Feed { client.feed }

    func write(to writer: inout any ResponseBodyWriter) async throws {
        try await writer.write(ByteBuffer(string: "retry: 1000\n\n"))
        // The recent past is read in a fraction of a second.
        while !feed.isStarted {
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: .milliseconds(50)) }
        }
        var sent = feed.position
        if let resumeAt {
            sent = try await clamped(resumeAt)
            // Someone who was away for long reads the log at its own pace before it takes a share of the feed.
            while feed.position.records(after: sent) > feed.settings.clientLimit / 4, !Task.isShuttingDownGracefully {
                try await catchUp(&sent, upTo: feed.position, to: &writer)
            }
        }
        let (number, subscription) = feed.subscribe(filter)
        defer { feed.unsubscribe(number) }
        if resumeAt != nil {
            try await catchUp(&sent, upTo: subscription.begin, to: &writer)
        } else {
            sent = subscription.begin
        }
        try await writer.write(Self.sign(of: sent))
        // By itself, not by the feed's end: a server that shuts down may wait for its streams before the feed is told.
        for await _ in subscription.signals.cancelOnGracefulShutdown() {
            try await writer.write(next(subscription.take(), &sent))
        }
    }

    private func next(_ taken: Subscription.Taken, _ sent: inout FeedPosition) -> ByteBuffer {
        var buffer = ByteBuffer()
        if taken.dropped > 0 { buffer.writeString("event: dropped\ndata: {\"count\":\(taken.dropped)}\n\n") }
        for message in taken.messages { Self.append(message, &sent, to: &buffer) }
        // What the client did not want is behind it too.
        let before = sent
        for partition in 0..<feed.outputs.partitionCount {
            for stream in OutputStream.allCases {
                sent[stream, partition] = max(sent[stream, partition], taken.seen[stream, partition])
            }
        }
        if buffer.readableBytes == 0 || sent != before { buffer.writeImmutableBuffer(Self.sign(of: sent)) }
        return buffer
    }

    /// An id of a log that has since been replaced by a shorter one lies beyond its end: the client goes on there.
    private func clamped(_ position: FeedPosition) async throws -> FeedPosition {
        var position = position
        for partition in 0..<feed.outputs.partitionCount {
            for stream in OutputStream.allCases {
                let bounds = try await feed.outputs.bounds(stream, partition: partition)
                position[stream, partition] = min(
                    max(position[stream, partition], bounds.lowerBound), bounds.upperBound)
            }
        }
        return position
    }

    private func catchUp(
        _ sent: inout FeedPosition, upTo end: FeedPosition, to writer: inout any ResponseBodyWriter
    ) async throws {
        for partition in 0..<feed.outputs.partitionCount {
            for stream in OutputStream.allCases where sent[stream, partition] < end[stream, partition] {
                let missed = OutputRange(
                    stream: stream, partition: partition,
                    offsets: sent[stream, partition]..<end[stream, partition])
                try await missed.read(feed.outputs) { records in
                    var buffer = ByteBuffer()
                    for record in records {
                        guard let message = try? FeedMessage(stream: stream, partition: partition, record: record),
                            filter.admits(message)
                        else { continue }
                        Self.append(message, &sent, to: &buffer)
                    }
                    if buffer.readableBytes > 0 { try await writer.write(buffer) }
                }
                sent[stream, partition] = end[stream, partition]
            }
        }
    }

    /// Appends a message that the client has not had.
    private static func append(_ message: FeedMessage, _ sent: inout FeedPosition, to buffer: inout ByteBuffer) {
        guard message.offset >= sent[message.stream, message.partition] else { return }
        sent[message.stream, message.partition] = message.offset + 1
        buffer.writeStaticString(message.stream == .scores ? "event: score\n" : "event: outcome\n")
        sent.writeID(to: &buffer)
        buffer.writeStaticString("data: ")
        buffer.writeBytes(message.json)
        buffer.writeStaticString("\n\n")
    }

    /// An id without an event: a sign of life that also says where to go on.
    private static func sign(of position: FeedPosition) -> ByteBuffer {
        var buffer = ByteBuffer()
        position.writeID(to: &buffer)
        buffer.writeStaticString("\n")
        return buffer
    }
}
