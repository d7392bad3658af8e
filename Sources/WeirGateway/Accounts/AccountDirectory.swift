import Synchronization
package import WeirBase
package import WeirConfiguration
import WeirQuota
package import WeirRuntime
package import WeirStore

/// The accounts that are about, in front of the store that knows them all.
///
/// An account is read at its first use and kept; every change goes through ``change(_:_:)``, which shows it to open sessions once it
/// is on the disk.
///
/// `@unchecked Sendable`: the store is touched on its worker alone; the rest is locked.
package final class AccountDirectory: @unchecked Sendable {
    private let store: AccountsStore
    private let worker: RuntimeExecutor
    private let ledger: LedgerWriter
    private let runtime: Runtime
    private let cache: Mutex<Cache>

    private struct Cache {
        var policies: Policies
        var rules: [Configuration.NetworkRule]
        var byKey: [String: Account] = [:]
        /// What a source address was found to be; emptied when networks change.
        var byAddress: [IPAddress: Account] = [:]
    }

    /// Addresses remembered at most; beyond it all are looked up anew.
    static let addressesMax = 100_000

    package init(
        store: AccountsStore, worker: RuntimeExecutor, ledger: LedgerWriter, runtime: Runtime,
        policies: Policies, rules: [Configuration.NetworkRule]
    ) {
        self.store = store
        self.worker = worker
        self.ledger = ledger
        self.runtime = runtime
        cache = Mutex(Cache(policies: policies, rules: rules))
    }

    /// Calls `body` with the store, on its thread.
    package func withStore<Result: Sendable>(
        _ body: @escaping @Sendable (AccountsStore) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let task = worker.spawn { () async -> Swift.Result<Result, StoreError> in
            do throws(StoreError) {
                return .success(try body(self.store))
            } catch {
                self.ledger.noteFailure(error)
                return .failure(error)
            }
        }
        return try await task.value.get()
    }

    // MARK: - Finding

    /// The account of a login in any spelling.
    package func account(login: String) async throws(StoreError) -> Account? {
        guard let key = CanonicalLogin(login)?.key else { return nil }
        if let known = cache.withLock({ $0.byKey[key] }) { return known }
        guard let record = try await withStore({ store throws(StoreError) in try store.account(key) }) else {
            return nil
        }
        return try await admit(record)
    }

    /// The account of a source address that was asked for before.
    func known(at address: IPAddress) -> Account? { cache.withLock { $0.byAddress[address] } }

    /// The account of a source address: of the longest network that has it, else of the first rule whose range does.
    package func account(at address: IPAddress) async throws(StoreError) -> Account? {
        if let known = known(at: address) { return known }
        let found: Account?
        if let record = try await withStore({ store throws(StoreError) in try store.account(at: address) }) {
            found = try await admit(record)
        } else {
            found = try await accountByRule(address)
        }
        guard let found else { return nil }
        cache.withLock { cache in
            if cache.byAddress.count >= AccountDirectory.addressesMax { cache.byAddress = [:] }
            cache.byAddress[address] = found
        }
        return found
    }

    /// The account that a rule of `networks:` gives this address; it reaches the store with its first mail.
    private func accountByRule(_ address: IPAddress) async throws(StoreError) -> Account? {
        guard let rule = cache.withLock({ $0.rules.first { $0.range.contains(address) } }) else { return nil }
        let login = IPNetwork(containing: address, length: rule.each).description
        if let known = try await account(login: login) { return known }
        let subject = try await ledger.withStore { store throws(StoreError) in try store.subject(.account, login) }
        return cache.withLock { cache in
            if let known = cache.byKey[login] { return known }
            var standing = AccountDirectory.standing(
                login: login, plan: rule.plan, customer: nil, customerSubject: nil, subject: subject,
                overrides: [], policies: cache.policies)
            standing.isProvisional = true
            let account = Account(key: login, subject: subject, standing: standing)
            cache.byKey[login] = account
            return account
        }
    }

    /// Puts an account that a rule gave into the store, if it is not there yet.
    package func materialise(_ account: Account) async throws(StoreError) {
        let standing = account.standing
        guard standing.isProvisional, let network = try? IPNetwork(parsing: account.key) else { return }
        let author = Author("weir", at: runtime.wall, reason: "first mail of a network")
        try await withStore { store throws(StoreError) in
            guard try store.account(account.key) == nil else { return }
            try store.add(NewAccount(login: account.key, plan: standing.plan.name, networks: [network]), by: author)
        }
        account.update { $0.isProvisional = false }
    }

    /// Who is counted for an account's mail to the contact, postmaster and abuse; made up at the first such mail.
    func reliefSubject(of account: Account) async throws(StoreError) -> SubjectID {
        if let known = account.reliefSubject { return known }
        // No login has a control character, so no other subject has this name.
        let name = account.key + "\u{1F}relief"
        let subject = try await ledger.withStore { store throws(StoreError) in try store.subject(.account, name) }
        account.reliefSubject = subject
        return subject
    }

    private func admit(_ record: AccountRecord) async throws(StoreError) -> Account {
        let (subject, customer) = try await subjects(of: record)
        return cache.withLock { cache in
            if let known = cache.byKey[record.key] { return known }
            let standing = AccountDirectory.standing(
                of: record, subject: subject, customer: customer, policies: cache.policies, now: runtime.now,
                wall: runtime.wall)
            let account = Account(key: record.key, subject: subject, standing: standing)
            cache.byKey[record.key] = account
            return account
        }
    }

    private func subjects(of record: AccountRecord) async throws(StoreError) -> (SubjectID, SubjectID?) {
        try await ledger.withStore { store throws(StoreError) in
            (
                try store.subject(.account, record.key),
                try record.customer.map { customer throws(StoreError) in try store.subject(.customer, customer) }
            )
        }
    }

    // MARK: - Changing

    /// Makes a change in the store, then shows it to everyone who uses the account.
    package func change<Result: Sendable>(
        _ login: String, _ body: @escaping @Sendable (AccountsStore) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let result = try await withStore(body)
        try await refresh(login)
        return result
    }

    /// Reads an account anew after a change, and forgets which address is whose.
    package func refresh(_ login: String) async throws(StoreError) {
        guard let key = CanonicalLogin(login)?.key else { return }
        let known = cache.withLock { cache in
            cache.byAddress = [:]
            return cache.byKey[key]
        }
        guard let known else { return }
        guard let record = try await withStore({ store throws(StoreError) in try store.account(key) }) else {
            if known.standing.isProvisional { return refreshByRule(known) }
            forget(known)
            return
        }
        let (subject, customer) = try await subjects(of: record)
        let policies = cache.withLock { $0.policies }
        let standing = AccountDirectory.standing(
            of: record, subject: subject, customer: customer, policies: policies, now: runtime.now, wall: runtime.wall)
        known.update { $0 = standing }
    }

    /// An account that a rule gave, and that the store has not seen, is what the rules of now say.
    private func refreshByRule(_ account: Account) {
        let standing = cache.withLock { cache -> Account.Standing? in
            guard let network = try? IPNetwork(parsing: account.key),
                let rule = cache.rules.first(where: { $0.range.contains(network.address) }), rule.each == network.length
            else { return nil }
            var standing = AccountDirectory.standing(
                login: account.key, plan: rule.plan, customer: nil, customerSubject: nil, subject: account.subject,
                overrides: [], policies: cache.policies)
            standing.isProvisional = true
            return standing
        }
        guard let standing else { return forget(account) }
        account.update { $0 = standing }
    }

    private func forget(_ account: Account) {
        cache.withLock { $0.byKey[account.key] = nil }
        account.update { $0.refusal = .removed }
    }

    /// After an import: everything that is known may have changed.
    package func refreshAll() async throws(StoreError) {
        for key in cache.withLock({ $0.byKey.keys.sorted() }) { try await refresh(key) }
    }

    /// New plans and rules, for every account at once.
    package func adopt(policies: Policies, rules: [Configuration.NetworkRule]) async throws(StoreError) {
        cache.withLock { cache in
            cache.policies = policies
            cache.rules = rules
            cache.byAddress = [:]
        }
        try await refreshAll()
    }

    /// The accounts that are in memory, in the order of their keys.
    package var known: [Account] {
        cache.withLock { Array($0.byKey.values) }.sorted { $0.key < $1.key }
    }

    package var policies: Policies { cache.withLock { $0.policies } }
}

