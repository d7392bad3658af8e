import Testing
import WeirConfiguration

@Suite("Web addresses")
struct WebAddressTests {
    @Test(
        "an address names a host, a port and a target, and is written as it is read",
        arguments: [
            ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000/hook"),
            ("https://Desk.Example", "https://desk.example/"),
            ("https://desk.example:443/a?b=c", "https://desk.example/a?b=c"), ("HTTP://[::1]/", "http://[::1]/"),
            ("http://[::1]:8080?x", "http://[::1]:8080/?x"), ("http://desk.example:443/", "http://desk.example:443/"),
        ])
    func addresses(text: String, canonical: String) throws {
        #expect(try #require(WebAddress(text)).description == canonical)
    }

    @Test(
        "what is no address is none",
        arguments: [
            "", "http://", "desk.example/hook", "ftp://desk.example/", "http:///hook", "http://desk.example:0/",
            "http://user:word@desk.example/", "http://desk.example/#top", "http://desk.example/a b",
            "http://desk.example/\u{1}", "http://desk.example/ä", "http://desk.example:port/", "http://::1/",
            "http://desk.example/" + String(repeating: "a", count: 2_000),
        ])
    func malformed(text: String) {
        #expect(WebAddress(text) == nil)
    }
}
