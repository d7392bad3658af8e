import Testing
import WeirBase

@Suite("Addresses and networks")
struct AddressTests {
    @Test(
        "an address is read, and written in its one spelling",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0:1", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
            ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("::192.0.2.1", "::c000:201"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ])
    func spelling(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(IPAddress(octets: address.octets) == address)
        #expect(address.octets.count == (address.isIPv4 ? 4 : 16))
    }

    @Test(
        "what is no address is none",
        arguments: [
            "", ".", ":", ":::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.", "1..2.3", "1.2.3.-4",
            "1.2.3.4 ", "+1.2.3.4", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1::", "1:::2",
            "12345::",
            "g::", "::1.2.3.4:1", "1.2.3.4::", "::1.2.3", "fe80::1%eth0", "[::1]", "::1/64", "::+1",
            "1:2:3:4:5:6:7:1.2.3.4", String(repeating: "0", count: 5_000), String(repeating: ":", count: 46),
        ])
    func malformed(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("an IPv4 address is the same in both spellings, also as octets")
    func mapped() throws {
        let plain = try #require(IPAddress("192.0.2.1"))
        let mapped = Array(repeating: UInt8(0), count: 10) + [0xFF, 0xFF, 192, 0, 2, 1]
        #expect(IPAddress(octets: mapped) == plain)
        #expect(IPAddress(v4: 0xC000_0201) == plain)
        #expect(plain.v4 == 0xC000_0201)
        #expect(IPAddress(octets: [1, 2, 3]) == nil)
    }

    @Test(
        "a mask keeps the first bits of its family",
        arguments: [
            ("192.0.2.255", 24, "192.0.2.0"), ("192.0.2.255", 0, "0.0.0.0"), ("192.0.2.255", 32, "192.0.2.255"),
            ("192.0.2.255", 99, "192.0.2.255"), ("2001:db8:1:2:3:4:5:6", 56, "2001:db8:1::"),
            ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"), ("2001:db8:1:2:3:4:5:6", 65, "2001:db8:1:2::"),
            ("ffff:ffff:ffff:ffff:ffff::", 65, "ffff:ffff:ffff:ffff:8000::"), ("ffff::1", 0, "::"),
            ("ffff::1", -1, "::"), ("ffff::1", 128, "ffff::1"),
        ])
    func masks(text: String, length: Int, network: String) throws {
        #expect(try #require(IPAddress(text)).masked(to: length).description == network)
    }

    @Test(
        "loopback is 127.0.0.0/8 and ::1",
        arguments: [
            ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true), ("128.0.0.1", false),
            ("::2", false), ("::", false), ("126.255.255.255", false),
        ])
    func loopback(text: String, isLoopback: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == isLoopback)
    }

    @Test(
        "a network contains what shares its prefix and family",
        arguments: [
            ("100.64.0.0/10", "100.127.255.255", true), ("100.64.0.0/10", "100.128.0.0", false),
            ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", false),
            ("::/0", "2001:db8::1", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false), ("192.0.2.1/32", "::ffff:192.0.2.1", true),
            ("::ffff:192.0.2.0/120", "192.0.2.77", true), ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ])
    func contains(network: String, address: String, isInside: Bool) throws {
        #expect(try IPNetwork(parsing: network).contains(#require(IPAddress(address))) == isInside)
    }

    @Test(
        "a network is written as it is read, a lone address with its length",
        arguments: [
            ("0.0.0.0/0", "0.0.0.0/0"), ("192.0.2.0/24", "192.0.2.0/24"), ("::/0", "::/0"),
            ("2001:DB8::/32", "2001:db8::/32"), ("128.0.0.0/1", "128.0.0.0/1"), ("192.0.2.1", "192.0.2.1/32"),
            ("2001:db8::1", "2001:db8::1/128"), ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"), ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
        ])
    func networks(text: String, canonical: String) throws {
        let network = try IPNetwork(parsing: text)
        #expect(network.description == canonical)
        #expect(try IPNetwork(parsing: canonical) == network)
    }

    @Test(
        "a network is the one round an address, of a length that its family has",
        arguments: [
            (36, "2001:db8:f000::/36"), (0, "::/0"), (-1, "::/0"), (500, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128"),
        ])
    func around(length: Int, network: String) throws {
        let address = try #require(IPAddress("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"))
        #expect(IPNetwork(containing: address, length: length).description == network)
    }

    @Test("networks stand in the order of their addresses, the wider first")
    func order() throws {
        let texts = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.1/32", "192.0.2.0/24", "2001:db8::/32"]
        let networks = try texts.map { try IPNetwork(parsing: $0) }
        #expect(networks.reversed().sorted() == networks)
    }

    @Test(
        "a network is refused for a reason",
        arguments: [
            ("", IPNetworkError.malformed), ("/8", .malformed), ("10.0.0.0/", .malformed), ("10.0.0.0/+8", .malformed),
            ("10.0.0.0/8/8", .malformed), ("10.0.0.0/0008", .malformed), ("10.0.0.0/-1", .malformed),
            ("192.0.2/24", .malformed), ("1.2.3.4 ", .malformed), ("10.0.0.0/33", .lengthOutOfRange(bits: 32)),
            ("::/129", .lengthOutOfRange(bits: 128)), ("::ffff:10.0.0.0/90", .lengthOutOfRange(bits: 32)),
            (
                "10.1.0.0/8",
                .hostBits(network: IPNetwork(containing: IPAddress(v4: 0x0A00_0000), length: 8))
            ),
        ])
    func refused(text: String, reason: IPNetworkError) {
        #expect(throws: reason) { try IPNetwork(parsing: text) }
    }
}
