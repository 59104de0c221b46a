/// What a browsing CSV calls its columns and actions where those are not the schema's own words.
///
/// Written as `OURS=THEIRS,…`: OURS is a column of the schema (`session`, `type`, `action`, `sku`, `time`, `url`, or the
/// column's whole name) or a kind of event (`pageview`, `detail`, `add`, `remove`, `purchase`, `search`, `click`), THEIRS
/// what the file says instead. `type=`, `sku=` and `url=` with nothing behind say that the file has no such column. A kind
/// may be named several times; the schema's own words stay known.
public struct CSVMapping: Sendable, Equatable {
    /// The schema as it is.
    public static let none = CSVMapping()

    /// What the file calls a column, by the schema's name; empty: it has none.
    var columns: [String: String] = [:]
    /// The file's words for what happened.
    var words: [String: EventKind] = [:]

    private init() {}

    /// - Throws: which part is wrong.
    public init(_ text: String) throws(EventError) {
        for part in text.split(separator: ",") {
            guard let equals = part.firstIndex(of: "=") else {
                throw EventError(field: String(part), reason: "is no OURS=THEIRS")
            }
            let ours = String(part[..<equals])
            let theirs = String(part[part.index(after: equals)...])
            if let kind = EventKind.allCases.first(where: { $0.name == ours }) {
                guard !theirs.isEmpty, words.updateValue(kind, forKey: theirs) == nil else {
                    throw EventError(field: ours, reason: "`\(theirs)` is no word of its own")
                }
            } else if let column = BrowsingCSV.Column.allCases.first(where: { $0.name == ours || $0.short == ours }) {
                guard !theirs.isEmpty || column.isOptional else {
                    throw EventError(field: ours, reason: "no file can do without this column")
                }
                guard columns.updateValue(theirs, forKey: column.name) == nil else {
                    throw EventError(field: ours, reason: "stands there more than once")
                }
            } else {
                let known = BrowsingCSV.Column.allCases.map(\.short) + EventKind.allCases.map(\.name)
                throw EventError(field: ours, reason: "is unknown; known are " + known.joined(separator: ", "))
            }
        }
    }
}
