import TestKit
import Testing
import WeirAdmin
import WeirRuntime

@Suite("A recipient that is refused") struct RefusedRecipientTests {
    @Test(
        "for good counts as a refusal, also by Weir's own reading of it",
        arguments: [
            ("RCPT TO:<a@", 501), ("RCPT TO:<ü@example.com>", 553), ("RCPT TO:<a@example.com> NOTIFY=NEVER", 555),
        ])
    func counts(command: String, code: Int) async throws {
        let home = try Gate.Home(relay: Sink(offers: ["SIZE"]), limits: "10 refusals per hour")
        try await Gate.run(home) { (gate) async throws in
            let client = try gate.client()
            #expect(try client.command(command).code >= 500)
            try client.must("MAIL FROM:<s@client.example>")
            for _ in 0..<2 { #expect(try client.command(command).code == code) }
            #expect(try await gate.used("refusals-per-hour") == 2)
        }
    }

    @Test(
        "by a limit of a message is told whose it is",
        arguments: [("gateway", "this gateway"), ("customer", "this customer")])
    func owner(scope: String, words: String) async throws {
        let home = try Gate.Home()
        let first = scope == "gateway" ? "gateway: limits" : "customers: default"
        try home.folder.write("\(first)\nlimits: [1 recipients per message]\n", to: "policies/other.yaml")
        try await Gate.run(home) { (gate) async throws in
            let client = try gate.client()
            #expect(try client.message(to: ["a@example.com"], body).delivered == 1)
            _ = try await gate.administration.change("127.0.0.2/32", .init(customer: .set("ACME")), by: gate.actor)
            let answers = try client.message(to: ["a@example.com", "b@example.com"], body)
            #expect(
                answers.recipients.last?.text.contains("Too many recipients: \(words) takes 1") == true, "\(answers)")
        }
    }
}
