import ArgumentParser
import Events

/// What a CSV calls its columns and actions: shared by all commands that read one.
struct CSVOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The file's own words: session, type, action, sku, time, url or a kind of event, = what the file says.",
            discussion: "Such as session=visit,time=ts,action=what,add=basket,purchase=order,type=,url= where the file "
                + "has neither type nor URL. Times are milliseconds since 1970.",
            valueName: "ours=theirs,…"))
    var map: String?

    func mapping() throws -> CSVMapping {
        guard let map else { return .none }
        do { return try CSVMapping(map) } catch { throw ValidationError("--map: \(error)") }
    }
}
