import Synchronization
package import WeirBase
package import WeirConfiguration
import WeirQuota
package import WeirRuntime
package import WeirStore

/// The accounts that are about, in front of the store that knows them all.
///
/// An account is read at its first use, and kept until nobody has used it for a while; every change goes through ``change(_:_:)``, which
/// shows it to open sessions once it is on the disk.
///
/// `@unchecked Sendable`: the store is touched on its worker alone; the rest is locked.
package final class AccountDirectory: @unchecked Sendable {
    private let store: AccountsStore
    private let worker: RuntimeExecutor
    private let ledger: LedgerWriter
    private let runtime: Runtime
    private let cache: Mutex<Cache>
    /// Written under the cache's lock.
    private let changes = Atomic<UInt64>(0)

    private struct Cache: ~Copyable {
        var plans: AccountPlans
        var rules: NetworkRules
        var roster = AccountRoster()
        /// The key of the account that a source address was found to be; emptied with every change.
        var byAddress: [IPAddress: String] = [:]
    }

    /// Addresses remembered at most, as many as a table of 65,536 places takes; beyond it all are looked up anew.
    static let addressesMax = 49_000

    package init(
        store: AccountsStore, worker: RuntimeExecutor, ledger: LedgerWriter, runtime: Runtime,
        policies: Policies, rules: [Configuration.NetworkRule]
    ) {
        self.store = store
        self.worker = worker
        self.ledger = ledger
        self.runtime = runtime
        cache = Mutex(Cache(plans: AccountPlans(policies), rules: NetworkRules(rules)))
    }

    /// Closes the store, behind all that was asked of it before.
    package func close() async { await worker.spawn { self.store.close() }.value }

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

    /// Grows with every change of any account, and of the rules: what was read before is old.
    var revision: UInt64 { changes.load(ordering: .acquiring) }

    /// The account of this key, if it is in memory.
    func known(key: String) -> Account? { cache.withLock { $0.roster[key] } }

    /// The account of a login in any spelling.
    package func account(login: String) async throws(StoreError) -> Account? {
        guard let key = CanonicalLogin(login)?.key else { return nil }
        return try await account { cache in
            cache.roster[key]
        } reading: { store throws(StoreError) in
            try store.account(key)
        }
    }

    /// The account that is known, or else the one that is read: anew, where one has changed meanwhile.
    private func account(
        known: (inout Cache) -> Account?,
        reading read: @escaping @Sendable (AccountsStore) throws(StoreError) -> AccountRecord?
    ) async throws(StoreError) -> Account? {
        while true {
            let (account, changes) = cache.withLock { (known(&$0), revision) }
            if let account { return account }
            guard let record = try await withStore(read) else { return nil }
            if let account = try await admit(record, asOf: changes) { return account }
        }
    }

    /// The account of a source address that was asked for before.
    func known(at address: IPAddress) -> Account? {
        cache.withLock { cache in cache.byAddress[address].flatMap { cache.roster[$0] } }
    }

    /// The account of a source address: that of the longest network of somebody's own that has it, else by a rule of `networks:`.
    package func account(at address: IPAddress) async throws(StoreError) -> Account? {
        if let known = known(at: address) { return known }
        let found: Account?
        let changes = revision
        if let stored = try await account(
            known: { _ in nil }, reading: { store throws(StoreError) in try store.account(at: address) })
        {
            found = stored
        } else {
            found = try await accountByRule(address)
        }
        guard let found else { return nil }
        cache.withLock { cache in
            guard revision == changes else { return }
            if cache.byAddress.count >= AccountDirectory.addressesMax { cache.byAddress = [:] }
            cache.byAddress[address] = found.key
        }
        return found
    }

    /// The account that a rule of `networks:` gives this address; it reaches the store with its first mail.
    private func accountByRule(_ address: IPAddress) async throws(StoreError) -> Account? {
        while true {
            let (rule, changes) = cache.withLock { ($0.rules.rule(of: address), revision) }
            guard let rule else { return nil }
            let login = rule.network(of: address).description
            if let stored = try await account(login: login) { return stored }
            let subject = try await ledger.withStore { store throws(StoreError) in try store.subject(.account, login) }
            let account = cache.withLock { cache -> Account? in
                if let known = cache.roster[login] { return known }
                // Otherwise it may be in the store by now, or no rule's any more.
                guard revision == changes else { return nil }
                let account = Account(
                    key: login, subject: subject, standing: cache.plans.provisional(subject, plan: rule.plan))
                cache.roster.add(account)
                return account
            }
            if let account { return account }
        }
    }

    /// The network that a rule of `networks:` makes the account of this address.
    package func network(byRule address: IPAddress) -> IPNetwork? {
        cache.withLock { $0.rules.rule(of: address) }?.network(of: address)
    }

    /// The range of `networks:` through which an account is that of the network it is named after; nil where none makes it that, or all
    /// of the network is another account's own.
    package func range(of record: AccountRecord) async throws(StoreError) -> IPNetwork? {
        guard let network = record.namesake, let rule = cache.withLock({ $0.rules.rule(making: network) }) else {
            return nil
        }
        let owner = try await withStore { store throws(StoreError) in
            try store.account(at: network.address, lengthMax: network.length)
        }
        return owner == nil || owner?.key == record.key ? rule.range : nil
    }

    /// Puts an account that a rule gave into the store, if it is not there yet.
    package func materialise(_ account: Account) async throws(StoreError) {
        let standing = account.standing
        guard standing.isProvisional else { return }
        let author = Author("weir", at: runtime.wall, reason: "first mail of a network")
        try await withStore { store throws(StoreError) in
            guard try store.account(account.key) == nil else { return }
            try store.add(NewAccount(login: account.key, plan: standing.terms.plan.name), by: author)
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

    /// Nil where any account has changed since `changes`.
    private func admit(_ record: AccountRecord, asOf changes: UInt64) async throws(StoreError) -> Account? {
        let (subject, customer) = try await subjects(of: record)
        return cache.withLock { cache in
            if let known = cache.roster[record.key] { return known }
            guard revision == changes else { return nil }
            let standing = cache.plans.standing(
                of: record, subject: subject, customer: customer, now: runtime.now, wall: runtime.wall)
            let account = Account(key: record.key, subject: subject, standing: standing)
            cache.roster.add(account)
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

    /// Shows the state that an administrator has given an account, in place of any that a verdict gave it. On the store's thread, right
    /// behind the change: a verdict that is not written yet is overtaken by it.
    package func show(_ state: AccountState, of key: String) {
        cache.withLock { cache in
            outdate(&cache)
            cache.roster[key]?.update { $0.state = state }
        }
    }

    /// Reads an account anew after a change, and forgets which address is whose.
    package func refresh(_ login: String) async throws(StoreError) {
        guard let key = CanonicalLogin(login)?.key else { return }
        let known = cache.withLock { cache in
            outdate(&cache)
            return cache.roster[key]
        }
        guard let known else { return }
        // As of before the look: its first mail may put it there meanwhile.
        let wasProvisional = known.standing.isProvisional
        guard let record = try await withStore({ store throws(StoreError) in try store.account(key) }) else {
            if wasProvisional { return refreshByRule(known) }
            forget(known)
            return
        }
        let (subject, customer) = try await subjects(of: record)
        cache.withLock { cache in
            known.adopt(
                cache.plans.standing(
                    of: record, subject: subject, customer: customer, now: runtime.now, wall: runtime.wall))
        }
    }

    /// An account that a rule gave, and that the store has not seen, is what the rules of now say.
    private func refreshByRule(_ account: Account) {
        let standing = cache.withLock { cache -> Account.Standing? in
            guard let network = try? IPNetwork(parsing: account.key),
                let rule = cache.rules.rule(making: network)
            else { return nil }
            return cache.plans.provisional(account.subject, plan: rule.plan)
        }
        guard let standing else { return forget(account) }
        account.adopt(standing)
    }

    private func outdate(_ cache: inout Cache) {
        changes.add(1, ordering: .releasing)
        cache.byAddress = [:]
    }

    private func forget(_ account: Account) {
        cache.withLock { $0.roster.remove(account.key) }
        account.update { $0.refusal = .removed }
    }

    /// After an import: everything that is known may have changed.
    ///
    /// What nobody uses just now is forgotten, and read again at its next use.
    package func refreshAll() async throws(StoreError) {
        let inUse = cache.withLock { cache in
            outdate(&cache)
            return cache.roster.forgetUnused()
        }
        for key in inUse { try await refresh(key) }
    }

    /// New plans and rules, for every account at once.
    package func adopt(policies: Policies, rules: [Configuration.NetworkRule]) async throws(StoreError) {
        cache.withLock { cache in
            cache.plans = AccountPlans(policies)
            cache.rules = NetworkRules(rules)
            outdate(&cache)
        }
        try await refreshAll()
    }

    /// Forgets some of the accounts that nobody has used since the call came by them last; `rounds` calls see them all.
    package func forgetIdle(rounds: Int) {
        cache.withLock { $0.roster.forgetIdle(rounds: rounds) }
    }

    /// Calls `body` with all accounts in memory, some at a time, in no order.
    func forEachSlice(of count: Int, _ body: ([Account]) async -> Void) async {
        var start = 0
        while true {
            let slice = cache.withLock { $0.roster.members(from: start, atMost: count) }
            if slice.isEmpty { return }
            await body(slice)
            start += count
        }
    }

    package var policies: Policies { cache.withLock { $0.plans.policies } }
}
