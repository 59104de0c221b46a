public import Events

/// One event of the simulated shop: what its page would send, and its row in the browsing schema.
public struct ShopEvent: Sendable, Equatable {
    /// A page of the shop. Its path is the event's URL.
    enum Page: Sendable, Equatable {
        case home
        case category(Int)
        case product(Int)
        case search
        case cart
        case checkout
        case thanks
    }

    public var kind: EventKind
    /// Milliseconds since the epoch.
    public var timestamp: Int64
    /// The session's number, unique in a shop, and the event's in its session.
    var session: UInt64
    var number: Int
    var product: Int?
    var page: Page

    /// The header of the rows that `writeCSV` writes, without a newline.
    public static let csvHeader =
        "session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url"

    /// As a live event. Its id is unique and the same in every run.
    public var event: Event {
        let session = text { Self.write(session: self.session, into: &$0) }
        return Event(
            id: "\(session)-\(number)", session: session, kind: kind, timestamp: timestamp,
            sku: product.map { product in text { Self.write(product: product, into: &$0) } },
            url: text { Self.write(page: page, into: &$0) }, query: kind == .search ? searchTerm : nil)
    }

    private var searchTerm: String {
        guard case .search = page else { return "anything" }
        return "term \(session % 997)"
    }

    /// Appends one row with its newline. The schema has no word for a search: it is a view of the search page there.
    public func writeCSV(into bytes: inout [UInt8]) {
        Self.write(session: session, into: &bytes)
        switch kind {
        case .pageview, .search: bytes += Self.pageview
        case .detail: bytes += Self.detail
        case .add: bytes += Self.add
        case .remove: bytes += Self.remove
        case .purchase: bytes += Self.purchase
        case .click: bytes += Self.click
        }
        if let product { Self.write(product: product, into: &bytes) }
        bytes.append(UInt8(ascii: ","))
        Self.write(number: timestamp, into: &bytes)
        bytes.append(UInt8(ascii: ","))
        Self.write(page: page, into: &bytes)
        bytes.append(UInt8(ascii: "\n"))
    }

    private static let pageview = Array(",pageview,,".utf8)
    private static let detail = Array(",event_product,detail,".utf8)
    private static let add = Array(",event_product,add,".utf8)
    private static let remove = Array(",event_product,remove,".utf8)
    private static let purchase = Array(",event_product,purchase,".utf8)
    private static let click = Array(",event_product,click,".utf8)

    private func text(_ write: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        write(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    // Names: short, readable, the same in CSV and live.

    /// Sixteen hexadecimal digits.
    private static func write(session: UInt64, into bytes: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) {
            bytes.append(hexadecimal[Int((session >> UInt64(shift)) & 15)])
        }
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)

    /// `c07-p123`: category and rank.
    private static func write(product: Int, into bytes: inout [UInt8]) {
        bytes += "c".utf8
        write(digits: product / Catalogue.ranks, 2, into: &bytes)
        bytes += "-p".utf8
        write(digits: product % Catalogue.ranks, 3, into: &bytes)
    }

    private static func write(page: Page, into bytes: inout [UInt8]) {
        switch page {
        case .home: bytes += "/".utf8
        case .category(let category):
            bytes += "/category/".utf8
            write(digits: category, 2, into: &bytes)
        case .product(let product):
            bytes += "/product/".utf8
            write(product: product, into: &bytes)
        case .search: bytes += "/search".utf8
        case .cart: bytes += "/cart".utf8
        case .checkout: bytes += "/checkout".utf8
        case .thanks: bytes += "/thanks".utf8
        }
    }

    private static func write(digits value: Int, _ count: Int, into bytes: inout [UInt8]) {
        var power = 1
        for _ in 1..<count { power *= 10 }
        while power > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(value / power % 10))
            power /= 10
        }
    }

    /// For numbers from 0 up.
    private static func write(number: Int64, into bytes: inout [UInt8]) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }
}
