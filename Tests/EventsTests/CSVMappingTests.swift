import Events
import Testing

/// Files that say the same things in other words.
struct CSVMappingTests {
    private func event(_ row: String, header: String, map: String) throws(EventError) -> Event {
        try BrowsingCSV(header: Array(header.utf8)[...], mapping: CSVMapping(map))
            .event(record: Array(row.utf8)[...], id: "f/1")
    }

    private func reason(_ map: String) -> String? {
        do throws(EventError) {
            _ = try CSVMapping(map)
            return nil
        } catch { return error.description }
    }

    @Test func columnsAndActionsByTheFilesOwnNames() throws {
        let header = "ts,what,item,price,visit"
        let map = "session=visit,time=ts,action=what,sku=item,type=,url=,detail=view,add=basket,add=wish,purchase=order"
        func kind(_ word: String) throws(EventError) -> EventKind {
            try event("1570000000000,\(word),K,9.5,S", header: header, map: map).kind
        }
        #expect(
            try event("1570000000000,basket,K,9.5,S", header: header, map: map)
                == Event(id: "f/1", session: "S", kind: .add, timestamp: 1_570_000_000_000, sku: "K"))
        #expect(try kind("view") == .detail)
        #expect(try kind("wish") == .add)
        #expect(try kind("order") == .purchase)
        // The schema's own words stay known, and no action is a page view.
        #expect(try kind("remove") == .remove)
        #expect(try kind("") == .pageview)
    }

    @Test func aWordMayStandForWhatTheSchemaCannotSay() throws {
        let header =
            "session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url"
        let row = "S,whatever,find,,1570000000000,U"
        #expect(try event(row, header: header, map: "search=find").kind == .search)
    }

    @Test func noMappingIsTheSchema() throws {
        #expect(try CSVMapping("") == .none)
    }

    @Test(arguments: [
        ("nonsense", "nonsense: is no OURS=THEIRS"),
        ("colour=red", "colour: is unknown; known are session, type, action"),
        ("session=", "session: no file can do without this column"),
        ("time=a,server_timestamp_epoch_ms=b", "server_timestamp_epoch_ms: stands there more than once"),
        ("add=x,remove=x", "remove: `x` is no word of its own"),
        ("add=", "add: `` is no word of its own"),
    ])
    func whatIsWrongIsNamed(map: String, reason: String) {
        #expect(self.reason(map)?.hasPrefix(reason) == true, "\(self.reason(map) ?? "nothing")")
    }

    @Test func aMappedColumnThatIsMissingIsNamedAsTheFileWouldCallIt() {
        do throws(EventError) {
            _ = try event("", header: "visit,ts", map: "session=visit,time=ts,action=what,sku=,url=,type=")
            Issue.record("a header without its action was taken")
        } catch {
            #expect(error.description == "what: missing from the header")
        }
    }
}
