import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime
import WeirStore

@Suite("Complaints") struct ComplaintTests {
    private static let bob = "bob@isp.example"

    /// A report about a message as its recipient has it.
    static func report(_ message: String, by reporter: String = "reader.example", of reader: String? = nil) -> String {
        let recipient = reader.map { "Original-Rcpt-To: <\($0)>\r\n" } ?? ""
        return [
            "From: <fbl@\(reporter)>", "Content-Type: multipart/report; report-type=feedback-report; boundary=b", "",
            "--b", "Content-Type: text/plain", "", "x", "--b", "Content-Type: message/feedback-report", "",
            "Feedback-Type: abuse", "User-Agent: x", "Version: 1\r\n\(recipient)", "--b",
            "Content-Type: message/rfc822", "", message, "--b--", "",
        ].joined(separator: "\r\n")
    }

    static func post(_ gate: Gate, _ report: String, _ type: String = "message/rfc822") throws -> (
        status: String, body: String
    ) {
        let file = try gate.home.folder.write(report, to: "report-\(UUID().uuidString)")
        return try gate.curl(
            "/v1/complaints", "-X", "POST", "-H", "Content-Type: \(type)", "--data-binary", "@\(file)")
    }

    static func sent(_ gate: Gate, from source: String, to count: Int = 1) throws -> String {
        let people = (1...count).map { "someone\($0)@elsewhere.example" }
        _ = try gate.client(from: source).message(to: people, body)
        // Notices come by the same way, and name no account.
        return try #require(gate.home.relay.messages.last { $0.text.contains("X-Weir-Account:") }).text
    }

    private static func home(_ mode: String = "suspend", relay: Sink? = nil) throws -> Gate.Home {
        let home = try Gate.Home(relay: relay)
        try home.folder.write(
            "plan: home\nlimits: [100 recipients per hour]\ndetector: \(mode)\n", to: "policies/home.yaml")
        return home
    }

    private static func addBob(_ gate: Gate) async throws {
        _ = try await gate.administration.add(
            bob, AccountDefinition(plan: "home", networks: ["127.0.0.5/32"]), by: gate.actor)
    }

