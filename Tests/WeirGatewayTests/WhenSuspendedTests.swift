import TestKit
import Testing
import WeirAdmin

@Suite("A plan with when_suspended: defer") struct WhenSuspendedTests {
    private static let text = "4.7.1 Sending is suspended for this account. Write to abuse@isp.example. ["

    private static func home() throws -> Gate.Home {
        let home = try Gate.Home()
        try home.folder.write(
            "plan: home\nlimits: [50 recipients per hour]\nwhen_suspended: defer\n", to: "policies/home.yaml")
        return home
    }

    @Test("defers each recipient of a suspended account, and lets them pass when it is released")
    func recipients() async throws {
        try await Gate.run(try Self.home()) { gate in
            let client = try gate.client()
            #expect(try client.message(to: ["a@example.com"], body).delivered == 1)
            _ = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            // More than a session may have refused for good.
            let people = (0..<25).map { "u\($0)@example.com" }
            let answers = try client.message(to: people, body)
            for refusal in answers.recipients {
                #expect(refusal.code == 450 && refusal.text.hasPrefix(Self.text), "\(refusal)")
            }
            #expect(answers.data.description.hasPrefix("451 4.7.1 "), "\(answers.data)")
            try client.must("RSET")
            _ = try await gate.administration.release("127.0.0.2/32", why: "mended", by: gate.actor)
            #expect(try client.message(to: people, body).delivered == 25)
        }
    }

    @Test("defers a message whose account is suspended before its dot")
    func dot() async throws {
        let home = try Self.home()
        try await Gate.run(home) { gate in
            let client = try gate.client()
            for line in ["MAIL FROM:<s@client.example>", "RCPT TO:<a@example.com>", "DATA"] { try client.must(line) }
            try client.send(body + "\r\n")
            _ = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            let answer = try client.command("More.\r\n.")
            #expect(answer.code == 450 && answer.text.hasPrefix(Self.text), "\(answer)")
            #expect(home.relay.messages.isEmpty)
            #expect(try await gate.used() == 0, "what was not sent is not counted")
        }
    }
}
