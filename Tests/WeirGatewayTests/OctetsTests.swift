import TestKit
import Testing
import WeirAdmin
import WeirRuntime

@Suite("A limit of octets") struct OctetsTests {
    /// A message of so many octets, CRLF behind its last line included; its lines begin with a dot.
    private static func content(_ octets: Int) -> String {
        let line = "..\(String(repeating: "x", count: 97))\r\n"
        let (lines, rest) = (octets - 102).quotientAndRemainder(dividingBy: 100)
        return "\r\n" + String(repeating: line, count: lines) + String(repeating: "x", count: 98 + rest)
    }

    @Test(
        "that has been used in part defers what would fit into all of it, and refuses what would not, announced or not",
        arguments: [
            (100_000, true, 450, "deferred_quota"), (100_000, false, 450, "deferred_quota"),
            (100_001, true, 552, "refused_quota"), (100_001, false, 552, "refused_quota"),
            (300_000, false, 552, "refused_quota"),
        ])
    func laterOrNever(octets: Int, isAnnounced: Bool, code: Int, result: String) async throws {
        try await Gate.run(try Gate.Home(limits: "100 recipients per hour, 100 KB per day")) { gate in
            let client = try gate.client()
            #expect(try client.message(to: ["a@example.com"], Self.content(40_000)).delivered == 1)
            #expect(try await gate.used("size-per-day") == 40_000)

            try client.must("MAIL FROM:<s@client.example>" + (isAnnounced ? " SIZE=\(octets)" : ""))
            var answer = try client.command("RCPT TO:<a@example.com>")
            if !isAnnounced {
                #expect(answer.code == 250)
                try client.must("DATA")
                answer = try client.command(Self.content(octets) + "\r\n.")
            }
            #expect(answer.code == code, "\(answer)")
            let text =
                code == 552 ? "5.3.4 Message too big: this plan takes 100 KB per day" : "4.7.1 Limit reached: "
            #expect(answer.text.hasPrefix(text), "\(answer)")
            try client.must("RSET")
            let isTold = eventually {
                gate.log.lines.contains { line in
                    ["\"result\":\"\(result)\"", "\"code\":\(code)"].allSatisfy { line.contains($0) }
                }
            }
            #expect(isTold, "\(gate.log.lines.filter { $0.contains("\"message\"") })")
            #expect(try client.message(to: ["a@example.com"], Self.content(60_000)).delivered == 1, "nothing is lost")
        }
    }
}
