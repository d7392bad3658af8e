import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirRuntime
package import WeirStore

/// From the stores' records to what an administrator sees.
extension GatewayAdministration {
    var metrics: GatewayMetrics? { daemon?.server.telemetry.metrics }

    func author(_ actor: Actor, why: String? = nil) -> Author { Author(actor.name, at: runtime.wall, reason: why) }

    /// Makes an audited change and shows it to open sessions.
    @discardableResult
    func change<Result: Sendable>(
        _ login: String, by actor: Actor, why: String? = nil,
        _ body: @escaping @Sendable (AccountsStore, Author) throws(StoreError) -> Result
    ) async throws(AdminError) -> Result {
        let author = author(actor, why: why)
        return try await mapped { () throws(StoreError) in
            try await accounts.change(login, counting { store throws(StoreError) in try body(store, author) })
        }
    }

    /// The same, with the rows counted that it writes to the audit.
    func counting<Result: Sendable>(
        _ body: @escaping @Sendable (AccountsStore) throws(StoreError) -> Result
    ) -> @Sendable (AccountsStore) throws(StoreError) -> Result {
        let rows = metrics?.operation.auditEvents
        return { store throws(StoreError) in
            let before = try store.auditEnd()
            let result = try body(store)
            // What is changed is durable by now, whether its rows can be counted or not.
            rows?.add(UInt64(clamping: ((try? store.auditEnd()) ?? before) - before))
            return result
        }
    }

    /// The store's errors in the words of administration.
    func mapped<Result: Sendable>(
        _ body: () async throws(StoreError) -> Result
    ) async throws(AdminError) -> Result {
        do throws(StoreError) {
            return try await body()
        } catch {
            throw AdminError(error)
        }
    }

    /// The account of a login, or of a lone address: who sends from there, by a network of his own or by a rule of `networks:`.
    func record(_ login: String) async throws(AdminError) -> AccountRecord {
        let address = IPAddress(login)
        let networks = address.map { [accounts.network(byRule: $0), IPNetwork(containing: $0, length: $0.bits)] } ?? []
        let found = try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) -> AccountRecord? in
                if let found = try store.account(login) { return found }
                if let address, let owner = try store.account(at: address) { return owner }
                for network in networks.compactMap(\.self) {
                    if let found = try store.account(network.description) { return found }
                }
                return nil
            }
        }
        guard let found else { throw .noSuchAccount(login) }
        return found
    }

    /// The parties of records, in their order; accounts that never sent are counted under nobody yet.
    private func parties(of records: [AccountRecord]) async throws(AdminError) -> [Parties] {
        let names = records.map { ($0.key, $0.customer) }
        let subjects = try await mapped { () throws(StoreError) in
            try await ledger.withStore { store throws(StoreError) -> [(SubjectID?, SubjectID?)] in
                var subjects: [(SubjectID?, SubjectID?)] = []
                for (key, customer) in names {
                    let account = try store.knownSubject(.account, key)
                    subjects.append(
                        (
                            account,
                            try customer.flatMap { name throws(StoreError) in try store.knownSubject(.customer, name) }
                        ))
                }
                return subjects
            }
        }
        let policies = accounts.policies
        let (now, wall) = (runtime.now, runtime.wall)
        return zip(records, subjects).map { record, subjects in
            let plan = policies.plans[record.plan] ?? Plan(name: record.plan)
            let overrides = record.overrides.compactMap { $0.override(now: now, wall: wall) }
            let customer = record.customer.map {
                Party(subjects.1 ?? .nobody, limits: policies.limits(ofCustomer: $0))
            }
            return Parties(
                account: Party(subjects.0 ?? .nobody, limits: LimitSet(plan, overrides: overrides)), customer: customer,
                gateway: policies.gateway)
        }
    }

    func account(of record: AccountRecord) async throws(AdminError) -> Account {
        let parties = try await parties(of: [record])[0]
        let (complaints, stopped) = try await mapped { () throws(StoreError) in
            let complaints = try await accounts.withStore { store throws(StoreError) in
                try store.complaintCount(record.key)
            }
            return (complaints, try await stoppedMachines(of: record))
        }
        let range = try await mapped { () throws(StoreError) in try await accounts.range(of: record) }
        let usages = ledger.ledger.decide { book, moment in book.usage(of: parties, at: moment) }
        let (now, wall) = (runtime.now, runtime.wall)
        var limits: [LimitUsage] = []
        for usage in usages {
            let name = usage.limit.name.description
            var shown = LimitUsage(
                name: name, text: usage.limit.description, scope: usage.scope.rawValue, used: usage.used,
                reserved: usage.reserved, allowed: usage.allowed,
                freesAt: usage.freesAt.map { WallTime(nanoseconds: wall.nanoseconds &+ $0.since(now)) })
            if usage.scope == .account,
                let own = record.overrides.first(where: { $0.name == name && $0.holds(at: wall) })
            {
                shown.override = LimitUsage.Override(until: own.until, why: own.reason)
            }
            limits.append(shown)
        }
        return Account(
            login: record.login, plan: record.plan, customer: record.customer,
            state: AccountState(record.state), stateReason: record.state == .normal ? nil : record.stateReason,
            networks: record.networks.map(\.description), range: range?.description,
            hasPassword: record.passwordHash != nil, tokens: record.tokens.count, mail: record.mail,
            complaints: complaints, stoppedMachines: stopped, limits: limits)
    }

    /// The machines behind an account that are stopped now, by their EHLO names; without a daemon those that were.
    func stoppedMachines(of record: AccountRecord) async throws(StoreError) -> [String] {
        guard let plan = accounts.policies.plans[record.plan], plan.detector == .suspend else { return [] }
        let recorded = try await accounts.withStore { store throws(StoreError) in
            try store.stoppedMachines(of: record.key)
        }
        guard !recorded.isEmpty, let gateway = daemon?.server.gateway else { return recorded }
        return try await gateway.stopped(recorded, behind: try await subject(of: record.key), plan)
    }

    func summaries(of records: [AccountRecord]) async throws(AdminError) -> [(key: String, summary: AccountSummary)] {
        let parties = try await parties(of: records)
        var summaries: [(key: String, summary: AccountSummary)] = []
        for (record, parties) in zip(records, parties) {
            let usages = ledger.ledger.decide { book, moment in book.usage(of: parties, at: moment) }
            let used = usages.filter { $0.scope == .account && $0.limit.quantity != .connections }.map(\.percent).max()
            let summary = AccountSummary(
                login: record.login, plan: record.plan, customer: record.customer, state: AccountState(record.state),
                usedPercent: used ?? 0)
            summaries.append((record.key, summary))
        }
        return summaries
    }
}

