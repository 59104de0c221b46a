import Events
import FoundationEssentials

/// Readers of what shops and files send. Beside not crashing: what is accepted keeps to its limits and survives the log
/// unchanged, what is refused is refused with words, and what the scanner takes for JSON Foundation takes for JSON.
enum TextTargets {
    private static let received: Int64 = 1_700_000_000_000

    static func json(_ input: [UInt8]) -> String? {
        let decoder = CollectDecoder(received: received, maxItems: 500)
        do throws(EventError) {
            let items = try decoder.decode(body: input) { "made" }
            if items.count > 500 { return "\(items.count) items, more than 500" }
            if let problem = judge(items) { return problem }
            return agreement(input)
        } catch {
            return refusal(error, input)
        }
    }

    /// Lines stand alone, and numbers that no `Double` holds are where the two differ on purpose.
    private static func agreement(_ input: [UInt8]) -> String? {
        if input.contains(UInt8(ascii: "\n")) || hasExponent(input) { return nil }
        do {
            _ = try JSONDecoder().decode(Anything.self, from: Data(input))
            return nil
        } catch {
            // An empty body is no events; Foundation knows no empty document.
            return input.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d } ? nil : "Foundation refuses it: \(error)"
        }
    }

    /// Whether a digit is followed by what may be an exponent.
    private static func hasExponent(_ input: [UInt8]) -> Bool {
        zip(input, input.dropFirst()).contains { (0x30...0x39).contains($0) && ($1 | 0x20) == UInt8(ascii: "e") }
    }

    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    static func query(_ input: [UInt8]) -> String? {
        let query = String(decoding: input, as: UTF8.self)
        return judge(CollectDecoder(received: received, maxItems: 500).decode(query: query) { "made" })
    }

    private static func judge(_ items: [CollectDecoder.Item]) -> String? {
        for item in items {
            switch item.result {
            case .failure(let error):
                if error.reason.isEmpty { return "a refusal without words" }
                if error.description.utf8.count > 1_024 { return "\(error.description.utf8.count) bytes of refusal" }
            case .success(let event):
                if item.id != event.id { return "item and event have other ids" }
                if event.timestamp > received + EventLimits.futureTolerance_ms { return "an event of the far future" }
                if let problem = survives(event, .live) { return problem }
            }
        }
        return nil
    }

    private static func refusal(_ error: EventError, _ input: [UInt8]) -> String? {
        if error.reason.isEmpty { return "a refusal without words" }
        if let position = error.position, position > input.count {
            return "refused at byte \(position) of \(input.count)"
        }
        return nil
    }

    /// Written to the log and read back: the same event, and the same bytes again.
    private static func survives(_ event: Event, _ timeline: Timeline) -> String? {
        let record = RecordCoder.encode(event, timeline: timeline, received: received)
        // The collector rejects it then.
        if record.count > EventLimits.recordBytes { return nil }
        do throws(EventError) {
            let entry = try RecordCoder.decode(record)
            guard case .event(let again, let its) = entry, again == event, its == timeline else {
                return "\(event) comes back as \(entry)"
            }
            return RecordCoder.encode(again, timeline: its, received: received) == record
                ? nil : "\(event) is written in two ways"
        } catch {
            return "\(event) is accepted and cannot be read back: \(error)"
        }
    }

    static func record(_ input: [UInt8]) -> String? {
        do throws(EventError) {
            guard case .event(let event, let timeline) = try RecordCoder.decode(input) else { return nil }
            return survives(event, timeline)
        } catch {
            return refusal(error, input)
        }
    }

    /// Split whole and split in pieces: the same rows. The first line is the header.
    static func csv(_ input: [UInt8]) -> String? {
        let whole = rows(input, pieces: input.count + 1)
        let cut = rows(input, pieces: 1 + input.count % 7)
        if whole != cut { return "\(whole.count) rows whole, \(cut.count) rows in pieces" }
        for row in whole where row.error == nil && row.bytes.count > 1_024 {
            return "a row of \(row.bytes.count) bytes"
        }
        guard let first = whole.first, let reader = try? BrowsingCSV(header: first.bytes) else { return nil }
        for row in whole.dropFirst() where row.error == nil {
            guard let event = try? reader.event(record: row.bytes, id: "1") else { continue }
            guard let time = try? reader.timestamp(record: row.bytes), time == event.timestamp else {
                return "a row with two times"
            }
            if let problem = survives(event, .replay("r")) { return problem }
        }
        return nil
    }

    private static func rows(_ input: [UInt8], pieces: Int) -> [CSVSplitter.Row] {
        var splitter = CSVSplitter(maxRecordBytes: 1_024)
        var rows: [CSVSplitter.Row] = []
        func keep(_ row: CSVSplitter.Row) throws(Never) {
            // Bytes alone are compared, not where in their array they stand.
            rows.append(CSVSplitter.Row(line: row.line, bytes: Array(row.bytes)[...], error: row.error))
        }
        var rest = input[...]
        while !rest.isEmpty {
            splitter.feed(rest.prefix(pieces), keep)
            rest = rest.dropFirst(pieces)
        }
        splitter.finish(keep)
        return rows
    }
}
