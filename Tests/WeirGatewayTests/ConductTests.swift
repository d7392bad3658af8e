import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime
import WeirStore

@Suite("The detector in the gateway") struct ConductTests {
    /// A relay that knows everyone but those whose address begins with nobody.
    static func relay() throws -> Sink {
        try Sink { event in
            guard case .command(let line) = event, line.hasPrefix("RCPT TO:<nobody") else { return nil }
            return .reply("550 5.1.1 No such user")
        }
    }

    static func home(_ mode: String, relay: Sink) throws -> Gate.Home {
        let listener = "{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login, plaintext_auth: true }"
        let home = try Gate.Home(relay: relay, settings: ["listeners: [\(listener)]"])
        try home.folder.write(
            "plan: home\nlimits: [1000 recipients per day]\ndetector: \(mode)\n", to: "policies/home.yaml")
        return home
    }

    /// Adds the account that is to be judged, and returns its token.
    static func ann(_ gate: Gate) async throws -> String {
        _ = try await gate.administration.add("ann", AccountDefinition(plan: "home"), by: gate.actor)
        return try await gate.administration.issueToken("ann", by: gate.actor).token
    }

    /// Messages to unknown people from one bot after the other, until recipients are refused for good.
    ///
    /// Returns how many recipients the relay has taken.
    static func spam(_ gate: Gate, token: String, from first: Int = 0) throws -> (taken: Int, last: SMTPReply?) {
        var taken = 0
        for number in first..<first + 20 {
            let client = try SMTPClient(port: gate.port(), from: "127.0.\(number % 3).9")
            try client.hello("bot\(number % 3).example")
            guard try client.login("ann", token).code == 235 else { break }
            let people = ["nobody\(number)@example.com", "somebody\(number)@example.com"]
            let answers = try client.message(to: people, "Subject: offer \(number)\r\n\r\nBuy it now, friend.")
            taken += answers.delivered
            if let last = answers.recipients.last, !last.isPositive { return (taken, last) }
            if let dot = answers.dot, !dot.isPositive { return (taken, dot) }
        }
        return (taken, nil)
    }

    @Test("suspends an account that writes to many who do not exist, says why, and lets it send when it is released")
    func suspends() async throws {
        let home = try Self.home("suspend", relay: try Self.relay())
        var token = ""
        try await Gate.run(home) { gate in
            token = try await Self.ann(gate)
            let (taken, last) = try Self.spam(gate, token: token)
            #expect(taken < 10)
            #expect(
                last?.text.hasPrefix("5.7.1 Sending is suspended for this account. Write to abuse@isp.example.") == true
            )
            try gate.becomes(.suspended, "ann")
            #expect(gate.log.lines.contains { $0.contains("\"verdict\"") && $0.contains("do not exist") })
        }
        // What was decided outlives the gateway.
        try await Gate.run(home) { gate in
            #expect(try await gate.administration.account("ann").state == .suspended)
            #expect(try Self.spam(gate, token: token).taken == 0)
            _ = try await gate.administration.release("ann", why: "its password was changed", by: gate.actor)
            #expect(try await gate.administration.account("ann").state == .probation)
            let client = try gate.session("ann", token)
            #expect(try client.message(to: ["friend@example.com"], body).delivered == 1)
        }
    }

    @Test("in shadow decides the same, and touches no mail")
    func shadow() async throws {
        try await Gate.run(try Self.home("shadow", relay: try Self.relay())) { gate in
            let token = try await Self.ann(gate)
            #expect(try Self.spam(gate, token: token).taken == 20)
            #expect(try await gate.administration.account("ann").state == .normal)
            #expect(gate.log.lines.contains { $0.contains("\"verdict\"") && $0.contains("suspended") })
        }
    }

    @Test("holds failed logins against an account, and limits that it met")
    func feeds() async throws {
        let home = try Self.home("suspend", relay: try Self.relay())
        try home.folder.write(
            "plan: home\nlimits: [10 recipients per hour]\ndetector: suspend\n", to: "policies/home.yaml")
        try await Gate.run(home) { gate in
            let token = try await Self.ann(gate)
            let guesser = try SMTPClient(port: gate.port(), from: "127.0.0.66")
            try guesser.hello()
            for guess in ["1234", "password"] { #expect(try guesser.login("ann", guess).code == 535) }
            let client = try gate.session("ann", token, from: "127.0.0.9", name: "bot0.example")
            let people = (0..<12).map { "friend\($0)@example.com" }
            #expect(try client.message(to: people, "Subject: hello\r\n\r\nHow are you?").delivered == 10)
            _ = try await gate.administration.reset("ann", why: "a test", by: gate.actor)
            _ = try Self.spam(gate, token: token)
            let isTold = eventually {
                gate.log.lines.contains { line in
                    ["\"verdict\"", "2 failed logins", "1 refusal by limits"].allSatisfy { line.contains($0) }
                }
            }
            #expect(isTold, "\(gate.log.lines.filter { $0.contains("verdict") })")
        }
    }
}
