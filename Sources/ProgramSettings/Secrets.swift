/// What must not be read in a message, and how everything else is shown in one.
struct Secrets {
    private var values: Set<String> = []

    /// Shorter ones hide only themselves: most texts hold a "1".
    private static let minHiddenLength = 8
    /// Of a text that is shown, in characters.
    static let maxShown = 80

    mutating func insert(_ value: SettingValue) {
        switch value {
        case .text(let text): insert(text)
        case .list(let items): items.forEach { insert($0) }
        }
    }

    private mutating func insert(_ text: String) {
        values.insert(text)
        // A list may be written as one text.
        for item in SettingValue.text(text).items { values.insert(item) }
        values.remove("")
    }

    /// The text in quotation marks, on one line and cut short.
    func quoted(_ text: String) -> String {
        hides(text) ? "what stands there, and is a secret elsewhere," : "'\(Self.shown(text))'"
    }

    /// Whether the text is a secret or holds one.
    func hides(_ text: String) -> Bool {
        values.contains(text) || values.contains { $0.utf8.count >= Self.minHiddenLength && Self.holds(text, $0) }
    }

    /// In bytes: no letter may hide a secret by joining with one of its own.
    private static func holds(_ text: String, _ part: String) -> Bool {
        Array(text.utf8).firstRange(of: Array(part.utf8)) != nil
    }

    /// On one line.
    static func shown(_ text: String, maxCharacters: Int = maxShown) -> String {
        var shown = ""
        for (count, scalar) in text.unicodeScalars.enumerated() {
            if count == maxCharacters { return shown + "…" }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
