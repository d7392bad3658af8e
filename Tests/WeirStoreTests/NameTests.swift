import Testing
import WeirStore

@Suite("A login") struct CanonicalLoginTests {
    @Test(
        "has one key for all its spellings",
        arguments: [
            (
                "alice@isp.example",
                ["ALICE@ISP.EXAMPLE", " alice@isp.example\t", "alice@isp.example.", "Alice@Isp.Example.."]
            ),
            ("alice", ["Alice", "ａｌｉｃｅ", "ＡＬＩＣＥ", "\u{3000}alice\n"]),
            ("jos\u{E9}", ["jose\u{301}", "JOSE\u{301}", "JOS\u{C9}"]),
            ("\u{E5}sa", ["A\u{30A}sa", "\u{212B}sa", "\u{C5}SA"]),
            ("k@x", ["\u{212A}@x", "K@X"]),
            ("νίκος", ["ΝΊΚΟΣ", "νίκοσ"].map { $0 }),
            ("\u{1EA5}@x", ["a\u{302}\u{301}@x", "\u{E2}\u{301}@x", "A\u{302}\u{301}@X"]),
            ("\u{AC01}", ["\u{1100}\u{1161}\u{11A8}"]),
        ])
    func spellings(login: String, spellings: [String]) throws {
        let key = try #require(CanonicalLogin(login)?.key)
        for spelling in spellings { #expect(CanonicalLogin(spelling)?.key == key, "\(spelling)") }
        #expect(CanonicalLogin(key)?.key == key, "a key is its own key")
    }

    @Test("differs where the tag, the domain or a letter does")
    func distinct() {
        let logins = ["alice", "alice+tag", "alice@isp.example", "alice@isp.test", "a.lice", "älice", "100.64.0.1/32"]
        #expect(Set(logins.compactMap { CanonicalLogin($0)?.key }).count == logins.count)
    }

    @Test(
        "is none when it is empty, too long or holds what nobody can see",
        arguments: [
            "", " ", "a b", "a\u{0}", "a\u{7F}", "a\nb", "\u{200B}alice", "ali\u{AD}ce", "a\u{202E}b", "@",
            "@isp.example",
            "alice@", "alice@.", "a\u{300}\u{323}\u{300}", "q\u{301}", "a\u{A0}b", "\u{E000}", "\u{FFFF}",
            String(repeating: "a", count: 256),
        ])
    func refused(text: String) { #expect(CanonicalLogin(text) == nil) }

    @Test("may have 255 octets") func longest() {
        #expect(CanonicalLogin(String(repeating: "a", count: 255)) != nil)
        #expect(CanonicalLogin(String(repeating: "é", count: 128)) == nil)
    }
}

@Suite("A network") struct NetworkPrefixTests {
    @Test(
        "reads what it writes",
        arguments: [
            "0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32", "::/0", "2001:db8::/32", "2001:db8::1/128", "128.0.0.0/1",
        ])
    func roundTrip(text: String) { #expect(NetworkPrefix(text)?.description == text) }

    @Test(
        "takes an address for itself, and a mapped one for IPv4",
        arguments: [
            ("192.0.2.1", "192.0.2.1/32"), ("2001:DB8::1", "2001:db8::1/128"), ("::ffff:192.0.2.1", "192.0.2.1/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ])
    func normal(text: String, description: String) { #expect(NetworkPrefix(text)?.description == description) }

    @Test(
        "is none of these",
        arguments: [
            "", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.1/24", "192.0.2.0/-1", "192.0.2.0/+4", "192.0.2/24",
            "::/129",
            "2001:db8::1/64", "192.0.2.0/24/1", "example", "192.0.2.0/0024", "::ffff:192.0.2.0/90", "1.2.3.4 ",
        ])
    func refused(text: String) { #expect(NetworkPrefix(text) == nil) }

    @Test("widens to the network it is in")
    func widened() throws {
        let host = try #require(NetworkPrefix(address: [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0xFF, count: 12)))
        #expect(host.widened(to: 36).description == "2001:db8:f000::/36")
        #expect(host.widened(to: 0).description == "::/0")
        #expect(host.widened(to: 500) == host && host.widened(to: -1) == host.widened(to: 0))
        #expect(NetworkPrefix(address: [1, 2, 3]) == nil && NetworkPrefix(address: []) == nil)
    }
}
