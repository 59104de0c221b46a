import EventLog
import Events
import Foundation
import Synchronization

/// What a server does with a replay, by the letter of the protocol, in memory: for `ScriptedServer`.
final class ReplayDoor: Sendable {
    struct State {
        var rows: [Row] = []
        var ended = false
        var ids: Set<String> = []
    }

    enum Row: Equatable {
        case event(Event)
        case rejected(reason: String, line: Int, bytes: String)
    }

    private let state = Mutex(State())

    var rows: [Row] { state.withLock { $0.rows } }
    var ended: Bool { state.withLock { $0.ended } }

    private struct Rejected: Decodable {
        struct Content: Decodable {
            var reason: String
            var line: Int
            var bytes: Data
        }
        var rejected: Content
    }

    func answer(_ request: ScriptedServer.Request) -> ScriptedServer.Answer {
        state.withLock { state in
            switch (request.method, request.uri) {
            case ("GET", "/replay/a%20test"):
                return .init(
                    status: 200, body: #"{"name":"a test","lastRow":\#(state.rows.count),"ended":\#(state.ended)}"#)
            case ("POST", "/replay/a%20test/end"):
                state.ended = true
                return .init(status: 200, body: #"{"name":"a test","lastRow":\#(state.rows.count),"ended":true}"#)
            case ("POST", let uri) where uri.hasPrefix("/replay/a%20test?row="):
                guard let first = Int(uri.dropFirst("/replay/a%20test?row=".count)) else {
                    return .init(status: 400, body: #"{"error":"row"}"#)
                }
                return append(request.body, first: first, &state)
            case ("POST", "/collect"):
                return collect(request.body, &state)
            default:
                return .init(status: 404, body: #"{"error":"no such page"}"#)
            }
        }
    }

    private func append(_ body: String, first: Int, _ state: inout State) -> ScriptedServer.Answer {
        guard first <= state.rows.count + 1 else {
            return .init(status: 409, body: #"{"error":"a gap","expected":\#(state.rows.count + 1)}"#)
        }
        let lines = body.split(separator: "\n")
        let new = lines.dropFirst(state.rows.count + 1 - first)
        var stored = 0
        for line in new {
            if case .event(let event, .replay("a test"))? = try? RecordCoder.decode(Array(line.utf8)) {
                state.rows.append(.event(event))
                stored += 1
            } else if let row = try? JSONDecoder().decode(Rejected.self, from: Data(line.utf8)).rejected {
                state.rows.append(
                    .rejected(reason: row.reason, line: row.line, bytes: String(decoding: row.bytes, as: UTF8.self)))
            } else {
                return .init(status: 400, body: #"{"error":"line"}"#)
            }
        }
        return .init(
            status: 200,
            body: """
                {"stored":\(stored),"rejected":\(new.count - stored),"duplicates":\(lines.count - new.count)}
                """)
    }

    private func collect(_ body: String, _ state: inout State) -> ScriptedServer.Answer {
        let items = (try? CollectDecoder(received: 1_800_000_000_000).decode(body: Array(body.utf8)) { "made" }) ?? []
        let verdicts = items.map { item in
            switch item.result {
            case .failure(let error):
                return #"{"index":\#(item.index),"verdict":"rejected","reason":"\#(error.field ?? "")"}"#
            case .success(let event) where state.ids.insert(event.id).inserted:
                state.rows.append(.event(event))
                return #"{"index":\#(item.index),"id":"\#(event.id)","verdict":"stored","partition":0,"offset":1}"#
            case .success(let event):
                return #"{"index":\#(item.index),"id":"\#(event.id)","verdict":"duplicate"}"#
            }
        }
        return .init(
            status: 200,
            body:
                #"{"durability":"fsync","stored":1,"duplicate":0,"rejected":0,"retry":0,"events":[\#(verdicts.joined(separator: ","))]}"#
        )
    }
}