    /// The line of a message that names its account.
    private static func accountField(_ message: String) throws -> String {
        String(try #require(message.split(separator: "\r\n").first { $0.hasPrefix("X-Weir-Account:") }))
    }

    /// Makes bob's account; a message of it, and the field in it that names the account.
    private static func bobsMessage(_ gate: Gate, to count: Int) async throws -> (text: String, account: String) {
        try await addBob(gate)
        let text = try sent(gate, from: "127.0.0.5", to: count)
        return (text, try accountField(text))
    }

    @Test("lead to the account by either trace; each reader's counts once, and no more of a message than had it")
    func traced() async throws {
        try await Gate.run(try ComplaintTests.home()) { gate in
            let (message, hash) = try await ComplaintTests.bobsMessage(gate, to: 4)
            let byID = message.replacing(hash, with: "X-Other: x")

            let report = ComplaintTests.report(message)
            let first = try ComplaintTests.post(gate, report)
            #expect(first.status == "200", "\(first)")
            #expect(first.body.contains("\"account\":\"bob@isp.example\",\"counted\":true"))
            for same in [report, ComplaintTests.report(byID)] {
                #expect(try ComplaintTests.post(gate, same).body.contains("\"note\":\"known already\""))
            }
            for other in [
                ComplaintTests.report(message, by: "another.example"), ComplaintTests.report(byID, by: "third.example"),
                ComplaintTests.report(byID, of: "someone1@elsewhere.example"),
            ] {
                #expect(try ComplaintTests.post(gate, other).body.contains("\"counted\":true"))
            }
            for surplus in [
                ComplaintTests.report(message, by: "invented.example"),
                ComplaintTests.report(message, of: "someone2@elsewhere.example"),
            ] {
                let outcome = try ComplaintTests.post(gate, surplus)
                #expect(outcome.body.contains("\"counted\":false") && outcome.body.contains("as many have complained"))
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
            #expect(page.contains("weir_complaints_total{result=\"surplus\"} 2"))
        }
    }

    @Test("of messages that nobody knows count once for an account, however many make them up")
    func forged() async throws {
        try await Gate.run(try ComplaintTests.home()) { gate in
            let (message, hash) = try await ComplaintTests.bobsMessage(gate, to: 3)
            func forgery(_ number: Int) -> String {
                "Received: from x by gate.example with ESMTP id 0000000000\(100 + number); x\r\n\(hash)\r\n\r\nx"
            }
            let unnamed = "\(hash)\r\n\r\nx"
            let first = try ComplaintTests.post(gate, ComplaintTests.report(forgery(0), by: "invented0.example"))
            #expect(first.body.contains("\"counted\":true") && first.body.contains("its message is not known"))
            for number in 1...12 {
                for text in [forgery(number), unnamed] {
                    let report = ComplaintTests.report(text, by: "invented\(number).example")
                    let outcome = try ComplaintTests.post(gate, report)
                    #expect(outcome.body.contains("not counted: its message is not known"), "\(outcome)")
                }
            }
            // It is the message that the reporter names later, which counts no second time, and makes no room for another.
            let named = try ComplaintTests.post(gate, ComplaintTests.report(message, by: "invented0.example"))
            #expect(named.body.contains("known already"), "\(named)")
            for text in [unnamed, forgery(1), message] {
                let outcome = try ComplaintTests.post(gate, ComplaintTests.report(text, by: "invented0.example"))
                #expect(outcome.body.contains("known already"), "\(outcome)")
            }
            // As many as it had recipients, and one that is not known.
            for number in 1...9 {
                for text in [message, unnamed] {
                    _ = try ComplaintTests.post(gate, ComplaintTests.report(text, by: "again\(number).example"))
                }
            }
            #expect(try await gate.administration.account(ComplaintTests.bob).complaints == 4)
        }
    }

    @Test("lead to who sent the message, whatever Received fields he has put into it")
    func forgedHops() async throws {
        try await Gate.run(try ComplaintTests.home()) { gate in
            try await ComplaintTests.addBob(gate)
            _ = try await gate.administration.add(
                "eve@isp.example", AccountDefinition(plan: "home", networks: ["127.0.0.6/32"]), by: gate.actor)
            let evesMessage = try ComplaintTests.sent(gate, from: "127.0.0.6")
            let evesID = try #require(evesMessage.firstMatch(of: #/\sid ([0-9A-Z]{13})/#), "\(evesMessage)").1
            let hops =
                ["elsewhere.example id 0000000000001", "gate.example id \(evesID)"]
                + (100...120).map { "gate.example id 0000000000\($0)" }
                + (100...120).map { "x.example id 0000000000\($0)" }
            let fields = hops.map { "Received: from x by \($0); x\r\n" }.joined()
            _ = try gate.client(from: "127.0.0.5").message(to: ["someone@elsewhere.example"], fields + body)
            let message = try #require(gate.home.relay.messages.last).text
            #expect(message.contains("gate.example id \(evesID)"))
            let outcome = try ComplaintTests.post(gate, ComplaintTests.report(message))
            #expect(outcome.body.contains("\"account\":\"bob@isp.example\",\"counted\":true"), "\(outcome)")
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
            let bobsHash = try ComplaintTests.accountField(bob)
            let forged = "\(bobsHash)\r\n" + eve
            let elsewhere = bob.replacing("gate.example", with: "gate.elsewhere.example")
                .replacing(bobsHash, with: "X-Other: x")
            for report in [forged, elsewhere, "Subject: nothing\r\n\r\nx"] {
                let outcome = try ComplaintTests.post(gate, ComplaintTests.report(report))
                #expect(outcome.status == "404" && outcome.body.contains("no-such-account"), "\(outcome)")
            }
            #expect(try ComplaintTests.post(gate, "hello").status == "422")
            // Each would be compared with every account.
            let many = (0..<100).map { "X-Weir-Account: \(String(repeating: "0", count: 29))\(100 + $0)\r\n" }.joined()
            let flood = try ComplaintTests.post(gate, ComplaintTests.report(many + bob))
            #expect(flood.status == "422" && flood.body.contains("more accounts than"), "\(flood)")
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
            let title = "x\u{1B}]0;owned\u{7}.example"
            let hostile = try run(
                home.folder.write(ComplaintTests.report(bob, by: title), to: "hostile"),
                home.folder.write("Content-Type: text/\u{1B}[31m\r\n\r\n", to: "unreadable"))
            #expect(hostile.output.contains("by x\u{FFFD}]0;owned\u{FFFD}.example"), "\(hostile)")
            #expect(hostile.errors.contains("its Content-Type is text/\u{FFFD}[31m"), "\(hostile)")
        }
    }

    /// Two of its first recipients do not exist: that alone is nothing, and nor is it with one complaint.
    @Test("are evidence: an account that draws them from the readers of a message is flagged, and the verdict says so")
    func evidence() async throws {
        try await Gate.run(try Self.home("flag", relay: try ConductTests.relay())) { gate in
            try await Self.addBob(gate)
            let readers = (1...4).map { "someone\($0)@elsewhere.example" }
            let people = ["nobody1@elsewhere.example", "nobody2@elsewhere.example"] + readers
            #expect(try gate.client(from: "127.0.0.5").message(to: people, body).delivered == 4)
            let message = try #require(gate.home.relay.messages.last).text
            for (number, reader) in readers.prefix(2).enumerated() {
                #expect(!gate.log.lines.contains { $0.contains("\"verdict\"") }, "after \(number)")
                let report = Self.report(message, by: "reader\(number).example", of: reader)
                #expect(try Self.post(gate, report).body.contains("\"counted\":true"))
            }
            try gate.becomes(.flagged, Self.bob)
            let verdicts = gate.log.lines.filter { $0.contains("\"verdict\"") }
            #expect(verdicts.contains { $0.contains(": 2 complaints, 4 recipients lately") }, "\(verdicts)")
        }
    }
}
