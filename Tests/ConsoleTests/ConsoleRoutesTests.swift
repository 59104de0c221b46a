import Console
import EmbeddedLog
import FoundationEssentials
import Scoring
import Testing

/// What is asked for once: look-ups, status, health, the page.
@Suite(.timeLimit(.minutes(2)))
struct ConsoleRoutesTests {
    private struct Sessions: Decodable, Equatable {
        struct One: Decodable, Equatable {
            var session: String
            var open: Bool
            var omitted: Int
            var scores: [ScoreRecord]
            var outcome: OutcomeRecord?
        }
        var position: String
        var sessions: [One]
    }

    private func sessions(_ console: TestConsole, _ path: String) async throws -> Sessions {
        let reply = try await console.get(path)
        #expect(reply.status == 200 && reply.headers["content-type"] == "application/json", "\(reply.body)")
        return try JSONDecoder().decode(Sessions.self, from: Data(reply.body.utf8))
    }

    @Test func sessionsAreFoundByIdKeyAndIdentity() async throws {
        try await TestConsole.run { console in
            let first: [ScoreRecord] = [.sample(0, session: 0, key: "s:a"), .sample(1, session: 0, key: "s:a")]
            let other: [ScoreRecord] = [.sample(2, session: 2, key: "v:ü/b c")]
            let second: [ScoreRecord] = [.sample(9, session: 9, key: "s:a")]
            let outcome = OutcomeRecord.sample(9, session: 0, key: "s:a")
            try await console.publish(first + other + second, outcomes: [outcome])
            try await console.handedOut()

            let open = Sessions.One(session: "0:9", open: true, omitted: 0, scores: second, outcome: nil)
            let closed = Sessions.One(session: "0:0", open: false, omitted: 0, scores: first, outcome: outcome)
            let visitor = Sessions.One(session: "0:2", open: true, omitted: 0, scores: other, outcome: nil)
            for name in ["a", "s:a", "s%3Aa"] {
                #expect(
                    try await sessions(console, "/sessions/\(name)")
                        == Sessions(position: "1:4/1", sessions: [open, closed]), "\(name)")
            }
            #expect(try await sessions(console, "/sessions/0:0").sessions == [closed])
            for name in ["v:%C3%BC%2Fb%20c", "%C3%BC%2Fb%20c"] {
                #expect(try await sessions(console, "/sessions/\(name)").sessions == [visitor], "\(name)")
            }
            #expect(try await sessions(console, "/sessions").sessions.map(\.session).sorted() == ["0:0", "0:2", "0:9"])
        }
    }

    @Test func aLookUpGivesAtMostAsManyRecordsAsItIsAskedFor() async throws {
        try await TestConsole.run { console in
            try await console.publish(
                (0..<10).map { .sample($0, session: 0, key: "s:a") }
                    + (10..<12).map { .sample($0, session: 10, key: "s:a") })
            try await console.handedOut()
            let cut = try await sessions(console, "/sessions/a?limit=5").sessions
            #expect(cut.map(\.session) == ["0:10", "0:0"] && cut.map(\.omitted) == [0, 7])
            #expect(cut.map { $0.scores.map(\.offset) } == [[10, 11], [7, 8, 9]])
            for query in ["limit=0", "limit=10001", "limit=many", "last=5"] {
                let reply = try await console.get("/sessions/a?\(query)")
                #expect(reply.status == 400 && reply.body.contains("known is limit, 1 to 10000"), "\(reply.body)")
            }
        }
    }

    @Test func theOldestRecordsAreForgotten() async throws {
        var settings = Feed.Settings()
        settings.recentRecords = 6
        try await TestConsole.run(settings: settings) { console in
            try await console.publish([.sample(0, session: 0), .sample(1, session: 1)], outcomes: [])
            try await console.handedOut()
            try await console.publish([], outcomes: [.sample(2, session: 0)])
            try await console.handedOut()
            try await console.publish((3..<7).map { .sample($0, session: 1) })
            try await console.handedOut()
            // Seven records were kept one after the other: the first, of session 0, has gone, its outcome has not.
            #expect(try await sessions(console, "/sessions/0:0").sessions.map { $0.scores.count } == [0])
            try await console.publish([.sample(7, session: 7), .sample(8, session: 8)])
            try await console.handedOut()
            #expect(try await console.get("/sessions/0:0").status == 404)
            #expect(
                try await sessions(console, "/sessions/0:1").sessions.map { $0.scores.map(\.offset) } == [[3, 4, 5, 6]])
            let unknown = try await console.get("/sessions/nobody")
            #expect(unknown.status == 404)
            #expect(unknown.body.contains("no session 'nobody' among the newest 6 records"), "\(unknown.body)")
        }
    }

    @Test func theRecentPastIsThereFromTheStart() async throws {
        try await TestConsole.run(before: { try await $0.publish((0..<50).map { .sample($0, session: $0 / 10) }) }) {
            console in
            try await console.handedOut()
            #expect(try await sessions(console, "/sessions/0:4").sessions[0].scores.map(\.offset) == Array(40..<50))
        }
    }

    @Test func statusIsReadBackAsItWas() async throws {
        try await TestConsole.run(partitions: 2) { console in
            try await console.publish([.sample(0), .sample(1)])
            let reply = try await console.get("/status")
            #expect(reply.status == 200 && reply.headers["content-type"] == "application/json")
            #expect(reply.headers["cache-control"] == "no-store")
            let report = try StatusReport(json: Array(reply.body.utf8))
            let own = try await StatusReport(
                version: "1.2.3", log: "embedded", events: console.data.log, outputs: console.data.outputs,
                models: StatusReport.Models(champion: 7, count: 9), watching: 0)
            #expect(report == own)
            #expect(report.partitions.map(\.next) == [2, 0] && report.partitions.allSatisfy(\.balanced))
            #expect(report.total("scored") == 2)
        }
    }

    @Test func healthTellsAliveFromReady() async throws {
        try await TestConsole.run { console in
            let replies = try await [console.get("/health/live"), console.get("/health/ready")]
            #expect(replies.map(\.body) == ["live\n", "ready\n"])
        }
        try await TestConsole.run(notReady: { ["scoring", "the log"] }) { console in
            #expect(try await console.get("/health/live").status == 200)
            let reply = try await console.get("/health/ready")
            #expect(reply.status == 503 && reply.body == "waiting for scoring, the log\n")
        }
    }

    @Test func thePageRunsItsOwnScriptAndNothingElse() async throws {
        try await TestConsole.run { console in
            let reply = try await console.get("/")
            #expect(reply.status == 200 && reply.headers["content-type"] == "text/html; charset=utf-8")
            let policy = try #require(reply.headers["content-security-policy"])
            let nonce = try #require(policy.split(separator: "'").first { $0.hasPrefix("nonce-") }).dropFirst(6)
            #expect(
                policy == "default-src 'none'; script-src 'nonce-\(nonce)'; style-src 'nonce-\(nonce)'; "
                    + "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
            #expect(reply.headers["x-content-type-options"] == "nosniff")
            #expect(
                reply.body.contains("<script nonce=\"\(nonce)\">") && reply.body.contains("<style nonce=\"\(nonce)\">"))
            // Nothing that the policy would refuse, nothing that could turn a shop's text into markup.
            for forbidden in [
                "src=\"http", "href=\"http", " style=\"", "onclick=\"", "innerHTML", "insertAdjacentHTML", "eval(",
            ] {
                #expect(!reply.body.contains(forbidden), "\(forbidden)")
            }
            #expect(try await console.get("/").headers["content-security-policy"] != policy)
        }
    }
}
