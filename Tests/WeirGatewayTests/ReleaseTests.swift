import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirGateway
import WeirRuntime
import WeirStore

@Suite("Ending a suspension or a flag") struct ReleaseTests {
    private static func set(_ password: String, _ gate: Gate) async throws -> WeirAdmin.AccountState {
        try await gate.administration.change("ann", AccountChange(password: .set(password)), by: gate.actor).state
    }

    @Test("another password ends a suspension by the detector, and the same one does not")
    func password() async throws {
        let home = try ConductTests.home("suspend", relay: try ConductTests.relay())
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            #expect(try await Self.set("first", gate) == .normal)
            _ = try ConductTests.spam(gate, token: token)
            try gate.becomes(.suspended, "ann")
            #expect(try await Self.set("first", gate) == .suspended)
            // However much has come since, it is the detector who suspended it.
            try await gate.daemon.server.gateway.accounts.withStore { store throws(StoreError) in
                let author = Author("tests", at: WallTime(nanoseconds: .second))
                for _ in 0...100 { try store.note("ann", action: "account.complaint", by: author) }
            }
            #expect(try await gate.administration.why("ann").by == "weir")
            #expect(try await Self.set("second", gate) == .probation)
            let latest = try await gate.administration.history("ann", limit: 1, cursor: nil).events.first
            #expect(latest?.action == "account.state" && latest?.reason == "its password was changed")
            #expect(latest?.actor == gate.actor.name)
            let client = try gate.session("ann", "second")
            #expect(try client.message(to: ["friend@example.com"], body).delivered == 1)

            _ = try ConductTests.spam(gate, token: token, from: 20)
            try gate.becomes(.suspended, "ann")
            #expect(try await Self.set("third", gate) == .suspended, "the second one is for a person")
            #expect(try await gate.administration.release("ann", why: "looked", by: gate.actor).state == .probation)
        }
    }

    @Test("who has the login of an account that was removed begins with nothing held against him")
    func removed() async throws {
        let home = try ConductTests.home("suspend", relay: try ConductTests.relay())
        try await Gate.run(home) { gate in
            let former = try await ConductTests.ann(gate)
            _ = try ConductTests.spam(gate, token: former)
            try gate.becomes(.suspended, "ann")
            let message = try #require(gate.home.relay.messages.last { $0.text.contains("X-Weir-Account:") }).text
            let complaint = try ComplaintTests.post(gate, ComplaintTests.report(message))
            #expect(complaint.body.contains("\"counted\":true"), "\(complaint)")
            try await gate.administration.remove("ann", by: gate.actor)
            let token = try await ConductTests.ann(gate)
            let reasons = try await gate.administration.why("ann")
            #expect(reasons.verdict == nil && reasons.by == nil)
            #expect(try await gate.administration.account("ann").complaints == 0)
            #expect(try await gate.administration.history("ann", limit: 100, cursor: nil).events.count > 4)
            let client = try SMTPClient(port: gate.port(), from: "127.0.0.2")
            try client.hello()
            #expect(try client.login("ann", former).code == 535)
            #expect(try client.login("ann", token).code == 235)
            for number in 0..<3 {
                #expect(try client.message(to: ["friend\(number)@example.com"], body).dot?.code == 250)
            }
            #expect(try await gate.administration.account("ann").state == .normal)
        }
        // Nor does the store bring it back.
        try await Gate.run(home) { gate in
            let token = try await gate.administration.issueToken("ann", by: gate.actor).token
            let client = try SMTPClient(port: gate.port(), from: "127.0.0.2")
            try client.hello()
            #expect(try client.login("ann", token).code == 235)
            #expect(try client.message(to: ["friend9@example.com"], body).dot?.code == 250)
        }
    }

    @Test("another password ends no suspension that an administrator made or confirmed")
    func byHand() async throws {
        let home = try ConductTests.home("suspend", relay: try ConductTests.relay())
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            #expect(try await Self.set("first", gate) == .normal)
            _ = try await gate.administration.suspend("ann", why: "does not pay", by: gate.actor)
            #expect(try await Self.set("second", gate) == .suspended)
            _ = try await gate.administration.release("ann", why: "paid", by: gate.actor)
            _ = try ConductTests.spam(gate, token: token)
            try gate.becomes(.suspended, "ann")
            _ = try await gate.administration.suspend("ann", why: "it is the customer", by: gate.actor)
            let definition = AccountDefinition(plan: "home", password: "third")
            #expect(try await gate.administration.put("ann", definition, by: gate.actor).state == .suspended)
        }
    }

    @Test("a suspension by hand stays, whatever the detector finds in messages that were on their way")
    func handStays() async throws {
        let home = try ConductTests.home("flag", relay: try ConductTests.relay())
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            let bots = try (0..<8).map { number in
                let client = try gate.session(
                    "ann", token, from: "127.0.\(number % 3).9", name: "bot\(number % 3).example")
                try client.must("MAIL FROM:<x@client.example>")
                for guess in 0..<3 {
                    #expect(try client.command("RCPT TO:<nobody\(number).\(guess)@example.com>").code == 550)
                }
                try client.must("RCPT TO:<somebody\(number)@example.com>")
                #expect(try client.command("DATA").code == 354)
                return client
            }
            _ = try await gate.administration.suspend("ann", why: "does not pay", by: gate.actor)
            for bot in bots { #expect(try bot.command("Subject: offer\r\n\r\nBuy it now.\r\n.").code == 550) }
            let isFlagged = eventually {
                gate.log.lines.contains { $0.contains("\"verdict\"") && $0.contains("\"state\":\"flagged\"") }
            }
            #expect(isFlagged, "or this shows nothing")
            #expect(try await gate.administration.account("ann").state == .suspended)
            try bots[0].must("MAIL FROM:<x@client.example>")
            #expect(try bots[0].command("RCPT TO:<somebody@example.com>").code == 550)
        }
    }

    @Test("a flag is ended, with its audit row, and does not come back by itself")
    func flag() async throws {
        let home = try ConductTests.home("flag", relay: try ConductTests.relay())
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            _ = try ConductTests.spam(gate, token: token)
            try gate.becomes(.flagged, "ann")
            let account = try await gate.administration.release("ann", why: "a wedding", by: gate.actor)
            #expect(account.state == .normal)
            let latest = try await gate.administration.history("ann", limit: 1, cursor: nil).events.first
            #expect(latest?.old == "flagged" && latest?.new == "normal" && latest?.reason == "a wedding")
            let client = try gate.session("ann", token)
            // A flag would let ten new people an hour through, in all.
            for wedding in 1...2 {
                let people = (0..<15).map { "guest\($0).\(wedding)@example.com" }
                #expect(try client.message(to: people, body).delivered == 15, "wedding \(wedding)")
            }
        }
    }
}
