/// Machines that say so in their `User-Agent`: crawlers, previews, monitors and browsers without a screen.
///
/// HTTP libraries (curl, python-requests, …) are not among them: a shop's own server sends what people did.
enum BotAgents {
    /// In lower case. `bot` stands for most crawlers there are.
    private static let words = [
        "bot", "crawl", "spider", "slurp", "headless", "phantomjs", "lighthouse", "pagespeed", "pingdom", "uptime",
        "facebookexternalhit", "mediapartners-google", "ia_archiver", "embedly", "preview", "monitoring", "scrapy",
        "selenium", "puppeteer", "playwright",
    ]
    /// What follows the first letter, by that letter: 26 places.
    private static let endings: [[[UInt8]]] = (0..<26).map { letter in
        words.map { Array($0.utf8) }.filter { $0[0] == UInt8(ascii: "a") + letter }.map { Array($0.dropFirst()) }
    }
    private static let maxBytes = 512

    static func contains(_ agent: String) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: maxBytes) { lower in
            var count = 0
            for byte in agent.utf8.prefix(maxBytes) {
                lower[count] = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
                count += 1
            }
            let text = UnsafeBufferPointer(rebasing: lower[..<count])
            for index in 0..<count {
                let letter = Int(text[index]) - Int(UInt8(ascii: "a"))
                guard 0..<26 ~= letter else { continue }
                for ending in endings[letter] where text[(index + 1)...].starts(with: ending) {
                    if !isCubot(text, at: index) { return true }
                }
            }
            return false
        }
    }

    /// A maker of telephones, whose name ends like a machine's.
    private static func isCubot(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        index >= 2 && text[(index - 2)...].starts(with: "cubot".utf8)
    }
}
