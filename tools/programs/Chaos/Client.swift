import AsyncHTTPClient
import ChaosChecks
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// One client: a few sessions at a time, a post whenever its turn comes, each sent until it is acknowledged.
///
/// A session stays with one collector, as a load balancer with affinity would have it; after an unknown outcome it may
/// move, but not once a spool holds events of it: then only its own collector keeps its order.
struct Client {
    let number: Int
    /// Where a collector listens; `nil` while it does not.
    let url: @Sendable (_ collector: Int) async -> String?
    let collectors: Int
    let books: ClientBooks
    let habits: Habits
    /// Events a second of this client.
    let rate: Double
    private var random: SeededRandom
    private var sessions: [Session] = []
    private var begun = 0

    /// What some clients do beside sending until they are heard.
    struct Habits {
        /// Sends some acknowledged posts once more, and expects to hear that every event is known.
        var repeats = false
        /// Gives some posts up when it does not hear what became of them.
        var givesUp = false
    }

    private struct Session {
        var id: String
        var collector: Int
        var sent = 0
        var length: Int
        /// The event that buys; beyond `length` where none does.
        var purchase: Int
        var isSpooled = false
    }

    init(
        number: Int, collectors: Int, books: ClientBooks, rate: Double, seed: UInt64, habits: Habits = Habits(),
        url: @escaping @Sendable (_ collector: Int) async -> String?
    ) {
        self.number = number
        self.url = url
        self.habits = habits
        self.collectors = collectors
        self.books = books
        self.rate = rate
        random = SeededRandom(seed &+ UInt64(number + 1) &* 0x9e37_79b9)
    }

