import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirStore

@Suite("Accounts that nobody uses") struct IdleAccountTests {
    /// Where an account is, and nothing that keeps it.
    private final class Trace { weak var account: WeirGateway.Account? }

    @Test("are forgotten at the second look, unless a session holds them or they were asked for")
    func forgotten() async throws {
        try await Gate.run(try Gate.Home()) { (gate) async throws in
            let accounts = gate.daemon.server.gateway.accounts
            // Its upkeep comes by as well.
            await gate.daemon.server.gateway.endUpkeep()
            for login in ["held", "asked", "idle"] {
                _ = try await gate.administration.add(login, AccountDefinition(plan: "home"), by: gate.actor)
            }
            let held = try #require(try await accounts.account(login: "held"))
            let (asked, idle) = (Trace(), Trace())
            asked.account = try await accounts.account(login: "asked")
            idle.account = try await accounts.account(login: "idle")
            accounts.forgetIdle(rounds: 1)
            #expect(asked.account != nil && idle.account != nil)
            _ = try await accounts.account(login: "asked")
            accounts.forgetIdle(rounds: 1)
            #expect(idle.account == nil)
            #expect(asked.account != nil)
            #expect(try await accounts.account(login: "held") === held)
            accounts.forgetIdle(rounds: 1)
            accounts.forgetIdle(rounds: 1)
            #expect(asked.account == nil)
            #expect(try await accounts.account(login: "idle") != nil)
        }
    }

    @Test("change for those who hold them, and are read anew by the others")
    func changed() async throws {
        try await Gate.run(try Gate.Home()) { (gate) async throws in
            let accounts = gate.daemon.server.gateway.accounts
            for login in ["held", "idle"] {
                _ = try await gate.administration.add(login, AccountDefinition(plan: "home"), by: gate.actor)
            }
            let held = try #require(try await accounts.account(login: "held"))
            let idle = Trace()
            idle.account = try await accounts.account(login: "idle")
            try await accounts.refreshAll()
            #expect(idle.account == nil, "nobody holds it")
            for login in ["held", "idle"] {
                _ = try await gate.administration.suspend(login, why: "spam", by: gate.actor)
            }
            #expect(held.standing.state == .suspended)
            #expect(try await accounts.account(login: "idle")?.standing.state == .suspended)
        }
    }

    @Test("keep what they have used")
    func counted() async throws {
        try await Gate.run(try Gate.Home()) { (gate) async throws in
            #expect(try gate.client().message(to: ["a@example.com", "b@example.com"], body).delivered == 2)
            for _ in 0..<3 { gate.daemon.server.gateway.accounts.forgetIdle(rounds: 1) }
            #expect(try gate.client().message(to: ["a@example.com"], body).delivered == 1)
            #expect(try await gate.used() == 3)
        }
    }
}
