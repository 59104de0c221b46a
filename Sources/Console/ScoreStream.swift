import DequeModule
import EventLog
import Hummingbird
import NIOCore

/// Server-sent events of one client: first what it missed, read from the log, then the feed.
struct ScoreStream: Sendable {
    let feed: Feed
    let number: Int
    let subscription: Subscription
    /// Where the feed stood when the subscription began.
    let liveFrom: FeedPosition
    /// Where the client left off; `nil`: it wants what comes from now on.
    let resumeAt: FeedPosition?

    func write(to writer: inout any ResponseBodyWriter) async throws {
        defer { feed.unsubscribe(number) }
        var position = resumeAt ?? liveFrom
        try await writer.write(ByteBuffer(string: "retry: 1000\nid: \(position.id)\n\n"))
        if resumeAt != nil { try await catchUp(&position, to: &writer) }
        for await _ in subscription.signals {
            let (dropped, messages) = subscription.take()
            var buffer = ByteBuffer()
            if dropped > 0 {
                buffer.writeString("event: dropped\ndata: {\"count\":\(dropped)}\n\n")
            }
            for message in messages where message.offset >= position[message.stream, message.partition] {
                position[message.stream, message.partition] = message.offset + 1
                Self.append(message, id: position.id, to: &buffer)
            }
            if buffer.readableBytes == 0 { buffer.writeString("id: \(position.id)\n\n") }
            try await writer.write(buffer)
        }
    }

    private func catchUp(_ position: inout FeedPosition, to writer: inout any ResponseBodyWriter) async throws {
        for partition in 0..<feed.outputs.partitionCount {
            for stream in OutputStream.allCases {
                let end = liveFrom[stream, partition]
                let bounds = try await feed.outputs.bounds(stream, partition: partition)
                var next = max(position[stream, partition], bounds.lowerBound)
                guard next < end else { continue }
                let reader = try await feed.outputs.reader(stream, partition: partition, from: next)
                while next < end {
                    let records = try await reader.next(limit: Int(min(1_000, end - next)), wait: .zero)
                    guard let last = records.last else { break }
                    var buffer = ByteBuffer()
                    for record in records where record.offset < end {
                        position[stream, partition] = record.offset + 1
                        guard let message = try? FeedMessage(stream: stream, partition: partition, record: record),
                            subscription.filter.admits(message)
                        else { continue }
                        Self.append(message, id: position.id, to: &buffer)
                    }
                    next = last.offset + 1
                    if buffer.readableBytes > 0 { try await writer.write(buffer) }
                }
            }
        }
    }

    private static func append(_ message: FeedMessage, id: String, to buffer: inout ByteBuffer) {
        buffer.writeString("event: \(message.stream == .scores ? "score" : "outcome")\nid: \(id)\ndata: ")
        buffer.writeBytes(message.json)
        buffer.writeString("\n\n")
    }
}
