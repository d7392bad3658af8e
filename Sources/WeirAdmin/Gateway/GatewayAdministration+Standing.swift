import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// Moving accounts from one state to another.
extension GatewayAdministration {
    package func suspend(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        try await setState(.suspended, of: login, why: why, by: actor, event: .suspended)
    }

    package func release(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        let record = try await record(login)
        let plan = accounts.policies.plans[record.plan] ?? Plan(name: record.plan)
        let (state, machines) = try await mapped { () throws(StoreError) in
            let (state, machines) = try await detector.release(try await subject(of: record.key), under: plan)
            let recorded = try await accounts.withStore { store throws(StoreError) in
                try store.stoppedMachines(of: record.key)
            }
            return (state, max(machines, recorded.count))
        }
        if machines > 0 {
            try await change(record.key, by: actor, why: why) { store, author throws(StoreError) in
                try store.note(record.key, action: AccountsStore.machinesReleased, by: author)
            }
        }
        return try await setState(state, of: login, why: why, by: actor, event: .released)
    }

    /// Whoever is to be told hears of it; without a daemon nobody does.
    private func setState(
        _ state: WeirStore.AccountState, of login: String, why: String, by actor: Actor, event kind: EventKind
    ) async throws(AdminError) -> Account {
        let record = try await record(login)
        let herald = daemon?.server.gateway.herald
        let isEvent = kind == .suspended ? record.state != .suspended : record.state == .suspended
        let event = AccountEvent(
            kind, of: record.key, at: runtime.wall, by: actor.name, reason: why, random: runtime.random())
        let notices = isEvent ? herald?.notices(of: event) ?? [] : []
        let differs = try await change(record.key, by: actor, why: why) { [accounts] store, author throws(StoreError) in
            let differs = try store.setState(record.key, state, by: author, telling: notices.compactMap(\.stored))
            accounts.show(state, of: record.key)
            return differs
        }
        if differs { herald?.tell(notices) }
        // Whoever suspends what the detector has suspended has looked at it, and found it right.
        if !differs, state == .suspended {
            try await change(record.key, by: actor, why: why) { store, author throws(StoreError) in
                try store.confirm(record.key, by: author)
            }
        }
        if differs, state == .suspended { metrics?.quota.suspensions[.operator].add() }
        return try await account(login)
    }

    /// Ends the suspension of an account whose password has changed, if it was the detector's and no person is needed for it: nobody
    /// has suspended or confirmed it by hand, and it is not the second within seven days.
    func passwordHasChanged(of login: String, by actor: Actor) async throws(AdminError) {
        let record = try await record(login)
        guard record.state == .suspended else { return }
        let isOurs = try await mapped { () throws(StoreError) in
            let (move, verdict) = try await accounts.withStore { store throws(StoreError) in
                (
                    try store.latestMove(of: record.key, orConfirmation: true),
                    try store.latestVerdict(on: record.key)
                )
            }
            // A verdict and what it does to the account are one commit.
            guard let move, let verdict, move.actor == Gateway.author, move.sequence == verdict.auditSequence + 1
            else { return false }
            let evidence = try await detector.evidence(of: try await subject(of: record.key))
            return evidence?.needsPerson != true
        }
        if isOurs { _ = try await release(login, why: "its password was changed", by: actor) }
    }

    func subject(of key: String) async throws(StoreError) -> SubjectID {
        try await ledger.withStore { store throws(StoreError) in try store.subject(.account, key) }
    }
}
