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
