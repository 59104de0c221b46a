/// Rows of the Coveo browsing schema (SIGIR eCom 2021):
/// `session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url`, in any column
/// order, further columns skipped.
///
/// As the schema has it, `product_action` (`detail`, `add`, `remove`, `purchase`, `click`) says what happened, whether
/// on a page load or apart from one; where it is empty the row is a simple page view. `event_type` must be `pageview`,
/// `event_product` or `event` and decides nothing further. Rows have no id; the caller gives one.
public struct BrowsingCSV: Sendable {
    enum Column: Int, CaseIterable {
        case session, type, action, sku, time, url

        /// The name in a mapping.
        var short: String { String(describing: self) }

        /// Whether a mapping may leave it out.
        var isOptional: Bool { self == .type || self == .sku || self == .url }

        var name: String {
            switch self {
            case .session: "session_id_hash"
            case .type: "event_type"
            case .action: "product_action"
            case .sku: "product_sku_hash"
            case .time: "server_timestamp_epoch_ms"
            case .url: "hashed_url"
            }
        }
    }

    private struct Fields {
        var session = FieldValue.absent
        var type = FieldValue.absent
        var action = FieldValue.absent
        var sku = FieldValue.absent
        var time = FieldValue.absent
        var url = FieldValue.absent
    }

    /// The columns in the file's order; nil for one that is skipped.
    private let columns: [Column?]
    private let mapping: CSVMapping
    private let hasType: Bool

    /// The most columns a file may have.
    public static let maxColumns = 256

    /// Reads the header line, without its newline; a byte order mark and a CR are passed over. Throws naming the
    /// columns that are missing, or one that stands there twice.
    ///
    /// - Parameter mapping: what the file calls its columns and actions.
    public init(header: ArraySlice<UInt8>, mapping: CSVMapping = .none) throws(EventError) {
        var header = header
        if header.starts(with: [0xEF, 0xBB, 0xBF]) { header.removeFirst(3) }
        if header.last == UInt8(ascii: "\r") { header.removeLast() }
        let names = Column.allCases.map { (column: $0, name: mapping.columns[$0.name] ?? $0.name) }
            .filter { !$0.name.isEmpty }
        columns = try header.withUnsafeBufferPointer { bytes throws(EventError) in try Self.columns(bytes, names) }
        self.mapping = mapping
        hasType = columns.contains(.type)
        let missing = names.filter { !columns.contains($0.column) }.map(\.name)
        guard missing.isEmpty else {
            let isHeaderless = missing.count == names.count
            throw EventError(
                field: missing.joined(separator: ", "),
                reason: "missing from the header" + (isHeaderless ? "; is the first line a header at all?" : ""))
        }
    }

    private static func columns(
        _ bytes: UnsafeBufferPointer<UInt8>, _ names: [(column: Column, name: String)]
    ) throws(EventError) -> [Column?] {
        var columns: [Column?] = []
        var fields = CSVFields(bytes)
        let reader = FieldReader(bytes: bytes)
        while let value = try fields.next() {
            guard columns.count < maxColumns else {
                throw EventError(reason: "a header of more than \(maxColumns) columns")
            }
            let name = try reader.text(value, "header", maxBytes: EventLimits.urlBytes)
            let column = names.first { $0.name == name }?.column
            if let column, columns.contains(column) {
                throw EventError(field: name, reason: "stands in the header more than once")
            }
            columns.append(column)
        }
        return columns
    }

    /// The row's time in milliseconds since the epoch: all that sorting needs.
    public func timestamp(record: ArraySlice<UInt8>) throws(EventError) -> Int64 {
        try record.withUnsafeBufferPointer { bytes throws(EventError) in try timestamp(record: bytes) }
    }

    /// As `timestamp(record:)` above, for bytes that stand elsewhere.
    public func timestamp(record: UnsafeBufferPointer<UInt8>) throws(EventError) -> Int64 {
        try time(try fields(of: record), FieldReader(bytes: record))
    }

    /// The row as an event with this id. Throws naming the column that is wrong.
    public func event(record: ArraySlice<UInt8>, id: String) throws(EventError) -> Event {
        try record.withUnsafeBufferPointer { bytes throws(EventError) in try event(record: bytes, id: id) }
    }

    /// As `event(record:id:)` above, for bytes that stand elsewhere.
    public func event(record: UnsafeBufferPointer<UInt8>, id: String) throws(EventError) -> Event {
        let fields = try fields(of: record)
        let reader = FieldReader(bytes: record)
        guard let session = try reader.text(fields.session, Column.session.name, maxBytes: EventLimits.sessionBytes)
        else { throw EventError(field: Column.session.name, reason: "missing") }
        return Event(
            id: id, session: session, kind: try kind(fields, reader), timestamp: try time(fields, reader),
            sku: try reader.text(fields.sku, Column.sku.name, maxBytes: EventLimits.skuBytes),
            url: try reader.text(fields.url, Column.url.name, maxBytes: EventLimits.urlBytes))
    }

    private func kind(_ fields: Fields, _ reader: FieldReader) throws(EventError) -> EventKind {
        if !mapping.words.isEmpty, let word = try reader.text(fields.action, Column.action.name, maxBytes: 256),
            let kind = mapping.words[word]
        {
            return kind
        }
        switch hasType ? try reader.text(fields.type, Column.type.name, maxBytes: 32) : "event" {
        case "pageview", "event_product", "event": break
        case let other:
            throw EventError(
                field: Column.type.name, reason: "unknown `\(other ?? "")`; known are pageview, event_product, event")
        }
        guard let action = try reader.kind(fields.action, Column.action.name) else { return .pageview }
        switch action {
        case .detail, .add, .remove, .purchase, .click: return action
        case .pageview, .search:
            throw EventError(
                field: Column.action.name,
                reason: "unknown `\(action.name)`; known are detail, add, remove, purchase, click")
        }
    }

    private func time(_ fields: Fields, _ reader: FieldReader) throws(EventError) -> Int64 {
        guard let time = try reader.time(fields.time, Column.time.name) else {
            throw EventError(field: Column.time.name, reason: "missing")
        }
        try FieldReader.checkNotTooLate(time, Column.time.name)
        return time
    }

    private func fields(of record: UnsafeBufferPointer<UInt8>) throws(EventError) -> Fields {
        var fields = Fields()
        var values = CSVFields(record)
        var count = 0
        while let value = try values.next() {
            if count < columns.count, let column = columns[count] {
                switch column {
                case .session: fields.session = value
                case .type: fields.type = value
                case .action: fields.action = value
                case .sku: fields.sku = value
                case .time: fields.time = value
                case .url: fields.url = value
                }
            }
            count += 1
        }
        guard count == columns.count else {
            throw EventError(reason: "\(count) fields where the header has \(columns.count)")
        }
        return fields
    }
}
