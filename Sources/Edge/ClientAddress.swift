public import NIOCore

/// Whom a connection or a request is counted for: an IPv4 address, or an IPv6 /64, which is what one subscriber is
/// given. Lives in memory for as long as it is counted, and is written nowhere.
public enum ClientAddress: Hashable, Sendable {
    /// This machine, or no network at all.
    case local
    case v4(UInt32)
    case v6(UInt64)

    public init(_ address: SocketAddress?) {
        switch address {
        case .v4(let address):
            // `sockaddr_in`: family and port, two bytes each, then the address.
            let bytes = withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
            self.init(v4: bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        case .v6(let address):
            // `sockaddr_in6`: family, port and flow, then the address.
            let bytes = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
            let high = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let low = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            if high == 0, low == 1 {
                self = .local
            } else if high == 0, low >> 32 == 0xFFFF {
                self.init(v4: UInt32(truncatingIfNeeded: low))
            } else {
                self = .v6(high)
            }
        case .unixDomainSocket, nil:
            self = .local
        }
    }

    private init(v4 address: UInt32) {
        self = address >> 24 == 127 ? .local : .v4(address)
    }

    /// The last address of an `X-Forwarded-For`, which is the one that the nearest proxy has seen itself.
    public init?(forwarded header: String) {
        let last = header.split(separator: ",").last?.filter { $0 != " " && $0 != "\t" } ?? ""
        let text = last.hasPrefix("[") ? String(last.dropFirst().prefix { $0 != "]" }) : String(last)
        guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
        self.init(address)
    }
}
