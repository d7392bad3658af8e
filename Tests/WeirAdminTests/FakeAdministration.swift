import Synchronization
import WeirAdmin
import WeirBase

/// Accounts in memory: enough to answer every route, and a record of who did what.
final class FakeAdministration: Administration {
    private struct State {
        var accounts: [String: Account] = [:]
        var audit: [String] = []
        var reasons: [String] = []
        var gate: CheckedContinuation<Void, Never>?
        var arrived: CheckedContinuation<Void, Never>?
        var gated = false
    }

    private let state = Mutex(State())
    private let plans = ["residential", "business"]

    var audit: [String] { state.withLock { $0.audit } }
    func notReady(_ reasons: [String]) { state.withLock { $0.reasons = reasons } }

    /// From now on `status()` waits for ``open()``.
    func close() { state.withLock { $0.gated = true } }

    /// Returns when somebody waits in `status()`.
    func arrival() async {
        await withCheckedContinuation { continuation in
            let there = state.withLock { state in
                if state.gate == nil { state.arrived = continuation }
                return state.gate != nil
            }
            if there { continuation.resume() }
        }
    }

    func open() {
        let gate = state.withLock { state in
            state.gated = false
            return state.gate.take()
        }
        gate?.resume()
    }

    func status() async throws(AdminError) -> Status {
        if state.withLock({ $0.gated }) {
            await withCheckedContinuation { continuation in
                let arrived = state.withLock { state in
                    state.gate = continuation
                    return state.arrived.take()
                }
                arrived?.resume()
            }
        }
        let suspended = state.withLock { $0.accounts.values.count { $0.state == .suspended } }
        return Status(
            version: "0.1", hostname: "gate1.<isp>.example", startedAt: WallTime(nanoseconds: 1_000 * .second),
            listeners: [.init(name: "submission", address: "0.0.0.0:587", tls: "starttls", up: true, sessions: 3)],
            relays: [
                .init(
                    name: "smarthost-a", address: "relay-a.isp.example:25", up: false, connections: 0,
                    connectionsMax: 100, trouble: "connection refused")
            ], ledger: .init(pending: 0, commits: 12, sizeBytes: 4_096, freeBytes: 1 << 30),
            accounts: .init(known: state.withLock { $0.accounts.count }, tracked: 1, suspended: suspended),
            traffic: .init(
                messagesAccepted: 1_234_567, recipientsAccepted: 5, recipientsDeferred: 6, recipientsRefused: 7),
            alarms: ["relay smarthost-a is down"])
    }

    func readiness() async throws(AdminError) -> Readiness { Readiness(reasons: state.withLock { $0.reasons }) }

    func accounts(_ query: AccountQuery) async throws(AdminError) -> AccountList {
        let all = state.withLock { $0.accounts.values.sorted { $0.login < $1.login } }.filter {
            ($0.login > query.cursor ?? "") && (query.state == nil || $0.state == query.state)
                && (query.plan == nil || $0.plan == query.plan)
        }
        let page = all.prefix(query.limit).map {
            AccountSummary(
                login: $0.login, plan: $0.plan, customer: $0.customer, state: $0.state,
                usedPercent: Int($0.limits[0].used * 100 / $0.limits[0].allowed))
        }
        return AccountList(accounts: page, next: all.count > query.limit ? page.last?.login : nil)
    }

    func account(_ login: String) async throws(AdminError) -> Account { try found(login) }

    func usage(_ login: String) async throws(AdminError) -> Usage {
        Usage(login: login, limits: try found(login).limits)
    }

    func why(_ login: String) async throws(AdminError) -> AccountReasons {
        let account = try found(login)
        return AccountReasons(
            login: login, plan: account.plan, detector: "suspend", state: account.state,
            since: WallTime(nanoseconds: 1_000 * .second), by: "weir", verdict: .sample)
    }

    func history(_ login: String, limit: Int, cursor: String?) async throws(AdminError) -> AccountHistory {
        let event = HistoryEvent(
            time: WallTime(nanoseconds: 1_000 * .second), actor: "weir", action: "verdict", verdict: .sample)
        return AccountHistory(
            login: try found(login).login, events: [event], next: cursor == nil && limit == 1 ? "7.9" : nil)
    }

    func message(_ id: String) async throws(AdminError) -> MessageReport {
        guard id == "1MC0J3SZK5B2E" else { throw AdminError(.noSuchMessage, "Nothing is known of \(id).") }
        return MessageReport(
            id: id, time: WallTime(nanoseconds: 1_000 * .second), account: "anna", result: "refused_quota",
            limit: "recipients-per-day")
    }

    func calibration(plan: String?) async throws(AdminError) -> CalibrationReport {
        CalibrationReport(
            plan: plan, days: 1, accounts: 2, chosenOn: 1, verifiedOn: 1, excluded: 0, flag: 5, suspend: 7.5,
            suggested: nil, share: 0.0001, needed: 9_999,
            points: [
                .init(threshold: 7.5, flagsAWeek: 7, suspensionsAWeek: 0, reached: 0, verified: 0, bound: 0.5)
            ])
    }

    func add(
        _ login: String, _ definition: AccountDefinition, by actor: Actor
    ) async throws(AdminError) -> Account {
        if state.withLock({ $0.accounts[login] != nil }) {
            throw AdminError(.conflict, "There is an account \(login) already.")
        }
        return try await put(login, definition, by: actor)
    }

