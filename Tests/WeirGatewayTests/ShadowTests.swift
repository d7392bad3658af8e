import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

@Suite("From one mode of the detector to another") struct ShadowTests {
    static func turn(_ home: Gate.Home, to mode: String) throws {
        try home.folder.write(
            "plan: home\nlimits: [1000 recipients per day]\ndetector: \(mode)\n", to: "policies/home.yaml")
    }

    /// Ten quiet days of ann's, a month ago, and then one that shadow would have suspended her for.
    private static func writePast(_ home: Gate.Home) throws {
        let hash = KeyedHash(installation: Array(try Data(contentsOf: URL(filePath: home.folder.file("hash.key")))))
        let store = try LedgerStore(in: try StoreDirectory(home.folder.file("store")))
        let subject = try store.subject(.account, "ann")
        var now = Instant(nanoseconds: UInt64(Date().timeIntervalSince1970) * .second - 30 * .day)
        var (dossier, surroundings, terms) = (Dossier(), Surroundings(), Terms.consumer)
        terms.mode = .shadow
        func send(to person: String, network: String, score: Double) {
            var facts = MessageFacts(
                id: 0, account: UInt64(subject.number), recipients: [hash(person)], network: hash(network),
                name: hash("laptop.example"), scannerScore: score)
            facts.content = ContentFacts(fingerprint: hash(person))
            dossier.live(through: facts, .taken, terms, &surroundings, at: now)
        }
        for _ in 0..<10 {
            send(to: "friend@example.com", network: "127.0.9.0/24", score: 0)
            now = now + .day
        }
        for number in 0..<20 {
            send(to: "stranger\(number)@example.com", network: "198.51.\(number % 4).0/24", score: 12)
            now = now + .minute
        }
        let account = try #require(dossier.account)
        #expect(account.standing.isSuspended)
        try store.save(
            EvidenceSnapshot(
                evidence: [(subject, account.encoded())], surroundings: nil,
                observed: try store.savedSurroundings().observed))
    }

    private static func writesHome(_ gate: Gate, _ token: String) throws -> SMTPClient.Answers {
        let client = try gate.session("ann", token, from: "127.0.9.5", name: "laptop.example")
        return try client.message(to: ["friend@example.com"], body)
    }

    @Test(
        "what shadow would have done is not done weeks later; what is done then has its own reasons",
        arguments: ["flag", "suspend"])
    func stronger(mode: String) async throws {
        let home = try ConductTests.home("shadow", relay: try ConductTests.relay())
        var token = ""
        try await Gate.run(home) { gate in token = try await ConductTests.ann(gate) }
        try Self.writePast(home)
        try await Gate.run(home) { gate in
            try Self.turn(home, to: mode)
            #expect(try await gate.administration.reload(by: gate.actor).changes == ["plan home changed"])
            let answers = try Self.writesHome(gate, token)
            #expect(answers.delivered == 1, "\(answers)")
            #expect(!gate.log.lines.contains { $0.contains("\"verdict\"") })

            _ = try ConductTests.spam(gate, token: token)
            try gate.becomes(mode == "flag" ? .flagged : .suspended, "ann")
            let events = try await gate.administration.history("ann", limit: 100, cursor: nil).events
            let moves = events.filter { $0.action == "account.state" }
            #expect(!moves.isEmpty && moves.allSatisfy { $0.reason?.contains("decided earlier") == false })
        }
    }

    @Test(
        "who is suspended stays so in a weaker mode, and who is released there is released in all",
        arguments: ["shadow", "off"])
    func weaker(mode: String) async throws {
        let home = try ConductTests.home("suspend", relay: try ConductTests.relay())
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            _ = try ConductTests.spam(gate, token: token)
            try gate.becomes(.suspended, "ann")
            try Self.turn(home, to: mode)
            _ = try await gate.administration.reload(by: gate.actor)
            #expect(try Self.writesHome(gate, token).delivered == 0)
            _ = try await gate.administration.release("ann", why: "looked", by: gate.actor)
            #expect(try await gate.administration.account("ann").state == .normal)
            #expect(try Self.writesHome(gate, token).delivered == 1)

            try Self.turn(home, to: "suspend")
            _ = try await gate.administration.reload(by: gate.actor)
            #expect(try Self.writesHome(gate, token).delivered == 1)
        }
    }
}
