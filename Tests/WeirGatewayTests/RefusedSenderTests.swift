import TestKit
import Testing
import WeirRuntime

@Suite("A MAIL that is refused") struct RefusedSenderTests {
    private static let listeners = [
        "networks: [{ range: 127.0.0.2/32, each: 32, plan: home }]",
        "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: network }, "
            + "{ name: login, address: \"127.0.0.1:0\", tls: none, accounts: login, plaintext_auth: true }]",
    ]

    @Test(
        "is told in one line of the log, without the sender's address, and once a session",
        arguments: [
            ("login", "127.0.0.2", "MAIL FROM:<s@client.example>", 530, "5.7.0 Authentication required"),
            ("in", "127.0.0.9", "MAIL FROM:<s@client.example>", 550, "5.7.1 Relaying denied"),
            ("in", "127.0.0.2", "MAIL FROM:<s@client.example> SIZE=2000000", 552, "5.3.4"),
            ("in", "127.0.0.2", "MAIL FROM:<s@client.example", 501, "5.1.7"),
        ])
    func told(listener: String, source: String, command: String, code: Int, reason: String) async throws {
        let home = try Gate.Home(limits: "1 MB per message", settings: RefusedSenderTests.listeners)
        try await Gate.run(home) { (gate) async throws in
            let client = try gate.client(from: source, listener: listener)
            for _ in 0..<3 { #expect(try client.command(command).code == code) }
            let lines = gate.log.lines.filter { $0.contains("\"event\":\"sender refused\"") }
            #expect(lines.count == 1)
            let line = lines.first ?? ""
            for field in [
                "\"code\":\(code)", "\"reason\":\"\(reason)", "\"listener\":\"\(listener)\"",
                "\"source\":\"\(source)\"",
                "\"helo\":\"client.example\"",
            ] {
                #expect(line.contains(field), "\(field) in \(line)")
            }
            #expect(gate.log.lines.allSatisfy { !$0.contains("s@client") })
        }
    }

    @Test("a limit of nothing is not announced as one of 0, which would mean that there is none")
    func nothingFits() async throws {
        let home = try Gate.Home(limits: "0 MB per message", settings: RefusedSenderTests.listeners)
        try await Gate.run(home) { (gate) async throws in
            let client = try gate.client()
            #expect(try client.command("EHLO client.example").lines.contains("SIZE 1"))
            let sent = try client.message(to: ["a@example.com"], body)
            #expect(sent.dot?.code == 552)
            #expect(sent.dot?.text.contains("this plan takes 0 B per message") == true, "\(sent)")
        }
    }
}
