import AsyncHTTPClient
import EventLog
import Events
import Foundation
import Logging
import Replay
import Synchronization
import Testing

struct HTTPSinkTests {
    private let directory: TemporaryDirectory
    private let clock = SleepClock()

    init() throws { directory = try TemporaryDirectory() }

    private func replay(
        _ path: String, to url: String, writeKey: String? = nil, mode: ReplayOptions.Mode = .replay,
        patience: Duration = .seconds(20)
    ) async throws -> ReplayResult {
        let options = ReplayOptions(
            name: "a test", mode: mode, temporaryDirectory: directory.path, patience: patience)
        return try await withClient { client in
            let sink = try HTTPSink(url: url, writeKey: writeKey, client: client)
            return try await Replayer(options: options, sink: sink, logger: .silent, clock: clock.clock)
                .run(.file(path))
        }
    }

    private func withClient<Value>(_ body: (HTTPClient) async throws -> Value) async throws -> Value {
        let client = HTTPClient(configuration: HTTPSink.clientConfiguration)
        let result: Result<Value, any Error>
        do { result = .success(try await body(client)) } catch { result = .failure(error) }
        try await client.shutdown()
        return try result.get()
    }

    @Test func requestsAreThoseOfTheProtocol() async throws {
        var file = SampleFile()
        file.addEvent(at: 1_000)
        file.add("\"x\"", time: nil, isGood: false)
        file.addEvent(session: "b", at: 0)
        let door = ReplayDoor()
        let server = try await ScriptedServer(answer: door.answer)
        let result = try await replay(try directory.write(file.text), to: server.url + "/", writeKey: "k")
        try await server.stop()

        func line(_ id: String, _ session: String, _ time: Int64) -> String {
            let event = Event(id: id, session: session, kind: .detail, timestamp: SampleFile.start + time, sku: "p1")
            return String(
                decoding: RecordCoder.encode(event, timeline: .replay("a test"), received: clock.now), as: UTF8.self)
        }
        let rejected = #"{"rejected":{"reason":"1 fields where the header has 6","line":3,"bytes":"Ingi"}}"#
        let body = [line("a test/4", "b", 0), line("a test/2", "a", 1_000), rejected].joined(separator: "\n") + "\n"
        func request(_ method: String, _ uri: String, _ body: String) -> ScriptedServer.Request {
            .init(
                method: method, uri: uri, authorization: "Bearer k",
                contentType: method == "GET" ? nil : "application/x-ndjson", body: body)
        }
        #expect(
            server.requests == [
                request("GET", "/replay/a%20test", ""), request("POST", "/replay/a%20test?row=1", body),
                request("POST", "/replay/a%20test/end", ""),
            ])
        #expect(result.counts == ReplayCounts(stored: 2, rejected: 1))
        #expect(result.ended && door.ended)
    }

    @Test func manyRowsGoInBodiesBelowAMegabyteAndInOrder() async throws {
        let file = SampleFile.random(seed: 21, count: 20_000)
        let door = ReplayDoor()
        let server = try await ScriptedServer(answer: door.answer)
        let path = try directory.write(file.text)
        let result = try await replay(path, to: server.url)
        #expect(result.counts == ReplayCounts(stored: file.goodCount, rejected: 20_000 - file.goodCount))
        let sizes = server.requests.filter { $0.uri.contains("?row=") }.map(\.body.utf8.count)
        #expect(sizes.count >= 5 && sizes.allSatisfy { $0 < 1 << 20 })
        let lines = door.rows.map { row in
            switch row {
            case .event(let event): event.id
            case .rejected(_, let line, let bytes): "\(line) \(bytes)"
            }
        }
        #expect(lines == file.inOrder.map { $0.isGood ? "a test/\($0.line)" : "\($0.line) \($0.text)" })

        let again = try await replay(path, to: server.url)
        #expect(again.counts == ReplayCounts(duplicates: 20_000))
        try await server.stop()
    }

    /// The longest rows there are, good and rejected, in their least favourable spelling.
    @Test func bodiesStayBelowAMegabyteWhateverIsInThem() async throws {
        var file = SampleFile()
        let long = String(repeating: "\\", count: 256)
        for row in 0..<1_000 {
            if row % 2 == 0 {
                file.add(
                    "\(long),pageview,,\(long),\(SampleFile.start),\(String(repeating: "\\", count: 2_048))",
                    time: SampleFile.start, isGood: true)
            } else {
                file.add(String(repeating: "\u{1}", count: 16_000), time: nil, isGood: false)
            }
        }
        let door = ReplayDoor()
        let server = try await ScriptedServer(answer: door.answer)
        let result = try await replay(try directory.write(file.text), to: server.url)
        #expect(result.counts == ReplayCounts(stored: 500, rejected: 500))
        #expect(server.requests.allSatisfy { $0.body.utf8.count < 1 << 20 })
        try await server.stop()
    }

    @Test func lostAnswersHangUpsAndBusyServersAreOvercome() async throws {
        let file = SampleFile.random(seed: 22, count: 20_000)
        let door = ReplayDoor()
        let count = Mutex(0)
        let server = try await ScriptedServer { request in
            let number = count.withLock { count in
                count += 1
                return count
            }
            switch number % 7 {
            case 1: return .init(status: 503, headers: [("Retry-After", "7")], body: #"{"error":"full"}"#)
            case 2: return .hangUp
            case 4:
                _ = door.answer(request)
                return .hangUp
            case 5: return .init(status: 500, body: "")
            default: return door.answer(request)
            }
        }
        let result = try await replay(try directory.write(file.text), to: server.url)
        #expect(result.counts == ReplayCounts(stored: file.goodCount, rejected: 20_000 - file.goodCount))
        #expect(door.rows.count == 20_000)
        #expect(result.retries > 4)
        #expect(clock.sleeps.contains(.seconds(7)))
        try await server.stop()
    }

    @Test func aServerThatComesBackIsWaitedFor() async throws {
        // A port that was just free.
        let probe = try await ScriptedServer { _ in .hangUp }
        let port = probe.port
        try await probe.stop()
        let door = ReplayDoor()
        let file = SampleFile.random(seed: 22, count: 50)
        let path = try directory.write(file.text)
        let server = Mutex<ScriptedServer?>(nil)
        let sleeps = Mutex(0)
        let clock = ReplayClock(now: { 1_700_000_000_000 }) { _ in
            let count = sleeps.withLock { count in
                count += 1
                return count
            }
            guard count == 3 else { return }
            let started = try await ScriptedServer(port: port, answer: door.answer)
            server.withLock { $0 = started }
        }
        let result = try await withClient { client in
            let sink = try HTTPSink(url: "http://127.0.0.1:\(port)", client: client)
            return try await Replayer(options: .init(name: "a test"), sink: sink, logger: .silent, clock: clock)
                .run(.file(path))
        }
        #expect(result.counts.rows == 50 && result.retries == 3)
        try await server.withLock { $0 }?.stop()
    }

    @Test func aServerThatIsNotThereIsNamedInTheEnd() async throws {
        let probe = try await ScriptedServer { _ in .hangUp }
        let url = probe.url
        try await probe.stop()
        let path = try directory.write(SampleFile.random(seed: 22, count: 50).text)
        let error = await #expect(throws: ReplayError.self) { _ = try await replay(path, to: url) }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("nothing got through for 2"))
        #expect(text.contains("no answer from \(url)") && text.contains("is a Dinghy server running there?"))
    }

    @Test(arguments: [
        (401, #"{"error":"bad key"}"#, "401 bad key; give one of the server's write keys with --write-key"),
        (404, "nothing here", "404 nothing here; is it a Dinghy server with the role collect?"),
        (
            413, #"{"error":"too large"}"#,
            "413 too large; its limit on a body is below the 1 MiB that a replay sends, raise it"
        ),
        (400, #"{"error":"line 3"}"#, "400 line 3"),
        (200, "<html>", "its answer is not that of a Dinghy server of this version: '<html>'"),
    ])
    func refusalsAreSaidAtOnceWithTheFix(status: Int, body: String, reason: String) async throws {
        let server = try await ScriptedServer { _ in .init(status: status, body: body) }
        let path = try directory.write(SampleFile.random(seed: 22, count: 50).text)
        await #expect(throws: ReplayError.server(url: server.url, reason: reason)) {
            _ = try await replay(path, to: server.url)
        }
        #expect(server.requests.count == 1)
        try await server.stop()
    }

    @Test func aServerThatLostTheReplaysRowsIsNotFilledFromTheMiddle() async throws {
        let door = ReplayDoor()
        let server = try await ScriptedServer { request in
            request.method == "GET"
                ? .init(status: 200, body: #"{"name":"a test","lastRow":20,"ended":false}"#) : door.answer(request)
        }
        let path = try directory.write(SampleFile.random(seed: 22, count: 50).text)
        await #expect(throws: ReplayError.log(.replayGap(name: "a test", expected: 1, got: 21))) {
            _ = try await replay(path, to: server.url)
        }
        try await server.stop()
    }

    @Test func liveRowsAreCollectedAndJudgedOneByOne() async throws {
        let file = SampleFile.random(seed: 23, count: 9_000)
        let path = try directory.write(file.text)
        let door = ReplayDoor()
        let server = try await ScriptedServer(answer: door.answer)
        let result = try await replay(path, to: server.url, writeKey: "k", mode: .live)
        #expect(result.counts == ReplayCounts(stored: file.goodCount, rejected: 9_000 - file.goodCount))
        // The reason is the row's own, not what the server makes of a line without an event.
        let local = try await Replayer(
            options: .init(name: "a test"), sink: MemorySink(), logger: .silent
        ).run(.file(path))
        #expect(result.problems == local.problems)
        #expect(Set(server.requests.map(\.uri)) == ["/collect"])
        #expect(server.requests.allSatisfy { $0.authorization == "Bearer k" })
        let again = try await replay(path, to: server.url, mode: .live)
        #expect(again.counts == ReplayCounts(duplicates: file.goodCount, rejected: 9_000 - file.goodCount))
        try await server.stop()
    }

    @Test(arguments: ["", "localhost:8080", "ftp://x", "http://", "http://a b"])
    func whatIsNoURLIsRefused(url: String) {
        #expect(
            throws: ReplayError.server(url: url, reason: "is no URL of a server; one looks like http://127.0.0.1:8080")
        ) {
            _ = try HTTPSink(url: url, client: .shared)
        }
    }
}
