/// The exact probability of a purchase later in the session, after every event before the first purchase: given the
/// session's events so far and the shop's law, and nothing else.
///
/// The shop's hidden states are finitely many, so the forward algorithm gives it without approximation. Memory is bounded
/// by the sessions that are open at a time.
public struct Truth: Sendable {
    private let filter: Filter
    private var beliefs: [UInt64: Belief] = [:]

    /// - Parameter shop: before its first event.
    public init(_ shop: Shop) {
        precondition(shop.sessionsBegun == 0, "Truth.init: has missed the shop's first \(shop.sessionsBegun) sessions")
        filter = Filter(law: shop.law, catalogue: shop.catalogue, crowd: shop.crowd)
    }

    /// Takes the shop's events in their order.
    ///
    /// - Returns: nil for the first purchase and whatever comes after it.
    public mutating func observe(_ event: ShopEvent) -> Double? {
        let probability = filter.observe(event, &beliefs[event.session, default: Belief()])
        // The filter has not been told: only its place is free again.
        if event.isLast { beliefs[event.session] = nil }
        return probability
    }

    /// The header of the rows that `writeRow` writes, without a newline.
    public static let csvHeader = "id,posterior"

    /// Appends one row of a truth file with its newline.
    ///
    /// - Parameters:
    ///   - row: the event's row in the shop's CSV, from 1: its line less the header's.
    ///   - probability: written with twelve digits behind the point, the last one rounded.
    public static func writeRow(_ row: Int, _ probability: Double, into bytes: inout [UInt8]) {
        precondition((0...1).contains(probability), "Truth.writeRow: a probability of \(probability)")
        bytes += String(row).utf8
        let scaled = Int((probability * 1e12).rounded())
        bytes += scaled >= 1_000_000_000_000 ? ",1.".utf8 : ",0.".utf8
        var power = 100_000_000_000
        while power > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(scaled / power % 10))
            power /= 10
        }
        bytes.append(UInt8(ascii: "\n"))
    }
}