    func put(
        _ login: String, _ definition: AccountDefinition, by actor: Actor
    ) async throws(AdminError) -> Account {
        guard plans.contains(definition.plan) else {
            throw AdminError(
                .invalid, "There is no plan \(definition.plan).",
                errors: [.init(pointer: "/plan", detail: "is none of \(plans.joined(separator: ", "))")])
        }
        let account = Account(
            login: login, plan: definition.plan, customer: definition.customer, networks: definition.networks,
            hasPassword: definition.password != nil, mail: definition.mail,
            limits: [
                LimitUsage(
                    name: "recipients-per-day", text: "1000 recipients per day", scope: "account", used: 250,
                    reserved: 2, allowed: 1_000, freesAt: WallTime(text: "2026-11-23T08:15:00Z"))
            ])
        return record(account, "put", actor)
    }

    func change(_ login: String, _ change: AccountChange, by actor: Actor) async throws(AdminError) -> Account {
        var account = try found(login)
        if let plan = change.plan { account.plan = plan }
        switch change.customer {
        case .keep: break
        case .clear: account.customer = nil
        case .set(let customer): account.customer = customer
        }
        account.networks = account.networks.filter { !change.removeNetworks.contains($0) } + change.addNetworks
        if change.password != .keep { account.hasPassword = change.password != .clear }
        return record(account, "change", actor)
    }

    func remove(_ login: String, by actor: Actor) async throws(AdminError) {
        _ = record(try found(login), "remove", actor)
        state.withLock { $0.accounts[login] = nil }
    }

    func suspend(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        var account = try found(login)
        account.state = .suspended
        account.stateReason = why
        return record(account, "suspend", actor)
    }

    func release(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        var account = try found(login)
        account.state = .normal
        account.stateReason = nil
        return record(account, "release", actor)
    }

    func reset(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        var account = try found(login)
        for index in account.limits.indices { account.limits[index].used = 0 }
        return record(account, "reset", actor)
    }

    func limit(
        _ login: String, name: String?, _ override: LimitOverride, by actor: Actor
    ) async throws(AdminError) -> Account {
        var account = try found(login)
        guard name == nil || name == "recipients-per-day", let allowed = Int64(override.text.split(separator: " ")[0])
        else { throw AdminError(.invalid, "\"\(override.text)\" is not a limit called \(name ?? "").") }
        account.limits[0].allowed = allowed
        account.limits[0].override = .init(until: override.until, why: override.why)
        return record(account, "limit", actor)
    }

    func unlimit(_ login: String, name: String, by actor: Actor) async throws(AdminError) -> Account {
        var account = try found(login)
        guard account.limits.contains(where: { $0.name == name && $0.override != nil }) else {
            throw AdminError(.notFound, "\(login) has no override of \(name).")
        }
        account.limits[0].allowed = 1_000
        account.limits[0].override = nil
        return record(account, "unlimit", actor)
    }

    func issueToken(_ login: String, by actor: Actor) async throws(AdminError) -> IssuedToken {
        var account = try found(login)
        account.tokens += 1
        _ = record(account, "token", actor)
        return IssuedToken(login: login, token: "c2VjcmV0")
    }

    func importAccounts(
        _ file: AccountFile, dryRun: Bool, by actor: Actor
    ) async throws(AdminError) -> ImportReport {
        let strangers = file.rows.filter { !plans.contains($0.plan) }
        let faults = file.faults + strangers.map { .init(line: $0.line, detail: "there is no plan \($0.plan)") }
        guard faults.isEmpty else {
            throw AdminError(.invalid, "\(faults.count) lines are wrong; nothing was imported.", errors: faults)
        }
        if !dryRun { for row in file.rows { _ = try await put(row.login, .init(plan: row.plan), by: actor) } }
        return ImportReport(dryRun: dryRun, added: file.rows.count, changed: 0, unchanged: 0)
    }

    func complain(_ report: [UInt8], by actor: Actor) async throws(AdminError) -> ComplaintReport {
        let complaint = try Complaint(report)
        return ComplaintReport(
            account: "bob@isp.example", counted: true, format: complaint.format.rawValue, type: complaint.type,
            reporter: complaint.reporter)
    }

    func reload(by actor: Actor) async throws(AdminError) -> ReloadReport {
        throw AdminError(
            .configuration, "The configuration has 1 error; the old one stays in force.",
            errors: [.init(line: 3, detail: "weir.yaml:3:7: unknown key \"adress\"; did you mean \"address\"?")])
    }

    private func found(_ login: String) throws(AdminError) -> Account {
        guard let account = state.withLock({ $0.accounts[login] }) else { throw .noSuchAccount(login) }
        return account
    }

    private func record(_ account: Account, _ what: String, _ actor: Actor) -> Account {
        state.withLock { state in
            state.accounts[account.login] = account
            state.audit.append("\(actor.name) \(what) \(account.login)")
        }
        return account
    }
}

extension VerdictReport {
    static let sample = VerdictReport(
        time: WallTime(nanoseconds: 1_000 * .second), mode: "suspend", old: .normal, new: .suspended,
        beforeRelease: true, score: 9.25, threshold: 7.5, thresholds: ["flag": 5, "suspend": 7.5, "family": 1.5],
        families: ["origin": 4.25, "volume": 3, "content": 2, "delivery": -0.1, "prior": 0.1],
        findings: ["newInADay": 212], sentences: ["origin 4.3: from an unfamiliar network", "opened 2.0 days ago"],
        acquittals: ["origin", "volume"],
        messages: [MessageReference(id: "1MC0J3SZK5B2E", time: WallTime(nanoseconds: 1_000 * .second))])
}
