/// Server-sent events from the bytes of a response (WHATWG HTML, section 9.2.6), however they are cut.
struct ServerSentEvents {
    struct Event: Equatable {
        var name: String
        var data: String
    }

    /// What `Last-Event-ID` should carry after a reconnect.
    private(set) var lastID: String?
    private var line: [UInt8] = []
    private var name = ""
    private var data: [String] = []

    /// A line longer than this is no record of ours.
    private static let maxLine = 1 << 20

    mutating func feed(_ bytes: some Sequence<UInt8>) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if let event = endLine() { events.append(event) }
                line.removeAll(keepingCapacity: true)
            } else if byte != UInt8(ascii: "\r"), line.count < Self.maxLine {
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> Event? {
        guard !line.isEmpty else {
            defer {
                name = ""
                data = []
            }
            return data.isEmpty ? nil : Event(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
        }
        let text = String(decoding: line, as: UTF8.self)
        guard let colon = text.firstIndex(of: ":") else { return nil }
        var value = text[text.index(after: colon)...]
        if value.first == " " { value = value.dropFirst() }
        switch text[..<colon] {
        case "event": name = String(value)
        case "data": data.append(String(value))
        case "id": lastID = String(value)
        default: break
        }
        return nil
    }
}
