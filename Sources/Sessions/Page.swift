import Events

/// The page of a URL: scheme, host, query and fragment say nothing about what the page is.
public enum Page {
    /// The path of an absolute or relative URL, `/` where it is empty; anything that is no URL (a hash, say) as it is.
    public static func of(url: String) -> Substring {
        var url = url
        let range = url.withUTF8 { path(of: $0) }
        guard !range.isEmpty else { return "/" }
        let start = url.utf8.index(url.startIndex, offsetBy: range.lowerBound)
        return url[start..<url.utf8.index(start, offsetBy: range.count)]
    }

    /// `StableHash` of the page, and of its section: the path without its last part (`/product/` of `/product/17` and
    /// of `/product/17/`), 0 where the page is not below one. Sections end in a slash that no page of the same path
    /// has, so that the two are told apart.
    static func hashes(of url: String) -> (page: UInt64, section: UInt64) {
        var url = url
        return url.withUTF8 { hashes(of: $0) }
    }

    /// The same of a URL that is given as its UTF-8. The section is a beginning of the page: its hash is had on the way.
    static func hashes(of url: UnsafeBufferPointer<UInt8>) -> (page: UInt64, section: UInt64) {
        let range = path(of: url)
        guard !range.isEmpty else { return (slash, 0) }
        let page = UnsafeBufferPointer(rebasing: url[range])
        var section = page.count - 1
        while section > 0, page[section - 1] != UInt8(ascii: "/") { section -= 1 }
        let hashes = StableHash.of(bytes: page, prefix: section)
        return (hashes.whole, section < 2 ? 0 : hashes.prefix)
    }

    private static let slash = StableHash.of("/")

    /// Where the path stands; empty where there is none. All marks are ASCII, so that no character is cut.
    private static func path(of url: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        let slash = UInt8(ascii: "/")
        let end = ByteSearch.first(UInt8(ascii: "?"), or: UInt8(ascii: "#"), in: url, from: 0)
        // `//` opens a host at the start or after a scheme, which holds no slash.
        var host = url[..<end].firstIndex { $0 == UInt8(ascii: ":") || $0 == slash } ?? end
        if host < end, url[host] == UInt8(ascii: ":") { host += 1 } else if host > 0 { return 0..<end }
        guard host + 1 < end, url[host] == slash, url[host + 1] == slash else { return 0..<end }
        return (url[(host + 2)..<end].firstIndex(of: slash) ?? end)..<end
    }
}
