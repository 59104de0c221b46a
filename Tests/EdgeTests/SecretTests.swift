import Edge
import NIOCore
import Testing

@Suite struct SecretTests {
    @Test(arguments: ["", "0", "0123456789abcdeF", "0123456789abcdef0", "0123456789abcdef0123456789abcdef", "é"])
    func onlyTheWholeSecretMatches(guess: String) {
        #expect(!Secret("0123456789abcdef").matches(guess.utf8))
        #expect(Secret("0123456789abcdef").matches("0123456789abcdef".utf8))
    }

    @Test func aSecretIsNotPrinted() {
        #expect("\(Secret("0123456789abcdef"))" == "(secret)")
        #expect(String(reflecting: Secret("0123456789abcdef")) == "(secret)")
    }

    @Test(arguments: [
        ("203.0.113.9", ClientAddress.v4(0xCB00_7109)), ("127.8.8.8", .local), ("::1", .local),
        ("::ffff:203.0.113.9", .v4(0xCB00_7109)), ("2001:db8:1:2:3:4:5:6", .v6(0x2001_0DB8_0001_0002)),
    ])
    func anAddressIsCountedByWhomItIsGivenTo(text: String, address: ClientAddress) throws {
        #expect(ClientAddress(try SocketAddress(ipAddress: text, port: 80)) == address)
        #expect(ClientAddress(forwarded: "10.0.0.1, \(text)") == address)
    }

    @Test func whatIsNoAddressIsNone() {
        #expect(ClientAddress(forwarded: "unknown") == nil)
        #expect(ClientAddress(forwarded: "") == nil)
    }
}
