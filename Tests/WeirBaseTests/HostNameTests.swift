import Testing
import WeirBase

@Suite("A host name")
struct HostNameTests {
    @Test(
        "has one spelling",
        arguments: [
            ("X-1.EXAMPLE", "x-1.example"), ("a.example.", "a.example"), ("a", "a"), ("3com.example", "3com.example"),
            ("1.2.3.4a", "1.2.3.4a"),
        ])
    func spelling(text: String, canonical: String) { #expect(HostName.canonical(text) == canonical) }

    @Test(
        "is none of these",
        arguments: [
            "", ".", "a..b", "a.example..", "-a.example", "a-.example", "a_b.example", "a b", "a\r\nb.example", "a\0b",
            "\u{E4}.example", "1.2.3", "192.0.2.1", "[::1]",
        ])
    func refused(text: String) { #expect(HostName.canonical(text) == nil) }

    @Test("has labels of 63 and 253 octets in all, the final dot aside")
    func limits() {
        let label = String(repeating: "a", count: 63)
        #expect(HostName.canonical(label) == label)
        #expect(HostName.canonical(label + "a") == nil)
        let longest = String(repeating: "a.", count: 126) + "a"
        #expect(longest.utf8.count == 253)
        #expect(HostName.canonical(longest + ".") == longest)
        #expect(HostName.canonical(longest + "a") == nil)
        #expect(HostName.canonical(longest + "..") == nil)
    }
}
