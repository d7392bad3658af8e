import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Adding, changing and removing accounts.
extension GatewayAdministration {
    package func add(
        _ login: String, _ definition: AccountDefinition, by actor: Actor
    ) async throws(AdminError) -> Account {
        let new = NewAccount(
            login: login, plan: try known(plan: definition.plan), customer: definition.customer,
            mail: try mailAddress(definition.mail), passwordHash: try await hash(definition.password),
            networks: try networks(definition.networks, of: "networks"))
        try await change(login, by: actor) { store, author throws(StoreError) in try store.add(new, by: author) }
        return try await account(login)
    }

    package func put(
        _ login: String, _ definition: AccountDefinition, by actor: Actor
    ) async throws(AdminError) -> Account {
        let wanted = try networks(definition.networks, of: "networks")
        let plan = try known(plan: definition.plan)
        let mail = try mailAddress(definition.mail)
        let hash = try await hash(definition.password)
        let former = try await change(login, by: actor) { store, author throws(StoreError) -> AccountRecord? in
            guard let present = try store.account(login) else {
                try store.add(
                    NewAccount(
                        login: login, plan: plan, customer: definition.customer, mail: mail,
                        passwordHash: hash, networks: wanted), by: author)
                return nil
            }
            let changes = AccountChanges(
                plan: plan, customer: definition.customer ?? "", mail: mail ?? "", passwordHash: hash ?? "",
                addedNetworks: wanted, removedNetworks: present.networks.filter { !wanted.contains($0) })
            try store.set(login, changes, by: author)
            return present
        }
        if let former { try await afterChange(of: former, to: definition.password, by: actor) }
        return try await account(login)
    }

    package func change(
        _ login: String, _ change: AccountChange, by actor: Actor
    ) async throws(AdminError) -> Account {
        var changes = AccountChanges(
            plan: try change.plan.map { plan throws(AdminError) in try known(plan: plan) },
            customer: change.customer.text, mail: try mailAddress(change.mail.text),
            addedNetworks: try networks(change.addNetworks, of: "add_networks"),
            removedNetworks: try networks(change.removeNetworks, of: "remove_networks"))
        changes.passwordHash = change.password == .clear ? "" : try await hash(change.password.value)
        let all = changes
        let key = try await record(login).key
        let former = try await self.change(key, by: actor) { store, author throws(StoreError) in
            let former = try store.account(key)
            try store.set(key, all, by: author)
            return former
        }
        if let former { try await afterChange(of: former, to: change.password.value, by: actor) }
        return try await account(login)
    }

    /// What a new password brings with it; the same one again brings nothing, and neither does the first beside tokens.
    private func afterChange(
        of former: AccountRecord, to password: String?, by actor: Actor
    ) async throws(AdminError) {
        guard let password, former.state == .suspended, let old = former.passwordHash.flatMap(PasswordHash.init)
        else { return }
        let octets = Array(password.utf8)
        if await hasher.spawn({ old.verify(octets) }).value { return }
        do throws(AdminError) {
            try await passwordHasChanged(of: former.key, by: actor)
        } catch {
            let rest = "the suspension that it may end is not: release the account. \(error.detail)"
            throw AdminError(error.kind, "The password was changed, \(rest)")
        }
    }

    package func remove(_ login: String, by actor: Actor) async throws(AdminError) {
        let key = try await record(login).key
        guard CanonicalLogin(login)?.key == key else { throw .noSuchAccount(login) }
        // First, so that a fault between the two leaves nothing to the next who has the login.
        try await forgetEvidence(of: key)
        try await change(key, by: actor) { store, author throws(StoreError) in try store.remove(key, by: author) }
        do throws(AdminError) {
            try await forgetEvidence(of: key)
        } catch {
            throw AdminError(
                error.kind, "The account was removed, but not what the detector saw of it just now. \(error.detail)")
        }
    }

    private func forgetEvidence(of key: String) async throws(AdminError) {
        try await mapped { () throws(StoreError) in
            let subject = try await ledger.withStore { store throws(StoreError) in
                try store.knownSubject(.account, key)
            }
            if let subject { try await detector.forget(subject) }
        }
    }

    package func limit(
        _ login: String, name: String?, _ override: LimitOverride, by actor: Actor
    ) async throws(AdminError) -> Account {
        let limit: Limit
        do throws(LimitError) {
            limit = try Limit(parsing: override.text)
        } catch {
            let hint = error.hint.hasSuffix("?") ? error.hint : "\(error.hint)."
            let detail = "\"\(override.text)\" is no limit: \(error.reason) (column \(error.column)); \(hint)"
            throw AdminError(.invalid, detail, errors: [AdminError.Detail(pointer: "/text", detail: detail)])
        }
        let own = limit.name.description
        if let name, Limit.Name(ofLimit: name) != limit.name {
            throw .field("text", "is a limit named \(own), not \(name)")
        }
        if let until = override.until, until <= runtime.wall { throw .field("until", "lies in the past") }
        let stored = AccountRecord.Override(
            name: own, limit: limit.description, until: override.until, reason: override.why)
        let key = try await record(login).key
        try await change(key, by: actor, why: override.why) { store, author throws(StoreError) in
            try store.limit(key, stored, by: author)
        }
        return try await account(login)
    }

