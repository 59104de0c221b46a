import Foundation
import Synchronization
import Testing

/// `kill -9` in the middle of everything: what was acknowledged is on the log once, what is on the log is scored once.
@Suite(.serialized)
struct CrashTests {
    /// One client that posts batches, and sends a batch again, ids and all, when it did not hear what became of it.
    private final class Ledger: Sendable {
        private let state = Mutex<(next: Int, acknowledged: Set<String>)>((0, []))

        func nextBatch() -> [String] {
            state.withLock { state in
                defer { state.next += 20 }
                return (state.next..<state.next + 20).map { "e\($0)" }
            }
        }

        func acknowledge(_ ids: [String]) { state.withLock { $0.acknowledged.formUnion(ids) } }
        var acknowledged: Set<String> { state.withLock { $0.acknowledged } }
    }

    fileprivate static func body(_ ids: [String]) -> Data {
        let events = ids.map { id in
            let number = Int(id.dropFirst()) ?? 0
            // Every seventh session buys at its end, and goes on a little.
            let session = number / 12
            let type = session % 7 == 0 && number % 12 == 9 ? "purchase" : number % 5 == 0 ? "add" : "detail"
            return #"{"id":"\#(id)","session":"s\#(session)","type":"\#(type)","sku":"p\#(number % 40)"}"#
        }
        return Data("[\(events.joined(separator: ","))]".utf8)
    }

    /// Posts until the server dies; returns the batch whose fate is unknown.
    private static func post(to server: RunningServer, _ ledger: Ledger, first: [String]?, started: () -> Void) async
        -> [String]
    {
        var ids = first ?? ledger.nextBatch()
        while true {
            guard let (status, body) = try? await server.post(body: ids), status == 200 else { return ids }
            let reply = String(decoding: body, as: UTF8.self)
            guard !reply.contains("\"rejected\":1"), !reply.contains("\"verdict\":\"retry\"") else { return ids }
            ledger.acknowledge(ids)
            started()
            ids = ledger.nextBatch()
        }
    }

    @Test func whatWasAcknowledgedIsStoredAndScoredOnce() async throws {
        let data = try await SimulatedShop.dataDirectory()
        let shop = try await SimulatedShop.shared.value
        let ledger = Ledger()
        var unknown: [[String]?] = [nil, nil, nil]
        for round in 0..<5 {
            let server = try await RunningServer.start(data: data.path, arguments: ["--set", "score.batch=300"])
            let replaying = Task {
                try await Program.run(["replay", shop.csv, "--name", "history", "--url", server.url])
            }
            // Killed once enough has been acknowledged in this round, which differs from round to round.
            let enough = AsyncStream<Void>.makeStream()
            let count = Atomic(0)
            let first = unknown
            let clients = Task {
                await withTaskGroup(of: (Int, [String]).self) { group in
                    for client in first.indices {
                        group.addTask {
                            let ids = await Self.post(to: server, ledger, first: first[client]) {
                                if count.add(1, ordering: .relaxed).newValue == 40 + round * 23 {
                                    enough.continuation.finish()
                                }
                            }
                            return (client, ids)
                        }
                    }
                    var result = first
                    for await (client, ids) in group { result[client] = ids }
                    return result
                }
            }
            for await _ in enough.stream {}
            await server.kill()
            unknown = await clients.value
            // The replay ends by itself: it gives up on a server that does not come back, and is repeated below.
            replaying.cancel()
            _ = await replaying.result
        }

        let server = try await RunningServer.start(data: data.path)
        for ids in unknown {
            let (status, _) = try await server.post("/collect", Self.body(ids ?? []))
            #expect(status == 200)
            ledger.acknowledge(ids ?? [])
        }
        let replayed = try await Program.run(
            ["replay", shop.csv, "--name", "history", "--url", server.url, "--json"])
        #expect(replayed.code == 0, "\(replayed.error)")
        let status = try await server.settled()
        #expect(status.balanced)
        #expect(await server.stop() == 0)

        let books = try await Bookkeeper.read(data.path)
        #expect(books.violations == [])
        #expect(ledger.acknowledged.allSatisfy { books.events[$0] == 1 })
        #expect(books.events.values.allSatisfy { $0 == 1 })
        #expect(books.events.count == ledger.acknowledged.count + SimulatedShop.events)
        #expect(Int64(books.scored) == status.account("scored"))
        #expect(Int64(books.afterPurchase) == status.account("after_purchase"))
        #expect(Int64(books.control) == status.account("control"))

        let audit = try await Program.run(["audit", "--data", data.path, "--json"])
        #expect(audit.code == 0, "\(audit.output)\(audit.error)")
        #expect(audit.output.contains("\"largestDifference\" : 0"))
    }
}

extension RunningServer {
    fileprivate func post(body ids: [String]) async throws -> (status: Int, body: Data) {
        try await post("/collect", CrashTests.body(ids))
    }
}
