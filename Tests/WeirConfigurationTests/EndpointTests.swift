import Testing
import WeirConfiguration

@Suite("Endpoints")
struct EndpointTests {
    @Test(
        "an endpoint is a host with a port, and is written as it is read",
        arguments: [
            ("host.example:25", "host.example:25"), ("HOST.Example:25", "host.example:25"), ("1.2.3.4:0", "1.2.3.4:0"),
            ("[::1]:65535", "[::1]:65535"), ("[::ffff:1.2.3.4]:25", "1.2.3.4:25"),
        ])
    func endpoints(text: String, canonical: String) throws {
        #expect(try #require(Endpoint(text)).description == canonical)
    }

    @Test(
        "what is no endpoint is none",
        arguments: [
            "", ":", ":25", "host.example", "host.example:", "host.example:65536", "host.example:-1", "host.example:+1",
            "::1:25", "[1.2.3.4]:25", "[::1]", "[::1:25", "-host:25", "host-:25", "a..b:25", "1.2.3:25", "a_b:25",
            "host.example:000025", "\(String(repeating: "a", count: 64)):25",
        ])
    func malformedEndpoints(text: String) {
        #expect(Endpoint(text) == nil)
    }
}
