import WeirBase

/// Many accounts at once.
extension AccountsStore {
    /// One line on its way: its account is written, its networks are still to be taken.
    fileprivate struct Step {
        var line: Int
        var id: Int64
        var key: String
        var isNew: Bool
        var differs: Bool
        var networks: [IPNetwork]
    }

    /// Adds or changes all of the accounts in one commit, or, when any line is wrong, none.
    ///
    /// With `dryRun` nothing is kept and the report says what would be.
    package func importAccounts(
        _ accounts: [ImportedAccount], dryRun: Bool = false, by author: Author
    ) throws(StoreError) -> ImportReport {
        let isKept = { (report: ImportReport) in !dryRun && report.problems.isEmpty }
        return try change(keeping: isKept) { () throws(StoreError) in
            var report = ImportReport()
            var steps: [Step] = []
            var seen: Set<String> = []
            for account in accounts {
                do throws(StoreError) { steps.append(try begin(account, &seen, by: author)) } catch {
                    try report.note(error, line: account.line)
                }
            }
            // Every network that is given up is free before the first one is taken.
            for step in steps {
                do throws(StoreError) { report.count(try finish(step, by: author)) } catch {
                    try report.note(error, line: step.line)
                }
            }
            report.problems.sort { $0.line < $1.line }
            return report
        }
    }

    private func begin(
        _ account: ImportedAccount, _ seen: inout Set<String>, by author: Author
    ) throws(StoreError) -> Step {
        guard let key = CanonicalLogin(account.login)?.key else { throw .refused(.notALogin(account.login)) }
        guard seen.insert(key).inserted else { throw .refused(.namedTwice(login: account.login)) }
        var step = Step(line: account.line, id: 0, key: key, isNew: false, differs: false, networks: [])
        if let row = try row(key) {
            step.id = row.id
            let changes = AccountChanges(
                plan: account.plan, customer: account.customer, mail: account.mail, passwordHash: account.passwordHash)
            step.differs = try apply(changes, to: row, by: author)
        } else {
            let new = NewAccount(
                login: account.login, plan: account.plan, customer: account.customer, mail: account.mail,
                passwordHash: account.passwordHash, isMoved: true)
            step.id = try insert(new, key: key, by: author)
            step.isNew = true
        }
        if let token = account.token, try addToken(token, to: step.id, key, by: author) { step.differs = true }
        if let wanted = account.networks {
            let present = step.isNew ? [] : try networks(of: step.id)
            for network in present where !wanted.contains(network) {
                try detach(network, from: step.id, key, by: author)
                step.differs = true
            }
            step.networks = wanted.filter { !present.contains($0) }
        }
        return step
    }

    private func finish(_ step: Step, by author: Author) throws(StoreError) -> Step {
        var step = step
        for network in step.networks {
            if try attach(network, to: step.id, step.key, by: author) { step.differs = true }
        }
        return step
    }
}

extension ImportReport {
    fileprivate mutating func count(_ step: AccountsStore.Step) {
        if step.isNew { added += 1 } else if step.differs { changed += 1 } else { unchanged += 1 }
    }

    /// Keeps a line's own fault, and throws the store's.
    fileprivate mutating func note(_ error: StoreError, line: Int) throws(StoreError) {
        guard case .refused(let refusal) = error else { throw error }
        problems.append(Problem(line: line, refusal: refusal))
    }
}
