import TestKit
import Testing
import WeirAdmin
import WeirRuntime

@Suite("A relay that answers before the dot") struct EarlyAnswerTests {
    /// All that a session says, in one segment; the longer content is more than goes out with a dot.
    @Test("has refused the message, for its client, the log and the story", arguments: [1, 300])
    func told(lines: Int) async throws {
        let relay = try Sink { event in
            guard case .command(let line) = event, line.hasPrefix("DATA") else { return nil }
            return .reply("354 Go ahead\r\n552 5.2.2 Mailbox full")
        }
        try await Gate.run(try Gate.Home(relay: relay)) { gate in
            let client = try gate.client()
            let content = String(repeating: String(repeating: "x", count: 70) + "\r\n", count: lines)
            try client.send(
                "MAIL FROM:<s@client.example>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n\r\n\(content).\r\n")
            let replies = try (0..<4).map { _ in try client.reply().code }
            #expect(replies == [250, 250, 354, 552])
            let isTold = eventually {
                gate.log.lines.contains { line in
                    ["\"event\":\"message\"", "\"result\":\"refused_relay\"", "\"code\":552"].allSatisfy(line.contains)
                }
            }
            #expect(isTold, "\(gate.log.lines)")
            #expect(try await gate.used() == 0)
        }
    }
}
