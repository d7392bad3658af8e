import Synchronization
import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirQuota
import WeirReputation
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

    @Test(
        "suspends nobody where a relay refuses all that a few new accounts send, and an alarm says so",
        arguments: ["RCPT", "."])
    func refused(place: String) async throws {
        let relay = try Sink { event in
            switch event {
            case .command(let line) where line.hasPrefix(place): .reply("550 5.1.1 No such user")
            case .message where place == ".": .reply("554 5.7.1 Refused")
            default: nil
            }
        }
        try await Gate.run(try Self.home("suspend", relay: relay)) { gate in
            for login in ["ann", "bob"] {
                _ = try await gate.administration.add(login, AccountDefinition(plan: "home"), by: gate.actor)
                let client = try gate.session(
                    login, try await gate.administration.issueToken(login, by: gate.actor).token)
                for number in 0..<30 {
                    let people = ["a\(number)@example.com", "b\(number)@example.com"]
                    _ = try client.message(to: people, "Subject: \(login) \(number)\r\n\r\nIs anybody there?")
                    if place == "RCPT" { try client.must("RSET") }
                }
            }
            try gate.becomes(.flagged, "bob")
            #expect(!gate.log.lines.contains { $0.contains("\"verdict\"") && $0.contains("\"suspended\"") })
            #expect(
                try gate.curl("/v1/status").body.contains("the detector suspends nobody for what relays say"))
        }
    }

    @Test("holds a relay's own trouble at the dot against nobody")
    func trouble() async throws {
        let relay = try Sink { event in if case .message = event { .reply("452 4.3.1 No room") } else { nil } }
        try await Gate.run(try Self.home("suspend", relay: relay)) { gate in
            let token = try await Self.ann(gate)
            let client = try gate.session("ann", token)
            for number in 0..<9 {
                let answers = try client.message(to: ["somebody\(number)@example.com"], body)
                #expect(answers.dot?.code == 452)
            }
            #expect(!gate.log.lines.contains { $0.contains("\"verdict\"") })
        }
    }

    @Test("holds no limit of a customer against an account, but its own", arguments: [true, false])
    func limits(isOfCustomer: Bool) async throws {
        let home = try Self.home("suspend", relay: try Self.relay())
        let (few, many) = ("limits: [1 recipients per hour]\n", "limits: [9 recipients per hour]\n")
        try home.folder.write("customer: firm\n\(isOfCustomer ? few : many)", to: "policies/firm.yaml")
        try home.folder.write(
            "plan: home\n\(isOfCustomer ? many : few)detector: suspend\n", to: "policies/home.yaml")
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add(
                "ann", AccountDefinition(plan: "home", customer: "firm"), by: gate.actor)
            let token = try await gate.administration.issueToken("ann", by: gate.actor).token
            let client = try gate.session("ann", token)
            try client.must("MAIL FROM:<s@client.example>")
            try client.must("RCPT TO:<friend@example.com>")
            #expect(try client.command("RCPT TO:<other@example.com>").code == 450)
            let gateway = gate.daemon.server.gateway
            let ann = try #require(try await gateway.accounts.account(login: "ann"))
            #expect((try await gateway.detector.evidence(of: ann.subject) == nil) == isOfCustomer)
        }
    }

    /// Where a relay's reply to the dot waits.
    private final class Door: Sendable {
        let come = Atomic<Int>(0)
        let isOpen = Atomic<Bool>(true)
    }

    @Test("judges a message and learns its outcome, though its account's evidence has left the memory since MAIL")
    func forgotten() async throws {
        let door = Door()
        let relay = try Sink { event in
            if case .message = event {
                door.come.add(1, ordering: .relaxed)
                _ = eventually { door.isOpen.load(ordering: .relaxed) }
            }
            return nil
        }
        try await Gate.run(try Self.home("suspend", relay: relay)) { gate in
            let client = try gate.session("ann", try await Self.ann(gate))
            #expect(try client.message(to: ["friend@example.com"], body).delivered == 1)
            let gateway = gate.daemon.server.gateway
            let ann = try #require(try await gateway.accounts.account(login: "ann")).subject
            func evict() async throws {
                try await gateway.detector.save()
                for number in 0...2 * UInt32(EvidenceCache.generationMax) {
                    _ = try await gateway.detector.prepare(SubjectID(number: 1_000_000 + number))
                }
            }
            let former = try await gateway.detector.evidence(of: ann)
            let lines = ["MAIL FROM:<s@client.example>", "RCPT TO:<other@example.com>", "DATA"]
            for line in lines { try client.must(line) }
            try await evict()
            door.isOpen.store(false, ordering: .relaxed)
            try client.send(body + "\r\n.\r\n")
            #expect(eventually { door.come.load(ordering: .relaxed) == 2 })
            let judged = try await gateway.detector.evidence(of: ann)
            #expect(judged != former)
            try await evict()
            door.isOpen.store(true, ordering: .relaxed)
            #expect(try client.reply().code == 250)
            #expect(try await gateway.detector.evidence(of: ann) != judged)
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
