import Edge
import NIOCore
import NIOPosix
import Testing

/// What a connection may take, over real sockets. Where a test waits, it waits for the server to close.
@Suite(.timeLimit(.minutes(2))) struct ConnectionTests {
    private static func limits(_ change: (inout EdgeLimits) -> Void) -> EdgeLimits {
        var limits = EdgeLimits()
        change(&limits)
        return limits
    }

    private static let get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test func anOrderlyRequestPasses() async throws {
        try await GuardedServer.run { server async throws in
            let reply = try await server.exchange("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(reply.hasPrefix("HTTP/1.1 200 ") && reply.hasSuffix("here"))
        }
    }

    @Test func headersThatDoNotEndAreNotWaitedFor() async throws {
        try await GuardedServer.run(Self.limits { $0.headTimeout = .milliseconds(200) }) { server async throws in
            #expect(try await server.exchange("GET / HTTP/1.1\r\nX-Slow: 1").hasPrefix("HTTP/1.1 408 "))
        }
    }

    /// Bytes that keep trickling in buy no time.
    @Test func aTricklingHeadIsNotWaitedFor() async throws {
        try await GuardedServer.run(Self.limits { $0.headTimeout = .milliseconds(200) }) { server async throws in
            let reply = try await server.connect().using { reply, outbound async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\nX-Slow: "))
                        while !Task.isCancelled {
                            try? await outbound.write(ByteBuffer(string: "x"))
                            try await Task.sleep(for: .milliseconds(20))
                        }
                    }
                    defer { group.cancelAll() }
                    return try await reply.all()
                }
            }
            #expect(reply.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func aBodyThatDoesNotComeIsNotWaitedFor() async throws {
        try await GuardedServer.run(Self.limits { $0.headTimeout = .milliseconds(200) }) { server async throws in
            let reply = try await server.exchange(
                "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nbegin")
            #expect(reply.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func aReplyThatDoesNotBeginIsNotWaitedFor() async throws {
        try await GuardedServer.run(Self.limits { $0.answerTimeout = .milliseconds(200) }) { server async throws in
            let reply = try await server.exchange("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(reply.hasPrefix("HTTP/1.1 503 "))
            #expect(reply.lowercased().contains("retry-after: 5\r\n"))
        }
    }

    @Test func aSilentConnectionIsClosedBetweenRequests() async throws {
        try await GuardedServer.run(Self.limits { $0.idleTimeout = .milliseconds(200) }) { server async throws in
            #expect(try await server.exchange("") == "")
            let reply = try await server.exchange(Self.get)
            #expect(reply.hasPrefix("HTTP/1.1 200 ") && reply.hasSuffix("here"))
        }
    }

    /// A stream may take as long as it likes while its reader reads; one that takes nothing is given up.
    @Test func aReaderThatTakesNothingIsGivenUp() async throws {
        let limits = Self.limits {
            $0.maxConnections = 1
            $0.writeTimeout = .milliseconds(300)
            $0.answerTimeout = .milliseconds(300)
            $0.idleTimeout = .milliseconds(300)
        }
        try await GuardedServer.run(limits) { server async throws in
            var stream: (any Channel)?
            while stream == nil {
                try Task.checkCancellation()
                let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .channelOption(.autoRead, value: false).connect(host: "localhost", port: server.port).get()
                // Connecting may have taken the place for a moment before: then this one is refused, and may be closed.
                try? await channel.writeAndFlush(
                    ByteBuffer(string: "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                if try await server.exchange(Self.get).hasPrefix("HTTP/1.1 503 ") {
                    stream = channel
                } else {
                    try? await channel.close()
                }
            }
            // The server has given it up when another has its place.
            try await server.served()
            // It may be closed by now.
            try? await stream?.close()
        }
    }

    @Test func tooManyHeadersAndTooLongOnesAreRefused() async throws {
        let limits = Self.limits {
            $0.maxHeaders = 10
            $0.maxHeadBytes = 2_000
        }
        try await GuardedServer.run(limits) { server async throws in
            func head(_ lines: [String]) -> String {
                "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + lines.map { $0 + "\r\n" }.joined()
                    + "\r\n"
            }
            #expect(try await server.exchange(head(["X-A: 1"])).hasPrefix("HTTP/1.1 200 "))
            #expect(try await server.exchange(head((0..<20).map { "X-\($0): 1" })).hasPrefix("HTTP/1.1 400 "))
            let long = String(repeating: "a", count: 3_000)
            #expect(try await server.exchange(head(["X-A: \(long)"])).hasPrefix("HTTP/1.1 400 "))
            let longLine = try await server.exchange("GET /?\(long) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(longLine.hasPrefix("HTTP/1.1 4"))
        }
    }

    @Test func aConnectionTooManyIsToldSo() async throws {
        let limits = Self.limits {
            $0.maxConnections = 1
            // The first is not to be given up while the second comes.
            $0.idleTimeout = .seconds(60)
        }
        try await GuardedServer.run(limits) { server async throws in
            var refused: String?
            // Connecting may have taken the place for a moment before.
            while refused == nil {
                try Task.checkCancellation()
                refused = try? await server.connect().using { reply, outbound async throws in
                    try await outbound.write(ByteBuffer(string: Self.get))
                    guard try await reply.until("here").hasPrefix("HTTP/1.1 200 ") else { return nil }
                    // The address limit does not count this machine; the limit of all does.
                    return try await server.exchange("")
                }
            }
            #expect(refused?.hasPrefix("HTTP/1.1 503 ") == true && refused?.contains("Retry-After: 5") == true)
            // Its place is free again.
            try await server.served()
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrderUpToTheLimit() async throws {
        try await GuardedServer.run(Self.limits { $0.maxPipelined = 8 }) { server async throws in
            let last = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            let reply = try await server.exchange(String(repeating: Self.get, count: 7) + last)
            #expect(reply.components(separatedBy: "HTTP/1.1 200 ").count == 9)
            let flooded = try await server.exchange(String(repeating: Self.get, count: 500))
            #expect(flooded == "")
        }
    }
}

extension String {
    fileprivate func components(separatedBy mark: String) -> [Substring] {
        split(separator: mark, omittingEmptySubsequences: false)
    }
}
