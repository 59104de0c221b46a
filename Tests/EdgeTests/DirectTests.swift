import Edge
import NIOCore
import NIOPosix
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Requests that a door answers before the router, among others that it does not, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct DirectTests {
    private static func post(_ path: String, _ body: String = "", _ headers: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static let close = "Connection: close\r\n"
    private static let last = post("/door/echo", "last", close)

    // MARK: Whose a request is

    @Test func aDoorAnswersItsOwnAndTheRouterTheRest() async throws {
        let door = ScriptedDoor()
        try await GuardedServer.run(door: door) { server async throws in
            let reply = try await server.exchange(Self.post("/door/echo", "hello", Self.close))
            let lines = reply.split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.count == 7, "\(reply)")
            #expect(lines.first == "HTTP/1.1 200 OK" && lines.last == "hello")
            #expect(lines[1] == "Content-Length: 5" && lines[3] == "Server: dinghy/test")
            #expect(lines[2].hasPrefix("Date: ") && lines[2].hasSuffix(" GMT") && lines[4] == "Connection: close")
            #expect(try await server.exchange(Self.post("/echo", "routed", Self.close)).hasSuffix("\r\n\r\nrouted"))
            #expect(door.seen == .init(entered: 1, ended: 1, replied: 1))
        }
    }

    @Test(arguments: [(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT")])
    func aDateIsWrittenAsHTTPDoes(second: Int, text: String) {
        #expect(HTTPDate.text(second) == text)
    }

    /// What a reply quotes of a request begins no header of the sender's.
    @Test func aHeaderEndsWhereItsLineDoes() async throws {
        try await GuardedServer.run(door: ScriptedDoor()) { server async throws in
            let reply = try await server.exchange(Self.post("/door/refused", "", Self.close))
            #expect(reply.contains("\r\nX-Quoted: a  X-Own: b\r\n"))
        }
    }

    @Test func shortWorkStaysOnTheEventLoopAndOtherWorkDoesNot() async throws {
        try await GuardedServer.run(door: ScriptedDoor()) { server async throws in
            #expect(try await server.exchange(Self.post("/door/where", "", Self.close)).hasSuffix("true true"))
            #expect(try await server.exchange(Self.post("/door/where/long", "", Self.close)).hasSuffix("false false"))
        }
    }

    // MARK: One connection, many requests

    /// Any sequence of the door's and the router's, with bodies of both kinds, refused ones among them, cut anywhere.
    @Test(arguments: Array(1...20) as [UInt64])
    func pipelinedRequestsAreAnsweredInTheirOrder(seed: UInt64) async throws {
        try await GuardedServer.run(door: ScriptedDoor()) { server async throws in
            var random = SeededRandom(seed: seed)
            var requests = ""
            var replies: [String] = []
            for number in 0..<Int.random(in: 2...40, using: &random) {
                let body = String(repeating: "\(number) ", count: Int.random(in: 1...300, using: &random))
                let path = ["/door/echo", "/echo", "/door/refused", "/door/full"].randomElement(using: &random)!
                if Bool.random(using: &random) {
                    requests += Self.post(path, body)
                } else {
                    let (first, second) = (body.prefix(3), body.dropFirst(3))
                    let chunks = [first, second].filter { !$0.isEmpty }
                        .map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
                    requests += "POST \(path) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    requests += chunks + "0\r\n\r\n"
                }
                let expected =
                    switch path {
                    case "/door/refused": "403 "
                    case "/door/full": "413 "
                    default: "200 \(body)"
                    }
                replies.append(expected)
            }
            requests += Self.last
            replies.append("200 last")
            var pieces: [String] = []
            var rest = Array(requests.utf8)[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...2_000, using: &random)
                pieces.append(String(decoding: rest.prefix(count), as: UTF8.self))
                rest = rest.dropFirst(count)
            }
            let sent = pieces
            let text = try await server.connect().using { reply, outbound async throws in
                for piece in sent { try await outbound.write(ByteBuffer(string: piece)) }
                return try await reply.all()
            }
            #expect(try Self.replies(text) == replies)
        }
    }

    /// Every reply of a stream as `STATUS BODY`.
    private static func replies(_ text: String) throws -> [String] {
        var rest = text[...]
        var found: [String] = []
        while let end = rest.firstRange(of: "\r\n\r\n") {
            let lines = rest[..<end.lowerBound].split(separator: "\r\n")
            let status = try #require(lines.first?.split(separator: " ")[1])
            let length = try #require(
                lines.compactMap { $0.lowercased().hasPrefix("content-length: ") ? Int($0.dropFirst(16)) : nil }.first)
            rest = rest[end.upperBound...]
            found.append("\(status) \(rest.prefix(length))")
            rest = rest.dropFirst(length)
        }
        #expect(rest.isEmpty)
        return found
    }

    @Test func aRequestWaitsForTheReplyBeforeIt() async throws {
        let door = ScriptedDoor()
        try await GuardedServer.run(door: door) { server async throws in
            let reply = try await server.connect().using { reply, outbound async throws in
                try await outbound.write(
                    ByteBuffer(string: Self.post("/door/gate") + Self.post("/echo", "routed") + Self.last))
                await door.gate.arrived()
                #expect(door.seen.entered == 1)
                door.gate.open()
                return try await reply.all()
            }
            #expect(try Self.replies(reply) == ["200 through", "200 routed", "200 last"])
        }
    }

    /// The refusal comes at once, and the connection stays of use.
    @Test func aRefusalDoesNotWaitForTheBody() async throws {
        let door = ScriptedDoor()
        try await GuardedServer.run(door: door) { server async throws in
            let reply = try await server.connect().using { reply, outbound async throws in
                let request = Self.post("/door/full", String(repeating: "x", count: 100_000))
                try await outbound.write(ByteBuffer(string: String(request.prefix(500))))
                let refusal = try await reply.until("\r\n\r\n")
                #expect(refusal.hasPrefix("HTTP/1.1 413 "))
                try await outbound.write(ByteBuffer(string: request.dropFirst(500) + Self.last))
                return try await reply.all()
            }
            #expect(reply.hasPrefix("HTTP/1.1 200 ") && reply.hasSuffix("last"))
            #expect(door.seen == .init(entered: 2, ended: 1, replied: 1))
        }
    }

    @Test func moreRequestsThanMayWaitCloseTheConnection() async throws {
        var limits = EdgeLimits()
        limits.maxPipelined = 8
        try await GuardedServer.run(limits, door: ScriptedDoor()) { server async throws in
            let some = String(repeating: Self.post("/door/gate"), count: 500)
            #expect(try await server.exchange(some) == "")
        }
    }

    // MARK: How long a connection lasts

    @Test func aSenderOfHTTP10IsAnsweredAndLeft() async throws {
        try await GuardedServer.run(door: ScriptedDoor()) { server async throws in
            let head = "POST /door/echo HTTP/1.0\r\nContent-Length: 2\r\n"
            let reply = try await server.exchange(head + "\r\nab")
            #expect(reply.hasPrefix("HTTP/1.1 200 ") && reply.hasSuffix("Connection: close\r\n\r\nab"))
            let kept = try await server.exchange(head + "Connection: keep-alive\r\n\r\nab" + Self.last)
            #expect(kept.contains("Connection: keep-alive\r\n\r\nab") && kept.hasSuffix("last"))
        }
    }

    @Test func whoeverAsksMayGoOn() async throws {
        try await GuardedServer.run(door: ScriptedDoor()) { server async throws in
            let reply = try await server.connect().using { reply, outbound async throws in
                let request = Self.post("/door/echo", "body", Self.close + "Expect: 100-Continue\r\n")
                try await outbound.write(ByteBuffer(string: String(request.dropLast(4))))
                #expect(try await reply.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
                try await outbound.write(ByteBuffer(string: "body"))
                return try await reply.all()
            }
            #expect(reply.hasPrefix("HTTP/1.1 200 ") && reply.hasSuffix("body"))
        }
    }

    /// Whether the body comes all the same cannot be known, so nothing may follow.
    @Test func whoeverAsksAndIsRefusedIsLeft() async throws {
        try await GuardedServer.run(door: ScriptedDoor()) { server async throws in
            let reply = try await server.exchange(
                String(Self.post("/door/refused", "body", "Expect: 100-continue\r\n").dropLast(4)))
            #expect(reply.hasPrefix("HTTP/1.1 403 ") && reply.contains("Connection: close\r\n"))
        }
    }

    // MARK: Senders that go

    @Test(arguments: ["gate", "large"])
    func whoeverSendsNoMoreIsStillAnswered(path: String) async throws {
        let door = ScriptedDoor()
        try await GuardedServer.run(door: door) { server async throws in
            let reply = try await server.connect(halfClosing: true).using { reply, outbound async throws in
                try await outbound.write(ByteBuffer(string: Self.post("/door/\(path)")))
                outbound.finish()
                if path == "gate" {
                    await door.gate.arrived()
                    door.gate.open()
                }
                return try await reply.all()
            }
            #expect(reply.hasPrefix("HTTP/1.1 200 "))
            #expect(path == "gate" ? reply.hasSuffix("through") : reply.utf8.count > ScriptedDoor.largeBytes)
        }
    }

    @Test(arguments: [
        "POST /door/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
        "POST /door/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ])
    func aBodyThatIsCutOffIsGivenUp(request: String) async throws {
        let door = ScriptedDoor()
        try await GuardedServer.run(door: door) { server async throws in
            let reply = try await server.connect(halfClosing: true).using { reply, outbound async throws in
                try await outbound.write(ByteBuffer(string: request))
                outbound.finish()
                return try await reply.all()
            }
            #expect(reply.hasPrefix("HTTP/1.1 400 "), "\(reply)")
            #expect(door.seen == .init(entered: 1, abandoned: 1))
        }
    }

    /// What has begun is seen through, although nobody waits for the reply any more.
    @Test func workIsSeenThroughWhereTheSenderHasGone() async throws {
        let door = ScriptedDoor()
        var limits = EdgeLimits()
        limits.maxConnections = 1
        try await GuardedServer.run(limits, door: door) { server async throws in
            // Closed with a reset: the server hears of it at once.
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "localhost", port: server.port).get()
            let options = try #require(channel as? any SocketOptionProvider)
            try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            try await channel.writeAndFlush(ByteBuffer(string: Self.post("/door/gate")))
            await door.gate.arrived()
            try await channel.close()
            // It is gone for the server when another has its place.
            try await server.served()
            #expect(door.seen == .init(entered: 1, ended: 1))
            door.gate.open()
            _ = await door.settled.first { _ in true }
            #expect(door.seen == .init(entered: 1, ended: 1, replied: 1))
            #expect(try await server.exchange(Self.last).hasSuffix("last"))
        }
    }

    @Test func whatCannotBeReadWaitsForTheReplyBeforeIt() async throws {
        let door = ScriptedDoor()
        try await GuardedServer.run(door: door) { server async throws in
            let reply = try await server.connect().using { reply, outbound async throws in
                try await outbound.write(ByteBuffer(string: Self.post("/door/gate") + "nonsense\r\n\r\n"))
                await door.gate.arrived()
                door.gate.open()
                return try await reply.all()
            }
            #expect(try Self.replies(reply) == ["200 through", "400 "])
        }
    }

    // MARK: Limits

    @Test func aReplyThatDoesNotComeInTimeIsNotWaitedFor() async throws {
        let door = ScriptedDoor()
        var limits = EdgeLimits()
        limits.answerTimeout = .milliseconds(200)
        try await GuardedServer.run(limits, door: door) { server async throws in
            #expect(try await server.exchange(Self.post("/door/gate")).hasPrefix("HTTP/1.1 503 "))
            door.gate.open()
            _ = await door.settled.first { _ in true }
            #expect(try await server.exchange(Self.last).hasSuffix("last"))
        }
    }

    @Test func aBodyThatDoesNotComeInTimeIsGivenUp() async throws {
        let door = ScriptedDoor()
        var limits = EdgeLimits()
        limits.headTimeout = .milliseconds(200)
        try await GuardedServer.run(limits, door: door) { server async throws in
            let reply = try await server.exchange(String(Self.post("/door/echo", "whole").dropLast()))
            #expect(reply.hasPrefix("HTTP/1.1 408 "))
            #expect(door.seen == .init(entered: 1, abandoned: 1))
        }
    }

    /// Nothing is begun for a sender who does not take what it has asked for.
    @Test func whoeverTakesNothingIsGivenUpAndNothingMoreIsBegun() async throws {
        let door = ScriptedDoor()
        var limits = EdgeLimits()
        limits.maxConnections = 1
        limits.writeTimeout = .milliseconds(300)
        try await GuardedServer.run(limits, door: door) { server async throws in
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .channelOption(.autoRead, value: false).connect(host: "localhost", port: server.port).get()
            let requests = Self.post("/door/large") + Self.post("/door/echo", "more")
            try await channel.writeAndFlush(ByteBuffer(string: requests))
            // The server has given it up when another has its place.
            try await server.served()
            #expect(door.seen == .init(entered: 1, ended: 1, replied: 1))
            // It may be closed by now.
            try? await channel.close()
        }
    }

    // MARK: The server's end

    /// Requests under way are answered; connections on which there is none are closed.
    @Test func aStopWaitsForTheRepliesUnderWay() async throws {
        let door = ScriptedDoor()
        try await GuardedServer.run(door: door) { server async throws in
            try await server.connect().using { idle, outbound async throws in
                try await outbound.write(ByteBuffer(string: Self.post("/door/echo", "first")))
                _ = try await idle.until("first")
                try await server.connect().using { reply, outbound async throws in
                    let both = Self.post("/door/gate") + Self.post("/door/echo", "second")
                    try await outbound.write(ByteBuffer(string: both))
                    await door.gate.arrived()
                    await server.stop()
                    // The stop has come through when it has closed the other connection.
                    #expect(try await idle.all() == "")
                    door.gate.open()
                    #expect(try Self.replies(try await reply.all()) == ["200 through", "200 second"])
                }
            }
        }
    }
}