extension SubjectID {
    /// No subject has it: the ledger hands out numbers from 1 on, and never the last.
    fileprivate static let nobody = SubjectID(number: .max)
}

extension WeirQuota.LimitUsage {
    /// Of what is allowed, reservations included.
    fileprivate var percent: Int {
        let count = used.addingReportingOverflow(reserved).partialValue
        guard allowed > 0 else { return count > 0 ? 100 : 0 }
        return Int((Double(max(0, count)) * 100 / Double(allowed)).rounded(.down).clampedToInt)
    }
}

extension Double {
    fileprivate var clampedToInt: Double { Swift.min(self, 1_000_000) }
}

extension AccountRecord.Override {
    fileprivate func holds(at wall: WallTime) -> Bool { until.map { wall < $0 } ?? true }

    fileprivate func override(now: Instant, wall: WallTime) -> Override? {
        guard let limit = try? Limit(parsing: limit) else { return nil }
        let end = until.map { now + ($0.nanoseconds > wall.nanoseconds ? $0.nanoseconds - wall.nanoseconds : 0) }
        return Override(limit: limit, until: end, reason: reason)
    }
}

extension AccountState {
    init(_ state: WeirStore.AccountState) {
        switch state {
        case .normal: self = .normal
        case .flagged: self = .flagged
        case .suspended: self = .suspended
        case .probation: self = .probation
        }
    }
}

extension AdminError {
    /// The store's fault in the words of administration.
    package init(_ error: StoreError) {
        switch error {
        case .refused(.noSuchAccount(let login)): self = .noSuchAccount(login)
        case .refused(.accountExists(let login)):
            self.init(.conflict, "There is an account \(login) already; weir account set changes it.")
        case .refused(.networkTaken(let network, let login)):
            self.init(
                .conflict,
                "\(network) belongs to \(login); weir account set \(login) --remove-network \(network) takes it away there."
            )
        case .refused(.noSuchLimit(let name)):
            self.init(.notFound, "The account has no limit of its own named \(name).")
        case .refused(.noSuchNetwork(let network)): self.init(.notFound, "The account does not have \(network).")
        case .refused(let refusal): self.init(.invalid, "\(refusal.description).")
        case .full, .heldByAnother: self.init(.temporary, error.explanation)
        case .unreachable(_, _, let code) where code == 13 || code == 1: self.init(.notPermitted, error.explanation)
        case .damaged, .foreign, .newerVersion, .olderVersion, .incomplete, .fsyncFailed, .unreachable, .closed, .other:
            self.init(.fault, error.explanation)
        }
    }
}