/// From records to standings.
extension AccountDirectory {
    private static func standing(
        of record: AccountRecord, subject: SubjectID, customer: SubjectID?, policies: Policies, now: Instant,
        wall: WallTime
    ) -> Account.Standing {
        let overrides = record.overrides.compactMap { stored -> Override? in
            guard let limit = try? Limit(parsing: stored.limit) else { return nil }
            let until = stored.until.map { until in
                until.nanoseconds > wall.nanoseconds ? now + (until.nanoseconds - wall.nanoseconds) : now
            }
            return Override(limit: limit, until: until, reason: stored.reason)
        }
        var standing = standing(
            login: record.login, plan: record.plan, customer: record.customer, customerSubject: customer,
            subject: subject, overrides: overrides, policies: policies)
        standing.state = record.state
        standing.passwordHash = record.passwordHash
        standing.tokens = record.tokens
        return standing
    }

    private static func standing(
        login: String, plan name: String, customer: String?, customerSubject: SubjectID?, subject: SubjectID,
        overrides: [Override], policies: Policies
    ) -> Account.Standing {
        let plan = policies.plans[name]
        let limits = LimitSet(plan ?? Plan(name: name), overrides: overrides)
        let customerParty = customerSubject.flatMap { subject in
            customer.map { Party(subject, limits: policies.limits(ofCustomer: $0)) }
        }
        return Account.Standing(
            login: login, plan: plan ?? Plan(name: name), customer: customer,
            parties: Parties(
                account: Party(subject, limits: limits), customer: customerParty, gateway: policies.gateway),
            state: .normal, passwordHash: nil, tokens: [], refusal: plan == nil ? .unknownPlan : nil)
    }
}
