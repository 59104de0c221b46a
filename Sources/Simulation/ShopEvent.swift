public import Events

/// One event of the simulated shop: what its page would send, and its row in the browsing schema. Both say the same,
/// but that a row has no room for an event's id and for what was searched for.
public struct ShopEvent: Sendable, Equatable {
    /// A page of the shop; those that are many have a subject.
    enum Page: UInt8, Sendable {
        case home, category, info, search, product, cart, checkout, thanks
    }

    public let kind: EventKind
    let page: Page
    /// The category, information page, query or product that page or kind speaks of.
    let subject: Int32
    /// Of the event in its session, from 1.
    let number: UInt32
    /// Milliseconds since the epoch.
    public let timestamp: Int64
    /// Unique in a shop.
    let session: UInt64
    /// Its session ends with it: for those who keep books on open sessions; no page sends it.
    var isLast = false

    /// The header of the rows that `writeCSV` writes, without a newline.
    public static let csvHeader =
        "session_id_hash,event_type,product_action,product_sku_hash,server_timestamp_epoch_ms,hashed_url"

    /// As a live event. Its id is unique and the same in every run.
    public var event: Event {
        let session = text { Self.write(session: self.session, into: &$0) }
        return Event(
            id: "\(session)-\(number)", session: session, kind: kind, timestamp: timestamp,
            sku: kind == .pageview ? nil : text { Self.write(product: Int(subject), into: &$0) },
            url: text { writePage(into: &$0) }, query: page == .search ? query : nil)
    }

    private var query: String {
        let (category, wish) = Int(subject).quotientAndRemainder(dividingBy: Catalogue.wishes.count)
        return Catalogue.wishes[wish] + " " + text { Self.write(category: category, into: &$0) }
    }

    /// Appends one row with its newline.
    public func writeCSV(into bytes: inout [UInt8]) {
        Self.write(session: session, into: &bytes)
        switch kind {
        case .pageview: bytes.append(contentsOf: Self.pageview)
        case .detail: bytes.append(contentsOf: Self.detail)
        case .add: bytes.append(contentsOf: Self.add)
        case .remove: bytes.append(contentsOf: Self.remove)
        case .purchase: bytes.append(contentsOf: Self.purchase)
        case .search, .click: preconditionFailure("ShopEvent.writeCSV: the shop has no \(kind)")
        }
        if kind != .pageview { Self.write(product: Int(subject), into: &bytes) }
        bytes.append(UInt8(ascii: ","))
        Self.write(number: timestamp, into: &bytes)
        bytes.append(UInt8(ascii: ","))
        writePage(into: &bytes)
        bytes.append(UInt8(ascii: "\n"))
    }

    private static let pageview = Array(",pageview,,".utf8)
    private static let detail = Array(",event_product,detail,".utf8)
    private static let add = Array(",event_product,add,".utf8)
    private static let remove = Array(",event_product,remove,".utf8)
    private static let purchase = Array(",event_product,purchase,".utf8)

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
        write(category: product / Catalogue.ranks, into: &bytes)
        bytes += "-p".utf8
        write(digits: product % Catalogue.ranks, 3, into: &bytes)
    }

    private static func write(category: Int, into bytes: inout [UInt8]) {
        bytes += "c".utf8
        write(digits: category, 2, into: &bytes)
    }

    private func writePage(into bytes: inout [UInt8]) {
        switch page {
        case .home: bytes += "/".utf8
        case .category:
            bytes += "/category/".utf8
            Self.write(category: Int(subject), into: &bytes)
        case .info:
            bytes += "/info/".utf8
            Self.write(digits: Int(subject), 2, into: &bytes)
        case .search: bytes += "/search".utf8
        case .product:
            bytes += "/product/".utf8
            Self.write(product: Int(subject), into: &bytes)
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