    /// Posts until the load is over; what is not acknowledged when `limit` is reached is given up as unknown.
    mutating func run(whileLoaded isLoaded: () -> Bool, limit: ContinuousClock.Instant? = nil) async {
        var due = ContinuousClock.now
        while isLoaded() {
            while sessions.count < 6 { sessions.append(newSession()) }
            var chosen = Set<Int>()
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                chosen.insert(Int.random(in: 0..<sessions.count, using: &random))
            }
            // All of one collector: the first one's.
            let indices = chosen.sorted()
            let collector = sessions[indices[0]].collector
            let mine = indices.filter { sessions[$0].collector == collector }
            let count = await post(mine, limit: limit)
            sessions.removeAll { $0.sent >= $0.length }
            due += .seconds(Double(count) / rate)
            if due > .now { try? await Task.sleep(until: due, clock: .continuous) } else { due = .now }
        }
    }

    private mutating func newSession() -> Session {
        begun += 1
        let length = Int.random(in: 3...30, using: &random)
        let buys = Int.random(in: 0..<6, using: &random) == 0
        return Session(
            id: "c\(number)-\(begun)", collector: Int.random(in: 0..<collectors, using: &random), length: length,
            purchase: buys ? Int.random(in: 1..<length, using: &random) : length)
    }

    private mutating func post(_ indices: [Int], limit: ContinuousClock.Instant?) async -> Int {
        var parts: [Ledger.Post] = []
        var events: [String] = []
        for index in indices {
            let most = sessions[index].length - sessions[index].sent
            let count = Bool.random(using: &random) ? 1 : Int.random(in: 1...min(20, most), using: &random)
            var ids: [String] = []
            for _ in 0..<count {
                let session = sessions[index]
                let id = "\(session.id)-\(session.sent)"
                let type = session.sent == session.purchase ? "purchase" : session.sent % 5 == 3 ? "add" : "detail"
                let sku = "p\(Int.random(in: 0..<50, using: &random))"
                events.append(#"{"id":"\#(id)","session":"\#(session.id)","type":"\#(type)","sku":"\#(sku)"}"#)
                ids.append(id)
                sessions[index].sent += 1
            }
            parts.append(Ledger.Post(session: sessions[index].id, ids: ids, attempts: 0))
        }
        let body = events.count == 1 ? events[0] : "[\(events.joined(separator: ","))]"
        while limit.map({ ContinuousClock.now < $0 }) ?? true {
            for part in parts.indices { parts[part].attempts += 1 }
            if let reply = await send(body, to: sessions[indices[0]].collector) {
                for part in parts { books.acknowledge(part, bySpool: reply.spooled.intersection(part.ids).count) }
                if !reply.spooled.isEmpty { for index in indices { sessions[index].isSpooled = true } }
                if habits.repeats, Int.random(in: 0..<8, using: &random) == 0 {
                    await sendAgain(body, to: sessions[indices[0]].collector)
                }
                return events.count
            }
            if habits.givesUp, Int.random(in: 0..<4, using: &random) == 0 { break }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 50...300, using: &random)))
            if !indices.contains(where: { sessions[$0].isSpooled }), Int.random(in: 0..<3, using: &random) == 0 {
                let other = Int.random(in: 0..<collectors, using: &random)
                for index in indices { sessions[index].collector = other }
            }
        }
        for part in parts { books.giveUp(part) }
        return events.count
    }

    /// Everything in it is acknowledged: none of it may be stored again. What is not answered is let go.
    private func sendAgain(_ body: String, to collector: Int) async {
        guard let reply = await send(body, to: collector) else { return }
        books.countRepetition()
        if reply.stored > 0 { books.report("of a post acknowledged before, \(reply.stored) events were stored again") }
    }

    /// `nil` where not every event is known to be stored.
    private func send(_ body: String, to collector: Int) async -> Reply? {
        guard let url = await url(collector) else { return nil }
        var request = HTTPClientRequest(url: url + "/collect")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: body))
        guard let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(15)) else { return nil }
        guard response.status == .ok, let bytes = try? await response.body.collect(upTo: 8 << 20),
            let reply = try? JSONDecoder().decode(Reply.Wire.self, from: Data(bytes.readableBytesView))
        else {
            if (400..<500).contains(response.status.code), response.status.code != 429 {
                books.report("a well-formed post was answered with \(response.status.code)")
            }
            return nil
        }
        for event in reply.events where event.verdict == "rejected" {
            books.report("a well-formed event was rejected: \(event.id ?? "?"): \(event.reason ?? "")")
        }
        return Reply(reply)
    }

    private struct Reply {
        struct Wire: Decodable {
            struct Event: Decodable {
                var id: String?
                var verdict: String
                var reason: String?
                var durability: String?
            }
            var durability: String?
            var events: [Event]
        }

        /// Ids that are on the collector's disk only.
        var spooled: Set<String> = []
        /// How many are new.
        var stored = 0

        init?(_ wire: Wire) {
            for event in wire.events {
                guard event.verdict == "stored" || event.verdict == "duplicate" else { return nil }
                if event.verdict == "stored" { stored += 1 }
                if (event.durability ?? wire.durability) == "spool", let id = event.id { spooled.insert(id) }
            }
        }
    }
}

/// What all clients share.
final class ClientBooks: Sendable {
    private let state = Mutex((ledger: Ledger(), problems: [String](), repetitions: 0))

    /// Acknowledged posts that were sent again, and answered.
    var repetitions: Int { state.withLock { $0.repetitions } }
    func countRepetition() { state.withLock { $0.repetitions += 1 } }

    var ledger: Ledger { state.withLock { $0.ledger } }
    /// The first hundred.
    var problems: [String] { state.withLock { $0.problems } }

    func acknowledge(_ post: Ledger.Post, bySpool: Int) {
        state.withLock { $0.ledger.acknowledge(post, bySpool: bySpool) }
    }
    func giveUp(_ post: Ledger.Post) { state.withLock { $0.ledger.giveUp(post) } }
    func report(_ problem: String) {
        state.withLock { if $0.problems.count < 100 { $0.problems.append(problem) } }
    }
}
