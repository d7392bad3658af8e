import Testing
import WeirBase

@Suite("A mail address")
struct MailAddressTests {
    @Test("is what a notice can be sent to without quotes", arguments: ["a@b.example", "a.b+c@d-e.example", "x@y"])
    func plain(text: String) { #expect(MailAddress.isPlain(text)) }

    @Test(
        "is nothing else",
        arguments: [
            "", "@", "a@", "@b.example", "a b@c.example", "a>@c.example", "a@b@c.example", "a@b c", "a\r\nb@c.example",
            "ü@c.example", "a@c..example", "\"a\"@c.example", String(repeating: "a", count: 65) + "@c.example",
        ])
    func other(text: String) { #expect(!MailAddress.isPlain(text)) }
}
