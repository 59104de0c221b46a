import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat

extension Server {
    /// What `/status` says, as far as it is looked at.
    public struct Status: Decodable, Sendable {
        public struct Partition: Decodable, Sendable {
            public var pending: Int
            public var sessions: [String: Int]
        }
        public struct Models: Decodable, Sendable {
            public var champion: Int?
            public var count: Int
        }
        public var partitions: [Partition]
        public var models: Models

        public var openSessions: Int {
            partitions.reduce(0) {
                $0 + ($1.sessions["opened"] ?? 0) - ($1.sessions["closed"] ?? 0) - ($1.sessions["muted"] ?? 0)
            }
        }
    }

    public func status() async throws -> Status {
        let response = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: url + "/status"), timeout: .seconds(30))
        return try JSONDecoder().decode(Status.self, from: Data(buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    /// Returns once nothing on the log waits to be scored.
    public func untilScored() async throws {
        while try await status().partitions.contains(where: { $0.pending > 0 }) {
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
