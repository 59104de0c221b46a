/// The fields that are recognised, in both spellings; every other field of a sender is checked as JSON and skipped.
enum Field: UInt8, CaseIterable {
    // Ours.
    case id, session, visitor, type, sku, url, query, order, price, quantity, timestamp, bot
    // Ours, around an event: on the log, and in a request.
    case timeline, control, events, sentAt
    // Measurement Protocol v1.
    case t, pa, cid, uid, sid, z, dl, dh, dp, ti, tr, tm, qt, ea, el

    var name: String { String(describing: self) }

    /// What is read from an event in our own spelling.
    static let ours: UInt32 = {
        let fields: [Field] = [
            .id, .session, .visitor, .type, .sku, .url, .query, .order, .price, .quantity, .timestamp, .timeline,
            .control, .events, .sentAt, .bot,
        ]
        return fields.reduce(0) { $0 | $1.bit }
    }()

    var bit: UInt32 { 1 << UInt32(rawValue) }

    /// The field whose name these bytes are. Lengths first, so that a key is compared with two or three names at most.
    @inline(__always)
    static func named(_ key: UnsafeBufferPointer<UInt8>) -> Field? {
        switch key.count {
        case 1:
            switch key[0] {
            case UInt8(ascii: "t"): return .t
            case UInt8(ascii: "z"): return .z
            default: return nil
            }
        case 2: return short(key)
        case 3:
            if equal(key, "sku") { return .sku }
            if equal(key, "url") { return .url }
            if equal(key, "cid") { return .cid }
            if equal(key, "uid") { return .uid }
            if equal(key, "sid") { return .sid }
            if equal(key, "bot") { return .bot }
        case 4:
            if equal(key, "type") { return .type }
        case 5:
            if equal(key, "price") { return .price }
            if equal(key, "order") { return .order }
            if equal(key, "query") { return .query }
        case 6:
            if equal(key, "events") { return .events }
            if equal(key, "sentAt") { return .sentAt }
        case 7:
            if equal(key, "session") { return .session }
            if equal(key, "visitor") { return .visitor }
            if equal(key, "control") { return .control }
        case 8:
            if equal(key, "quantity") { return .quantity }
            if equal(key, "timeline") { return .timeline }
        case 9:
            if equal(key, "timestamp") { return .timestamp }
        default: break
        }
        return nil
    }

    private static func short(_ key: UnsafeBufferPointer<UInt8>) -> Field? {
        if equal(key, "id") { return .id }
        if equal(key, "pa") { return .pa }
        if equal(key, "dl") { return .dl }
        if equal(key, "dh") { return .dh }
        if equal(key, "dp") { return .dp }
        if equal(key, "ti") { return .ti }
        if equal(key, "tr") { return .tr }
        if equal(key, "tm") { return .tm }
        if equal(key, "qt") { return .qt }
        if equal(key, "ea") { return .ea }
        if equal(key, "el") { return .el }
        return nil
    }

    /// The caller has compared the lengths.
    @inline(__always)
    private static func equal(_ key: UnsafeBufferPointer<UInt8>, _ name: StaticString) -> Bool {
        for index in 0..<name.utf8CodeUnitCount where key[index] != name.utf8Start[index] { return false }
        return true
    }
}
