import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirGateway
import WeirReputation
import WeirRuntime
import WeirStore

@Suite("An account's age") struct AccountAgeTests {
    private enum Origin: CaseIterable {
        case added, putOverTheAPI, addedLongAgo, imported, addedWithANetwork
    }

    /// The age that a verdict on the account has counted, in days; nil: it counted as old.
    private static func age(of origin: Origin) async throws -> Double? {
        let home = try ConductTests.home("suspend", relay: try ConductTests.relay())
        if origin == .addedLongAgo {
            let store = try #require(try StoreDirectory(home.folder.file("store")).stores(verified: false)).accounts
            let ago = UInt64(Date().timeIntervalSince1970) - 15 * 86_400
            let author = Author("tests", at: WallTime(nanoseconds: ago * .second))
            try store.add(NewAccount(login: "ann", plan: "home"), by: author)
        }
        var age: Double?
        try await Gate.run(home) { gate in
            let administration = gate.administration
            switch origin {
            case .added: _ = try await administration.add("ann", AccountDefinition(plan: "home"), by: gate.actor)
            case .putOverTheAPI:
                let put = try gate.curl(
                    "/v1/accounts/ann", "-X", "PUT", "-H", "Content-Type: application/json", "-d",
                    "{\"plan\": \"home\"}")
                #expect(put.status == "200", "\(put)")
            case .addedLongAgo: break
            case .imported:
                let path = try home.folder.write("login,plan\nann,home\n", to: "accounts.csv")
                let imported = try gate.curl("/v1/import", "-H", "Content-Type: text/csv", "--data-binary", "@\(path)")
                #expect(imported.status == "200", "\(imported)")
            case .addedWithANetwork:
                let definition = AccountDefinition(plan: "home", networks: ["192.0.2.0/24"])
                _ = try await administration.add("ann", definition, by: gate.actor)
            }
            let token = try await administration.issueToken("ann", by: gate.actor).token
            _ = try ConductTests.spam(gate, token: token)
            let verdict = try await Gate.awaited { () async throws -> VerdictReport? in
                try await gate.administration.why("ann").verdict
            }
            age = verdict.findings["ageDays"]
            let isTold = verdict.sentences.contains { $0.hasPrefix("opened ") }
            #expect(isTold == (age.map { $0 < 14 } ?? false), "\(verdict.sentences)")
            let prior = verdict.families["prior"] ?? 0
            #expect(prior == (age.map { $0 < 3 ? 1 : $0 < 14 ? 0.5 : 0 } ?? 0))
        }
        return age
    }

    @Test("counts from the day on which it was added by itself, and is great where it was moved here")
    func ages() async throws {
        for origin in [Origin.added, .putOverTheAPI] {
            let age = try #require(try await Self.age(of: origin), "\(origin)")
            #expect((0..<0.1).contains(age), "\(origin)")
        }
        let age = try #require(try await Self.age(of: .addedLongAgo))
        #expect((14.9..<15.1).contains(age))
        for origin in [Origin.imported, .addedWithANetwork] {
            #expect(try await Self.age(of: origin) == nil, "\(origin)")
        }
    }
}
