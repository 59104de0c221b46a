import LogContract
import SpooledLog
import Testing

/// The state machine on random roads, beside a plain reckoning of the same.
struct StateTests {
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func nothingOvertakesAndBoundsHold(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var state = SpoolState(maxBytes: 1_000, maxWaitingBytes: 300, kept: .init(), diskBytes: 0)
        var waiting: [SpoolState.Amount] = []
        var kept: [SpoolState.Amount] = []
        var diskBytes = 0
        var passing = 0
        for _ in 0..<500 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let route = state.arrive()
                #expect(route == (waiting.isEmpty && kept.isEmpty ? .past : .behind))
                if route == .past { passing += 1 }
            case 1 where passing > 0:
                state.passed()
                passing -= 1
            case 2, 3:
                let amount = SpoolState.Amount(
                    records: Int.random(in: 1...3, using: &random), bytes: Int.random(in: 1...150, using: &random))
                let waitingBytes = waiting.reduce(0) { $0 + $1.bytes }
                let refusal = state.wait(amount)
                if diskBytes + waitingBytes + amount.bytes > 1_000 {
                    #expect(refusal == .full)
                } else if !waiting.isEmpty, waitingBytes + amount.bytes > 300 {
                    #expect(refusal == .busy)
                } else {
                    #expect(refusal == nil)
                    waiting.append(amount)
                }
            case 4 where !waiting.isEmpty:
                let amount = waiting.removeFirst()
                if Int.random(in: 0..<4, using: &random) == 0 {
                    state.fail(amount, diskBytes: diskBytes)
                } else {
                    diskBytes += amount.bytes
                    state.keep(amount, diskBytes: diskBytes)
                    kept.append(amount)
                }
            case 5 where !kept.isEmpty:
                let amount = kept.removeFirst()
                // A file goes when all of it has been drained.
                if kept.isEmpty { diskBytes = 0 }
                state.drain(amount, diskBytes: diskBytes)
            default: break
            }
            #expect(state.passing == passing)
            #expect(state.waiting.bytes == waiting.reduce(0) { $0 + $1.bytes })
            #expect(state.kept.bytes == kept.reduce(0) { $0 + $1.bytes })
            #expect(state.kept.records == kept.reduce(0) { $0 + $1.records })
            #expect(state.isSpooling == !(waiting.isEmpty && kept.isEmpty))
            #expect(state.diskBytes + state.waiting.bytes <= 1_000)
        }
        state.close()
        #expect(state.arrive() == .closed)
        #expect(state.isAtRest == (passing == 0 && waiting.isEmpty))
    }
}