    package func unlimit(_ login: String, name: String, by actor: Actor) async throws(AdminError) -> Account {
        let key = try await record(login).key
        let name = Limit.Name(ofLimit: name)?.description ?? name
        try await change(key, by: actor) { store, author throws(StoreError) in
            try store.unlimit(key, name: name, by: author)
        }
        return try await account(login)
    }

    package func issueToken(_ login: String, by actor: Actor) async throws(AdminError) -> IssuedToken {
        let token = ApplicationToken.make()
        let digest = token.digest
        let record = try await record(login)
        try await change(record.key, by: actor) { store, author throws(StoreError) in
            try store.addToken(record.key, hash: digest, by: author)
        }
        return IssuedToken(login: record.login, token: token.text)
    }

    package func importAccounts(
        _ file: AccountFile, dryRun: Bool, by actor: Actor
    ) async throws(AdminError) -> ImportReport {
        let rows = try imported(file)
        let author = author(actor)
        let report = try await mapped { () throws(StoreError) in
            try await accounts.withStore(
                counting { store throws(StoreError) in
                    try store.importAccounts(rows, dryRun: dryRun, by: author)
                })
        }
        guard report.problems.isEmpty else {
            throw .lines(report.problems.map { AdminError.Detail(line: $0.line, detail: $0.refusal.description) })
        }
        if !dryRun { try await mapped { () throws(StoreError) in try await accounts.refreshAll() } }
        return ImportReport(
            dryRun: dryRun, added: report.added, changed: report.changed, unchanged: report.unchanged)
    }

    /// The rows of a file as the store takes them; every fault is named by its line, those of the file's form too.
    private func imported(_ file: AccountFile) throws(AdminError) -> [ImportedAccount] {
        let plans = accounts.policies.plans
        let names = plans.plans.map(\.name)
        var faults = file.faults
        var rows: [ImportedAccount] = []
        rows.reserveCapacity(file.rows.count)
        for row in file.rows {
            var imported = ImportedAccount(
                line: row.line, login: row.login, plan: row.plan, customer: row.customer, mail: row.mail)
            if plans[row.plan] == nil {
                faults.append(AdminError.Detail(line: row.line, detail: GatewayAdministration.unknown(row.plan, names)))
            }
            if let hash = row.passwordHash {
                if let digest = AccountSyntax.tokenDigest(hash) {
                    imported.token = digest
                } else if PasswordHash(hash) != nil {
                    imported.passwordHash = hash
                } else {
                    let detail =
                        "the password hash is no whole one of yescrypt, bcrypt or SHA-512, or costs too much to check"
                    faults.append(AdminError.Detail(line: row.line, detail: detail))
                }
            }
            if !row.networks.isEmpty { imported.networks = row.networks }
            rows.append(imported)
        }
        guard faults.isEmpty else { throw .lines(faults) }
        return rows
    }

    // MARK: - What is given

    private func known(plan: String) throws(AdminError) -> String {
        let plans = accounts.policies.plans
        if plans[plan] != nil { return plan }
        let detail = GatewayAdministration.unknown(plan, plans.plans.map(\.name))
        throw AdminError(.invalid, detail, errors: [AdminError.Detail(pointer: "/plan", detail: detail)])
    }

    private static func unknown(_ plan: String, _ names: [String]) -> String {
        let near = Spelling.nearest(to: plan, among: names).map { "did you mean \($0)?" }
        return "there is no plan \"\(plan)\"; \(near ?? "known are \(names.joined(separator: ", ")).")"
    }

    private func mailAddress(_ text: String?) throws(AdminError) -> String? {
        guard let text, !text.isEmpty, !MailAddress.isPlain(text) else { return text }
        throw .field("mail", AccountSyntax.noMailAddress(text))
    }

    private func networks(_ texts: [String], of field: String) throws(AdminError) -> [IPNetwork] {
        var networks: [IPNetwork] = []
        for text in texts {
            guard let network = try? IPNetwork(parsing: text) else {
                let detail = AccountSyntax.noNetwork(text)
                throw AdminError(
                    .invalid, "\(detail).", errors: [AdminError.Detail(pointer: "/\(field)", detail: detail)])
            }
            networks.append(network)
        }
        return networks
    }

    /// Hashes on its own thread: it takes some 40 ms of a processor.
    private func hash(_ password: String?) async throws(AdminError) -> String? {
        guard let password else { return nil }
        let octets = Array(password.utf8)
        if let hash = await hasher.spawn({ PasswordHash.make(octets)?.text }).value { return hash }
        throw .field("password", "must have 1 to \(PasswordHash.passwordOctetsMax) octets and no NUL")
    }
}

extension FieldChange {
    /// As the store takes it: nil keeps, an empty text clears.
    fileprivate var text: String? {
        switch self {
        case .keep: nil
        case .clear: ""
        case .set(let text): text
        }
    }
}

extension AdminError {
    static func field(_ name: String, _ detail: String) -> AdminError {
        AdminError(.invalid, "\(name) \(detail).", errors: [Detail(pointer: "/\(name)", detail: detail)])
    }

}
