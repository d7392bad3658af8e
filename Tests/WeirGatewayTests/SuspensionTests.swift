import TestKit
import Testing
import WeirAdmin

@Suite("A suspension") struct SuspensionTests {
    private static let text = "Sending is suspended for this account. Write to abuse@isp.example. ["

    private static func home(_ how: String) throws -> Gate.Home {
        let home = try Gate.Home()
        try home.folder.write(
            "plan: home\nlimits: [50 recipients per hour]\nwhen_suspended: \(how)\n", to: "policies/home.yaml")
        return home
    }

    @Test("holds at the next recipient of an open session, and a release too")
    func recipients() async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { gate in
            let client = try gate.client()
            try client.must("MAIL FROM:<s@client.example>")
            try client.must("RCPT TO:<a@example.com>")
            let account = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            #expect(account.state == .suspended && account.stateReason == "spam")
            let refused = try client.command("RCPT TO:<b@example.com>")
            #expect(refused.code == 550 && refused.text.hasPrefix("5.7.1 \(Self.text)"), "\(refused)")
            try client.must("RSET")
            #expect(
                try await gate.administration.release("127.0.0.2/32", why: "mended", by: gate.actor).state == .normal)
            #expect(try client.message(to: ["a@example.com"], body).delivered == 1)
        }
    }

    @Test(
        "before the dot keeps the message back, for good or for now, as the plan says",
        arguments: [("reject", "550 5.7.1"), ("defer", "450 4.7.1")])
    func dot(how: String, answer: String) async throws {
        let home = try Self.home(how)
        try await Gate.run(home) { gate in
            let client = try gate.client()
            for line in ["MAIL FROM:<s@client.example>", "RCPT TO:<a@example.com>", "DATA"] { try client.must(line) }
            try client.send(body + "\r\n")
            _ = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            let refused = try client.command("More.\r\n.")
            #expect(refused.description.hasPrefix("\(answer) \(Self.text)"), "\(refused)")
            #expect(home.relay.messages.isEmpty)
            #expect(try await gate.used() == 0, "what was not sent is not counted")
        }
    }

    @Test("holds in each of an account's open sessions, whichever loop they are on and however far they have come")
    func everySession() async throws {
        let home = try Self.home("reject")
        try await Gate.run(home) { gate in
            let clients = try (0..<8).map { _ in try gate.client() }
            for client in clients {
                for line in ["MAIL FROM:<s@client.example>", "RCPT TO:<a@example.com>"] { try client.must(line) }
            }
            let (asking, sending) = (clients[..<4], clients[4...])
            for client in sending {
                try client.must("DATA")
                try client.send(body + "\r\n")
            }
            _ = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            for client in asking { try client.send("RCPT TO:<b@example.com>\r\n") }
            for client in sending { try client.send("More.\r\n.\r\n") }
            for client in clients {
                let refused = try client.reply()
                #expect(refused.description.hasPrefix("550 5.7.1 \(Self.text)"), "\(refused)")
            }
            // Nor what they had before: the first recipient was taken.
            for client in asking {
                try client.must("DATA")
                #expect(try client.command(body + "\r\n.").code == 550)
            }
            #expect(home.relay.messages.isEmpty)
            #expect(try await gate.used() == 0)
        }
    }

    @Test("that defers, defers each recipient, and lets them pass when it is released")
    func deferred() async throws {
        try await Gate.run(try Self.home("defer")) { gate in
            let client = try gate.client()
            #expect(try client.message(to: ["a@example.com"], body).delivered == 1)
            _ = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            // More than a session may have refused for good.
            let people = (0..<25).map { "u\($0)@example.com" }
            let answers = try client.message(to: people, body)
            for refusal in answers.recipients {
                #expect(refusal.code == 450 && refusal.text.hasPrefix("4.7.1 \(Self.text)"), "\(refusal)")
            }
            #expect(answers.data.description.hasPrefix("451 4.7.1 "), "\(answers.data)")
            try client.must("RSET")
            _ = try await gate.administration.release("127.0.0.2/32", why: "mended", by: gate.actor)
            #expect(try client.message(to: people, body).delivered == 25)
        }
    }
}
