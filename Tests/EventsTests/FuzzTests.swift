import Events
import Testing

/// Spoilt input of every kind, fast and without an oracle: nothing crashes, every refusal has words, and what is
/// accepted keeps to `EventLimits` and survives the log.
struct FuzzTests {
    private func check(_ items: [CollectDecoder.Item], _ input: [UInt8], _ origin: String) {
        for item in items {
            switch item.result {
            case .success(let event):
                let record = RecordCoder.encode(event, timeline: .live, received: receipt)
                let isKept = (try? RecordCoder.decode(record)) == .event(event, timeline: .live)
                if event.brokenLimit() != nil || !isKept || item.id != event.id || event.timestamp > receipt + 60_000 {
                    Issue.record("\(origin): \(String(decoding: input, as: UTF8.self)) gave \(event)")
                }
            case .failure(let error):
                if error.reason.isEmpty || error.description.utf8.count > 300 {
                    Issue.record("\(origin): \(String(decoding: input, as: UTF8.self)) gave \(error)")
                }
            }
        }
    }

    @Test(arguments: 1...8) func spoiltBodiesNeverBreakALimit(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let hits = [
            #"{"t":"event","pa":"purchase","cid":"V","z":12,"tr":"9.5","tm":1570000000000,"pr1id":"A","pr1pr":5,"pr2id":"B"}"#
        ]
        for round in 0..<10_000 {
            let original = random.one(of: JSONAgreementTests.valid + hits)
            let body = JSONAgreementTests.mutation.apply(to: Array(original.utf8), &random)
            do {
                check(try decode(body), body, "seed \(seed), round \(round)")
            } catch {
                let place = error.position ?? 0
                if error.reason.isEmpty || place > body.count {
                    Issue.record("seed \(seed), round \(round): \(String(decoding: body, as: UTF8.self)) gave \(error)")
                }
            }
        }
    }

    @Test(arguments: 1...8) func spoiltQueriesNeverBreakALimit(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let queries = [
            "id=e1&session=S&visitor=V&type=purchase&sku=A+1&url=https%3A%2F%2Fshop&timestamp=1569999999000&query=r%C3%A9d",
            "t=event&pa=add&cid=1.2&sid=S&z=4&tm=1569999990000&dl=%2Fa&pr1id=A&pr1pr=2.5&pr1qt=2&pr2id=B&ti=O&tr=5",
            "t=pageview&cid=V&qt=100&dh=shop.example&dp=/a",
        ]
        let mutation = Mutation(
            alphabet: Array("&=%+0123456789abcdefABCDEF/.-".utf8),
            words: [
                "%00", "%FF", "%C3%A9", "%", "&type=add", "&pr3id=C", "&qt=1e300", "=-1", "&price=1e400",
                "&pa=&t=event&ea=click",
            ])
        for round in 0..<10_000 {
            let query = mutation.apply(to: Array(random.one(of: queries).utf8), &random)
            check(decode(query: String(decoding: query, as: UTF8.self)), query, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: 1...8) func spoiltRecordsAreReadOrRefusedWithWords(seed: Int) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<5_000 {
            let event = Event.random(&random)
            let original =
                random.once(in: 8)
                ? RecordCoder.encodeEnd(replay: "r")
                : RecordCoder.encode(event, timeline: .replay("r"), received: receipt)
            let record = JSONAgreementTests.mutation.apply(to: original, &random)
            do {
                guard case .event(let event, let timeline) = try RecordCoder.decode(record) else { continue }
                let again = RecordCoder.encode(event, timeline: timeline, received: receipt)
                let isKept = (try? RecordCoder.decode(again)) == .event(event, timeline: timeline)
                #expect(event.brokenLimit() == nil && isKept, "seed \(seed), round \(round): \(event)")
            } catch {
                #expect(!error.reason.isEmpty)
            }
        }
    }
}
