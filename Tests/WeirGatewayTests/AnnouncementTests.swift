import TestKit
import Testing
import WeirAdmin
import WeirGateway

@Suite("What clients are told") struct AnnouncementTests {
    private static let login =
        "{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login, plaintext_auth: true }"

    /// Mail programs seldom ask again after AUTH, and bounce for good what is larger than they were told.
    @Test("before AUTH the relays' size and the least number of recipients of any plan, then the account's own")
    func hello() async throws {
        let home = try Gate.Home(settings: ["listeners: [\(Self.login)]"])
        try home.plan("small", limits: "10 KB per message, 3 recipients per message")
        try home.plan("large", limits: "1 MB per message, 100 recipients per message")
        try home.plan("home", limits: "10 recipients per hour, 1 KB per message")
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add("ann", AccountDefinition(plan: "small"), by: gate.actor)
            let token = try await gate.administration.issueToken("ann", by: gate.actor).token
            let client = try SMTPClient(port: gate.port())
            #expect(try Self.offers(client) == ["SIZE 100000000", "LIMITS RCPTMAX=3"])
            #expect(try client.login("ann", token).code == 235)
            #expect(try Self.offers(client) == ["SIZE 10000", "LIMITS RCPTMAX=3"])
            #expect(try client.command("MAIL FROM:<ann@client.example> SIZE=10001").code == 552)
        }
    }

    @Test("where AUTH may name another account than the address does, no size of the address's account")
    func either() async throws {
        let listener =
            "{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login_or_network, plaintext_auth: true }"
        let home = try Gate.Home(
            limits: "1 KB per message, 5 recipients per message", settings: ["listeners: [\(listener)]"])
        try home.plan("large", limits: "1 MB per message, 100 recipients per message")
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add("ann", AccountDefinition(plan: "large"), by: gate.actor)
            _ = try await gate.administration.limit(
                "ann", name: nil, LimitOverride(text: "2 MB per message", why: "photographs"), by: gate.actor)
            let token = try await gate.administration.issueToken("ann", by: gate.actor).token
            let client = try SMTPClient(port: gate.port())
            #expect(try Self.offers(client) == ["SIZE 100000000", "LIMITS RCPTMAX=5"])
            #expect(try client.command("MAIL FROM:<ann@client.example> SIZE=1001").code == 552)
            #expect(try client.login("ann", token).code == 235)
            #expect(try Self.offers(client) == ["SIZE 2000000", "LIMITS RCPTMAX=100"])
            try client.must("MAIL FROM:<ann@client.example> SIZE=2000000")
        }
    }

    private static func offers(_ client: SMTPClient) throws -> [String] {
        try client.command("EHLO client.example").lines.filter { $0.hasPrefix("SIZE") || $0.hasPrefix("LIMITS") }
    }

    @Test("who comes again for what was deferred uses up no refusals; what is refused for good does")
    func refusals() async throws {
        let home = try Gate.Home(
            limits: "3 recipients per hour, 4 refusals per hour, '1 messages per day, reject'")
        try await Gate.run(home) { gate in
            let client = try gate.client()
            try client.must("MAIL FROM:<x@client.example>")
            for number in 0..<3 { try client.must("RCPT TO:<friend\(number)@example.com>") }
            for number in 0..<8 {
                let reply = try client.command("RCPT TO:<more\(number)@example.com>")
                #expect(reply.code == 450 && reply.text.contains("3 of 3 recipients per hour used"), "\(reply)")
            }
            #expect(try await gate.used("refusals-per-hour") == 0)
            try client.must("DATA")
            try client.must("\(body)\r\n.")
            _ = try await gate.administration.limit(
                "127.0.0.2/32", name: nil, LimitOverride(text: "30 recipients per hour", why: "a test"), by: gate.actor)
            try client.must("MAIL FROM:<x@client.example>")
            #expect(try client.command("RCPT TO:<friend@example.com>").code == 550)
            #expect(try await gate.used("refusals-per-hour") == 1)
        }
    }

    @Test("what no relay offers is refused for good")
    func notOffered() async throws {
        let relay = try Sink(offers: ["SIZE 5000"])
        try await Gate.run(try Gate.Home(relay: relay)) { gate in
            for parameter in ["BODY=8BITMIME", "SMTPUTF8", "RET=HDRS"] {
                let client = try gate.client()
                // The relay is known by now.
                #expect(try client.message(to: ["friend@example.com"], body).delivered == 1)
                try client.must("MAIL FROM:<x@client.example> \(parameter)")
                #expect(try client.command("RCPT TO:<friend@example.com>").description.hasPrefix("555 5.5.4 "))
            }
        }
    }

    @Test(
        "of a relay that answers out of step, that it is lost; of one that closes, why",
        arguments: [
            ("RCPT", "354 odd", "451 4.4.2 "), ("RCPT", "350 odd", "451 4.4.2 "), ("MAIL", "354 odd", "451 4.4.2 "),
            ("MAIL", "421 4.3.2 Going down", "451 4.3.2 Going down"),
        ])
    func outOfStep(verb: String, reply: String, answer: String) async throws {
        let relay = try Sink { event in
            guard case .command(let line) = event, line.hasPrefix(verb) else { return nil }
            return reply.hasPrefix("421") ? .last(reply) : .reply(reply)
        }
        try await Gate.run(try Gate.Home(relay: relay)) { gate in
            let client = try gate.client()
            try client.must("MAIL FROM:<x@client.example>")
            let told = try client.command("RCPT TO:<friend@example.com>")
            #expect(told.description.hasPrefix(answer), "\(told)")
            #expect(try client.command("DATA").code == 451)
            #expect(try await gate.used() == 0)
        }
    }
}
