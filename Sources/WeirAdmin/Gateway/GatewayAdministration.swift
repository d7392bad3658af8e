import WeirBase
import WeirConfiguration
package import WeirGateway
import WeirQuota
package import WeirRuntime
import WeirStore

/// Administration by whoever has the stores open: the daemon, or the command line while no daemon runs.
///
/// Changes go through the directory of accounts, so that open sessions see them when the call returns. Passwords are hashed on a thread
/// of their own, and nothing here runs on a loop.
package struct GatewayAdministration: Administration {
    let runtime: Runtime
    let accounts: AccountDirectory
    let ledger: LedgerWriter
    let detector: Detector
    let hasher: RuntimeExecutor
    /// Nil without a daemon: then there is nothing to reload and no status.
    let daemon: Daemon?

    /// What only a running gateway has.
    package struct Daemon: Sendable {
        package let server: Server
        package let version: String
        /// Reads the configuration again and takes it; throws what is wrong with it.
        package let reload: @Sendable (Actor) async throws(AdminError) -> ReloadReport

        package init(
            server: Server, version: String,
            reload: @escaping @Sendable (Actor) async throws(AdminError) -> ReloadReport
        ) {
            self.server = server
            self.version = version
            self.reload = reload
        }
    }

    /// `hasher` is the thread for passwords.
    package init(_ accounting: Accounting, hasher: RuntimeExecutor, daemon: Daemon? = nil) {
        runtime = accounting.runtime
        accounts = accounting.accounts
        ledger = accounting.ledgerWriter
        detector = accounting.detector
        self.hasher = hasher
        self.daemon = daemon
    }

    // MARK: - The gateway

    package func status() async throws(AdminError) -> Status {
        guard let daemon else { throw AdminError(.unreachable, "No daemon runs, so there is no status.") }
        let counts = try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) in try store.counts() }
        }
        return daemon.status(counts)
    }

    package func readiness() async throws(AdminError) -> Readiness {
        guard let daemon else { throw AdminError(.unreachable, "No daemon runs.") }
        return daemon.readiness
    }

    package func reload(by actor: Actor) async throws(AdminError) -> ReloadReport {
        guard let daemon else { throw AdminError(.unreachable, "No daemon runs, so there is nothing to reload.") }
        return try await daemon.reload(actor)
    }

    // MARK: - Looking

    package func accounts(_ query: AccountQuery) async throws(AdminError) -> AccountList {
        let limit = max(1, min(query.limit, AccountQuery.pageMax))
        let filter = AccountFilter(
            state: query.state.flatMap { WeirStore.AccountState(rawValue: $0.rawValue) }, plan: query.plan)
        var found: [AccountSummary] = []
        var cursor = query.cursor
        repeat {
            let after = cursor
            let page = try await mapped { () throws(StoreError) in
                try await accounts.withStore { store throws(StoreError) in
                    try store.list(filter, after: after, limit: limit)
                }
            }
            for summary in try await summaries(of: page.accounts)
            where query.overPercent.map({ summary.summary.usedPercent >= $0 }) ?? true {
                found.append(summary.summary)
                if found.count == limit {
                    let isLast = page.next == nil && summary.key == page.accounts.last?.key
                    return AccountList(accounts: found, next: isLast ? nil : summary.key)
                }
            }
            cursor = page.next
        } while cursor != nil
        return AccountList(accounts: found, next: nil)
    }

    package func account(_ login: String) async throws(AdminError) -> Account {
        try await account(of: try await record(login))
    }

    package func usage(_ login: String) async throws(AdminError) -> Usage {
        let account = try await account(login)
        return Usage(login: account.login, limits: account.limits)
    }

    // MARK: - Forgiving

    package func reset(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        let record = try await record(login)
        let key = record.key
        try await change(key, by: actor, why: why) { store, author throws(StoreError) in
            try store.note(key, action: "account.reset", by: author)
        }
        let ledger = ledger.ledger
        let subject = try await mapped { () throws(StoreError) in try await self.subject(of: key) }
        // The rows are the subject's alone: customer and gateway keep what they counted.
        let (now, forgiven) = ledger.decide { book, moment in (moment.now, book.reset(subject, at: moment)) }
        let rows = forgiven.map { slot, amount in
            JournalRow(kind: .reset, at: now, slot: slot, account: subject, customer: nil, amount: -amount, message: 0)
        }
        if !rows.isEmpty { try await becomeDurable(ledger.journal(rows)) }
        return try await account(login)
    }

    private func becomeDurable(_ ticket: Ledger.Ticket) async throws(AdminError) {
        let deadline = runtime.now + 30 * .second
        let (ledger, hasher) = (ledger.ledger, hasher)
        let isDurable = await hasher.spawn {
            let waiter = Waiter(on: hasher)
            defer { waiter.retire() }
            return await ledger.becomesDurable(ticket, until: deadline, waiter: waiter)
        }.value
        guard isDurable else {
            throw AdminError(.temporary, "The ledger cannot commit at present; the counts may come back.")
        }
    }
}
