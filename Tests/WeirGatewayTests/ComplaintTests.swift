import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirStore

@Suite("Complaints") struct ComplaintTests {
    private static let bob = "bob@isp.example"

    /// A report about a message as its recipient has it.
    static func report(_ message: String, by reader: String = "reader.example") -> String {
        [
            "From: <fbl@\(reader)>", "Content-Type: multipart/report; report-type=feedback-report; boundary=b", "",
            "--b", "Content-Type: text/plain", "", "x", "--b", "Content-Type: message/feedback-report", "",
            "Feedback-Type: abuse", "User-Agent: x", "Version: 1", "", "--b", "Content-Type: message/rfc822", "",
            message, "--b--", "",
        ].joined(separator: "\r\n")
    }

    static func post(_ gate: Gate, _ report: String, _ type: String = "message/rfc822") throws -> (
        status: String, body: String
    ) {
        let file = try gate.home.folder.write(report, to: "report-\(UUID().uuidString)")
        return try gate.curl(
            "/v1/complaints", "-X", "POST", "-H", "Content-Type: \(type)", "--data-binary", "@\(file)")
    }

    static func sent(_ gate: Gate, from source: String) throws -> String {
        _ = try gate.client(from: source).message(to: ["someone@elsewhere.example"], body)
        // Notices come by the same way, and name no account.
        return try #require(gate.home.relay.messages.last { $0.text.contains("X-Weir-Account:") }).text
    }

    @Test("lead to the account by either trace, and one reader's of one message counts once")
    func traced() async throws {
        let home = try Gate.Home()
        try home.folder.write(
            "plan: home\nlimits: [10 recipients per hour]\ndetector: suspend\n", to: "policies/home.yaml")
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add(
                ComplaintTests.bob, AccountDefinition(plan: "home", networks: ["127.0.0.5/32"]), by: gate.actor)
            let message = try ComplaintTests.sent(gate, from: "127.0.0.5")
            let lines = message.split(separator: "\r\n", omittingEmptySubsequences: false)
            let hash = try #require(lines.first { $0.hasPrefix("X-Weir-Account:") })
            let byHash = "\(hash)\r\nMessage-ID: <other@client.example>\r\n\r\nx"
            let byID = message.replacing(hash, with: "X-Other: x")

            let report = ComplaintTests.report(message)
            let first = try ComplaintTests.post(gate, report)
            #expect(first.status == "200", "\(first)")
            #expect(first.body.contains("\"account\":\"bob@isp.example\",\"counted\":true"))
            for same in [report, ComplaintTests.report(byID)] {
                #expect(try ComplaintTests.post(gate, same).body.contains("\"counted\":false"))
            }
            for other in [
                ComplaintTests.report(message, by: "another.example"), ComplaintTests.report(byID, by: "third.example"),
                ComplaintTests.report(byHash),
            ] {
                #expect(try ComplaintTests.post(gate, other).body.contains("\"counted\":true"))
            }
            #expect(try await gate.administration.account(ComplaintTests.bob).complaints == 4)
            let rows = try await gate.daemon.server.gateway.accounts.withStore { store throws(StoreError) in
                try store.audit(of: ComplaintTests.bob)
            }
            #expect(rows.count { $0.action == "account.complaint" } == 4)
            #expect(rows.contains { $0.new?.hasPrefix("abuse by reader.example, message ") == true })
            let page = try gate.curl("/metrics").body
            #expect(page.contains("weir_complaints_total{result=\"counted\"} 4"))
            #expect(page.contains("weir_complaints_total{result=\"repeated\"} 2"))
        }
    }

    @Test("that lead nowhere, to two accounts, or cannot be read are told so, and count against nobody")
    func untraced() async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { gate in
            for (login, network) in [(ComplaintTests.bob, "127.0.0.5/32"), ("eve@isp.example", "127.0.0.6/32")] {
                _ = try await gate.administration.add(
                    login, AccountDefinition(plan: "home", networks: [network]), by: gate.actor)
            }
            let bob = try ComplaintTests.sent(gate, from: "127.0.0.5")
            let eve = try ComplaintTests.sent(gate, from: "127.0.0.6")
            let bobsHash = try #require(bob.split(separator: "\r\n").first { $0.hasPrefix("X-Weir-Account:") })
            let forged = "\(bobsHash)\r\n" + eve
            let elsewhere = bob.replacing("gate.example", with: "gate.elsewhere.example")
                .replacing(bobsHash, with: "X-Other: x")
            for report in [forged, elsewhere, "Subject: nothing\r\n\r\nx"] {
                let outcome = try ComplaintTests.post(gate, ComplaintTests.report(report))
                #expect(outcome.status == "404" && outcome.body.contains("no-such-account"), "\(outcome)")
            }
            #expect(try ComplaintTests.post(gate, "hello").status == "422")
            #expect(try ComplaintTests.post(gate, "x", "text/plain").status == "415")
            for login in [ComplaintTests.bob, "eve@isp.example"] {
                #expect(try await gate.administration.account(login).complaints == 0)
            }
            let good = try home.folder.write(ComplaintTests.report(bob), to: "good")
            let bad = try home.folder.write("hello", to: "bad")
            let lost = try home.folder.write(ComplaintTests.report("Subject: x\r\n\r\nx"), to: "lost")
            func run(_ files: String...) throws -> Program.Outcome {
                try Program.run(
                    weir, ["complaint", "import"] + files + ["--socket", home.folder.file("admin.sock")])
            }
            let fine = try run(good)
            #expect(fine.status == 0)
            #expect(
                fine.output
                    == "bob@isp.example: abuse by reader.example, counted; see weir account show bob@isp.example\n")
            #expect(try run(bad, good).status == 65)
            let mixed = try run(lost, good)
            #expect(mixed.status == 67)
            #expect(mixed.output == "bob@isp.example: abuse by reader.example, known already\n")
        }
    }
}
