import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime

@Suite("An open session") struct OpenSessionTests {
    private static let settings = [
        "networks: [{ range: 127.0.1.0/24, each: 32, plan: home }]",
        "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: network }, "
            + "{ name: both, address: \"127.0.0.1:0\", tls: none, accounts: login_or_network, plaintext_auth: true }]",
    ]

    private func expectEnd(_ client: SMTPClient, _ line: String = "MAIL FROM:<s@client.example>") throws {
        let answer = try client.command(line)
        #expect(answer.code == 421 && answer.text == "4.7.0 What let you in has changed, connect again")
        #expect(throws: SMTPClient.Closed.self) { try client.reply() }
    }

    private func delivers(_ client: SMTPClient) throws -> Bool {
        try client.message(to: ["a@example.com"], body).delivered == 1
    }

    @Test("ends with the password that let it in, and no other does, also in an open envelope")
    func password() async throws {
        let home = try Gate.Home(limits: "100 recipients per hour", settings: Self.settings)
        try await Gate.run(home) { gate in
            let admin = gate.administration
            _ = try await admin.add("anna", .init(plan: "home", password: "first"), by: gate.actor)
            _ = try await admin.add("bert", .init(plan: "home", password: "other"), by: gate.actor)
            let token = try await admin.issueToken("anna", by: gate.actor).token
            func session(_ login: String, _ password: String) throws -> SMTPClient {
                let client = try gate.client(from: "127.0.0.9", listener: "both")
                #expect(try client.login(login, password).code == 235)
                return client
            }
            let (thief, busy) = (try session("anna", "first"), try session("anna", "first"))
            let late = try session("anna", "first")
            let others = [try session("anna", token), try session("bert", "other")]
            _ = try await admin.change("anna", AccountChange(mail: .set("anna@home.example")), by: gate.actor)
            for client in [thief, busy] + others { #expect(try delivers(client)) }

            for client in [busy, late] { try client.must("MAIL FROM:<s@client.example>") }
            for line in ["RCPT TO:<late@example.com>", "DATA"] { try late.must(line) }
            _ = try await admin.change("anna", AccountChange(password: .set("second")), by: gate.actor)
            try expectEnd(thief)
            try expectEnd(busy, "RCPT TO:<a@example.com>")
            try expectEnd(late, body + "\r\n.")
            #expect(!home.relay.messages.contains { $0.recipients == ["late@example.com"] })
            for client in others + [try session("anna", "second")] { #expect(try delivers(client)) }
            _ = try await admin.change("anna", AccountChange(password: .clear), by: gate.actor)
            #expect(try delivers(others[0]))
            #expect(gate.log.lines.count { $0.contains("\"event\":\"sender refused\"") && $0.contains("421") } == 1)
            #expect(gate.log.lines.count { $0.contains("\"event\":\"message\"") && $0.contains("421") } == 2)
        }
    }

    @Test("ends with the network that let it in, and no other change does")
    func network() async throws {
        let home = try Gate.Home(limits: "100 recipients per hour, 2 connections", settings: Self.settings)
        try await Gate.run(home) { gate in
            let admin = gate.administration
            _ = try await admin.add(
                "bert", .init(plan: "home", networks: ["127.0.0.2/32", "127.0.0.3/32"]), by: gate.actor)
            let (first, second) = (try gate.client(), try gate.client(from: "127.0.0.3", listener: "both"))
            #expect(try delivers(first) && delivers(second))
            _ = try await admin.change(
                "bert",
                AccountChange(password: .set("word"), addNetworks: ["127.0.0.4/32"], removeNetworks: ["127.0.0.2/32"]),
                by: gate.actor)
            _ = try await admin.add("anna", .init(plan: "home", password: "first"), by: gate.actor)
            #expect(try delivers(second))
            try expectEnd(first)
            #expect(try gate.client().command("MAIL FROM:<s@client.example>").code == 550)
            #expect(try delivers(gate.client(from: "127.0.0.4")))

            // Who logs in is no longer let in by the network, and needs it no more.
            #expect(try second.login("bert", "word").code == 235)
            _ = try await admin.change("bert", AccountChange(removeNetworks: ["127.0.0.3/32"]), by: gate.actor)
            #expect(try delivers(second))
        }
    }

    @Test("counts for the customer that its account has at the first recipient, in memory as after a restart")
    func customer() async throws {
        let home = try Gate.Home(limits: "100 recipients per hour", settings: Self.settings)
        for name in ["former", "latter"] {
            try home.folder.write(
                "customer: \(name)\nlimits: [1 recipients per hour]\n", to: "policies/\(name).yaml")
        }
        try await Gate.run(home) { gate in
            let admin = gate.administration
            _ = try await admin.add(
                "bert", .init(plan: "home", customer: "former", networks: ["127.0.0.2/32"]), by: gate.actor)
            let client = try gate.client()
            try client.must("MAIL FROM:<s@client.example>")
            _ = try await admin.change("bert", AccountChange(customer: .set("latter")), by: gate.actor)
            for line in ["RCPT TO:<a@example.com>", "DATA", body + "\r\n."] { try client.must(line) }
            #expect(try !delivers(client))
        }
        try await Gate.run(home) { gate in
            #expect(try !delivers(gate.client()))
            _ = try await gate.administration.change(
                "bert", AccountChange(customer: .set("former")), by: gate.actor)
            #expect(try delivers(gate.client()))
        }
    }

    @Test("counts against its account's connections from when it is told whose it is")
    func counted() async throws {
        let home = try Gate.Home(limits: "100 recipients per hour, 2 connections", settings: Self.settings)
        try await Gate.run(home) { gate in
            let clients = try (0..<3).map { _ in try gate.client() }
            #expect(try clients[0].command("MAIL FROM:<s@client.example>").code == 550)
            try home.write(settings: [Self.settings[1]])
            _ = try await gate.administration.reload(by: gate.actor)
            for client in clients[..<2] { for _ in 0..<2 { #expect(try delivers(client)) } }
            let refused = try clients[2].command("MAIL FROM:<s@client.example>")
            #expect(refused.code == 421 && refused.text == "4.7.0 Too many connections", "\(refused)")
            #expect(throws: SMTPClient.Closed.self) { try clients[2].reply() }
            try clients[0].must("QUIT")
            #expect(eventually { (try? delivers(gate.client())) == true })
        }
    }

    @Test("of a prefix ends when its account is removed, and the next one begins anew")
    func removed() async throws {
        try await Gate.run(try Gate.Home(settings: Self.settings)) { gate in
            let client = try gate.client(from: "127.0.1.7")
            #expect(try delivers(client))
            try await gate.administration.remove("127.0.1.7/32", by: gate.actor)
            try expectEnd(client)
            #expect(try delivers(gate.client(from: "127.0.1.7")))
            #expect(try await gate.used(by: "127.0.1.7/32") == 2, "what it has sent stays counted")
        }
    }
}
