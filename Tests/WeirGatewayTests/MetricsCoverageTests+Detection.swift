import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime

extension MetricsCoverageTests {
    /// A gateway before a relay that knows nobody whose address begins with nobody.
    private static func home(_ mode: String) throws -> Gate.Home {
        let relay = try Sink { event in
            guard case .command(let line) = event, line.hasPrefix("RCPT TO:<nobody") else { return nil }
            return .reply("550 5.1.1 No such user")
        }
        let home = try Gate.Home(
            relay: relay,
            settings: [
                "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login_or_network, plaintext_auth: true }]"
            ])
        try home.folder.write(
            "plan: home\nlimits: [1000 recipients per day]\ndetector: \(mode)\n", to: "policies/home.yaml")
        return home
    }

    /// Messages to people of whom half are nobody, each under a new name; with a token, of Ann from three networks.
    private static func spam(
        _ gate: Gate, from source: String, token: String? = nil, messages: Int, _ text: String = "Buy it now, friend."
    ) throws {
        for number in 0..<messages {
            let client = try SMTPClient(port: gate.port(), from: token == nil ? source : "127.0.\(number % 3).9")
            try client.hello("bot\(number).example")
            if let token { _ = try client.login("ann", token) }
            let people = ["nobody\(number)@example.com", "somebody\(number).\(source)@example.com"]
            _ = try client.message(to: people, "Subject: offer \(number)\r\n\r\n\(text)")
        }
    }

    /// Ten who write to a friend each, so that one is not the climate.
    private static func honest(_ gate: Gate) throws {
        for number in 1...10 { _ = try gate.client(from: "127.0.1.\(number)").message(to: ["a@example.com"], body) }
    }

    /// Accounts that are flagged, slowed down, suspended and released, evidence that is damaged, and a relay that refuses everybody.
    static func detection() async throws -> String {
        var page = ""
        for mode in ["shadow", "flag"] {
            let home = try home(mode)
            try await Gate.run(home) { gate in
                try honest(gate)
                try spam(gate, from: "127.0.2.1", messages: 20)
                page += try self.page(of: gate)
            }
            // The states are counted at the start.
            try await Gate.run(home) { gate in page += try self.page(of: gate) }
        }
        let home = try home("suspend")
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add("ann", AccountDefinition(plan: "home"), by: gate.actor)
            let token = try await gate.administration.issueToken("ann", by: gate.actor).token
            try honest(gate)
            try spam(gate, from: "ann", token: token, messages: 20)
            _ = try await gate.administration.release("ann", why: "it was us", by: gate.actor)
            try spam(gate, from: "127.0.2.1", messages: 20)
            page += try self.page(of: gate)
        }
        try damage(home)
        try await Gate.run(home) { gate in
            try honest(gate)
            for number in 1...30 {
                let client = try gate.client(from: "127.0.3.\(number)")
                _ = try client.message(to: ["nobody@example.com"], body)
                try client.must("RSET")
            }
            #expect(eventually { (try? self.page(of: gate).contains("cause=\"relay_refuses\"} 1\n")) == true })
            let unsaved = "weir_evidence_saves_total{result=\"success\"} 0\n"
            #expect(eventually { (try? self.page(of: gate).contains(unsaved)) == false })
            page += try self.page(of: gate)
        }
        return page
    }

    /// More accounts are flagged at once than can have been stolen.
    static func manyFlagged() async throws -> String {
        let home = try home("suspend")
        var page = ""
        try await Gate.run(home) { gate in
            for number in 1...22 { _ = try gate.client(from: "127.0.1.\(number)").message(to: ["a@example.com"], body) }
            // Each with a text of its own: what they had in common would be evidence of its own.
            for number in 1...8 {
                var random = Seeded(UInt64(number))
                let words = (0..<30).map { _ in
                    String((0..<6).compactMap { _ in "abcdefghij".randomElement(using: &random) })
                }
                try spam(gate, from: "127.0.\(number + 1).1", messages: 20, words.joined(separator: " "))
            }
            let sentence = "More accounts were flagged within ten minutes than can have been stolen"
            #expect(try await gate.administration.status().alarms.contains { $0.hasPrefix(sentence) })
            let isTold = eventually {
                gate.log.lines.contains { $0.contains("\"detector holds back\"") && $0.contains("\"many_flagged\"") }
            }
            #expect(isTold)
            #expect(eventually { (try? self.page(of: gate).contains("cause=\"many_flagged\"} 1\n")) == true })
            page = try self.page(of: gate)
        }
        return page
    }

    /// All that a scanner may say, and not say.
    static func scans() async throws -> String {
        let scanner = try ScannerStub { message in
            for action in ["no action", "add header", "soft reject", "reject"]
            where message.contains("Subject: \(action)") {
                return .verdict(action, action == "reject" ? 20 : 1)
            }
            return message.contains("silence") ? .silence : message.contains("drop") ? .drop : .verdict("no action", 0)
        }
        let home = try Gate.Home(
            limits: "1000 recipients per hour",
            settings: ["scanner: { url: \"http://127.0.0.1:\(scanner.port)\", deadline: 1s, size: 16 KB }"])
        try home.folder.write(
            "plan: home\nlimits: [1000 recipients per day]\ndetector: shadow\n", to: "policies/home.yaml")
        var page = ""
        try await Gate.run(home) { gate in
            let people = (1...5).map { "friend\($0)@example.com" }
            func send(_ subject: String, from source: String) throws -> Int? {
                let answers = try gate.client(from: source).message(to: people, "Subject: \(subject)\r\n\r\nHello.")
                return answers.dot?.code
            }
            #expect(try send("no action", from: "127.0.1.1") == 250)
            #expect(try send("add header", from: "127.0.1.2") == 250)
            #expect(try send("soft reject", from: "127.0.1.3") == 451)
            let codes = try (1...30).map { try send("reject", from: "127.0.2.\($0)") }
            // Who condemns everybody is not believed.
            #expect(codes.first == 550 && codes.last == 250, "\(codes)")
            #expect(gate.daemon.server.gateway.alarms.contains { $0.hasPrefix("The scanner calls most") })
            #expect(eventually { (try? self.page(of: gate).contains("cause=\"scanner_condemns\"} 1\n")) == true })
            page = try self.page(of: gate)
            for subject in ["silence", "drop", "drop", "drop"] { #expect(try send(subject, from: "127.0.1.4") == 250) }
            page += try self.page(of: gate)
        }
        return page
    }

    /// Leaves two octets of each account's evidence.
    static func damage(_ home: Gate.Home) throws {
        let script = """
            import sqlite3, sys
            store = sqlite3.connect(sys.argv[1])
            store.execute("update evidence set state = x'00ff'")
            store.commit()
            """
        let outcome = try Program.run("/usr/bin/python3", ["-c", script, home.folder.file("store/ledger.db")])
        #expect(outcome.status == 0, "\(outcome)")
    }
}
