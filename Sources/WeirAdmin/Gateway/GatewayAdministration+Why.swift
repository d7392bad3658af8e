import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Telling why: of an account, of a message, of a threshold.
extension GatewayAdministration {
    package func why(_ login: String) async throws(AdminError) -> AccountReasons {
        let record = try await record(login)
        let (move, verdict, stopped) = try await mapped { () throws(StoreError) in
            let (move, verdict) = try await accounts.withStore { store throws(StoreError) in
                // What one machine did is no reason for the standing of them all.
                let verdict = try store.latestVerdict(on: record.key, orMachines: record.state == .normal)
                return (try store.latestMove(of: record.key), verdict)
            }
            return (move, verdict, try await stoppedMachines(of: record))
        }
        let mode = accounts.policies.plans[record.plan]?.detector.rawValue ?? "off"
        return AccountReasons(
            login: record.login, plan: record.plan, detector: mode, state: AccountState(record.state),
            since: record.stateSince, by: move?.actor, reason: record.stateReason,
            verdict: verdict.map(VerdictReport.init), stoppedMachines: stopped)
    }

    package func history(_ login: String, limit: Int, cursor: String?) async throws(AdminError) -> AccountHistory {
        let limit = max(1, min(limit, AccountQuery.pageMax))
        guard let place = HistoryCursor(cursor) else {
            throw AdminError(.badRequest, "cursor is what the last page's next says.")
        }
        let record: AccountRecord?
        do throws(AdminError) {
            record = try await self.record(login)
        } catch {
            // An account that was removed still has its past.
            guard error.kind == .noSuchAccount else { throw error }
            record = nil
        }
        let key = record?.key ?? login
        let (changes, verdicts) = try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) in
                (
                    try store.audit(of: key, before: place.audit, limit: limit + 1),
                    try store.verdicts(of: key, before: place.verdict, limit: limit + 1)
                )
            }
        }
        if record == nil, changes.isEmpty, verdicts.isEmpty, cursor == nil { throw .noSuchAccount(login) }
        var next = place
        var events: [HistoryEvent] = []
        var (change, verdict) = (changes[...], verdicts[...])
        while events.count < limit {
            if let latest = change.first, verdict.first.map({ $0.auditSequence < latest.sequence }) ?? true {
                events.append(HistoryEvent(latest))
                next.audit = latest.sequence
                change = change.dropFirst()
            } else if let latest = verdict.first {
                events.append(HistoryEvent(latest))
                next.verdict = latest.sequence
                verdict = verdict.dropFirst()
            } else {
                break
            }
        }
        let hasMore = !change.isEmpty || !verdict.isEmpty
        return AccountHistory(login: record?.login ?? login, events: events, next: hasMore ? next.text : nil)
    }

    package func message(_ id: String) async throws(AdminError) -> MessageReport {
        guard let message = MessageID(id) else {
            throw AdminError(
                .badRequest, "\"\(id)\" is no id: it has 13 letters and digits, as replies and log lines say.")
        }
        let (story, rows, key) = try await traces(of: message)
        guard story != nil || !rows.isEmpty else {
            let days = LedgerStore.storiesKept / .day
            throw AdminError(
                .noSuchMessage,
                "Nothing is known of \(message): it may not have ended yet, and stories are kept for \(days) days. "
                    + "The log may go back further.")
        }
        let account = key ?? ""
        var report = MessageReport(message, account: account, story: story, rows: rows)
        let (record, verdicts) = try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) in
                (try store.account(account), try store.verdicts(of: account))
            }
        }
        if let record {
            report.account = record.login
            report.state = AccountState(record.state)
        }
        report.verdict = verdicts.first { $0.messages.contains(message.number) }.map(VerdictReport.init)
        return report
    }

    /// What is known of a message: its story, or rows of the journal where it has none yet, and the key of its account.
    func traces(
        of message: MessageID
    ) async throws(AdminError) -> (story: StoryRow?, rows: [JournalRow], account: String?) {
        let pending = ledger.ledger.story(message.number)
        return try await mapped { () throws(StoreError) in
            try await ledger.withStore { store throws(StoreError) in
                let story = if let pending { pending } else { try store.story(message.number) }
                let rows = story == nil ? try store.journal(message: message.number).rows : []
                let account = story?.account ?? rows.first?.account
                let name = try account.flatMap { id throws(StoreError) in try store.name(of: id) }
                // Recipients of the contact's own cap are counted under a name that no login can have.
                return (story, rows, name.map { String($0.prefix { $0 != "\u{1F}" }) })
            }
        }
    }
}

/// Where a page of history ended: in the audit, and among the verdicts.
private struct HistoryCursor {
    var audit = Int64.max
    var verdict = Int64.max

    /// Nil for what is no cursor; the beginning for none.
    init?(_ text: String?) {
        guard let text else { return }
        let parts = text.split(separator: ".").compactMap { Int64($0) }
        guard parts.count == 2 else { return nil }
        (audit, verdict) = (parts[0], parts[1])
    }

    var text: String { "\(audit).\(verdict)" }
}

extension MessageReference {
    init(_ number: UInt64) {
        let milliseconds = number >> 20
        self.init(
            id: MessageID(number: number).description, time: WallTime(nanoseconds: milliseconds * .millisecond))
    }
}

extension VerdictReport {
    init(_ record: VerdictRecord) {
        let wanted = record.new == .suspended ? "suspend" : "flag"
        self.init(
            time: record.at, machine: record.machine, mode: record.mode, old: AccountState(record.old),
            new: AccountState(record.new),
            beforeRelease: record.isBefore, score: record.score["total"] ?? 0,
            threshold: record.thresholds[wanted], thresholds: record.thresholds,
            families: record.score.filter { $0.key != "total" }, findings: record.findings,
            sentences: record.sentences, acquittals: record.acquittals,
            messages: record.messages.map(MessageReference.init))
    }
}

extension HistoryEvent {
    fileprivate init(_ row: AuditRow) {
        self.init(
            time: row.at, actor: row.actor, action: row.action, old: row.old, new: row.new, reason: row.reason)
    }

    fileprivate init(_ record: VerdictRecord) {
        self.init(
            time: record.at, actor: Gateway.author, action: "verdict", old: record.old.rawValue,
            new: record.new.rawValue, reason: record.sentences.joined(separator: "; "), verdict: VerdictReport(record))
    }
}

extension MessageReport {
    /// From its story, or while there is none from what the journal has of it.
    fileprivate init(_ id: MessageID, account: String, story: StoryRow?, rows: [JournalRow]) {
        let reference = MessageReference(id.number)
        guard let story else {
            let taken = rows.filter { $0.kind != .reset }.map(\.amount.recipients).reduce(0, +)
            self.init(
                id: reference.id, time: reference.time, account: account, result: "open",
                recipientsAccepted: Int(max(0, taken)),
                recipientsRefused: rows.count { $0.kind == .refusal })
            return
        }
        func given(_ text: String) -> String? { text.isEmpty ? nil : text }
        self.init(
            id: reference.id, time: reference.time, account: account, result: story.result,
            refusal: given(story.refusal), code: story.code > 0 ? Int(story.code) : nil,
            relayCode: story.relayCode > 0 ? Int(story.relayCode) : nil, recipientsAccepted: story.accepted,
            recipientsRefused: story.refused, octets: story.octets, seconds: Double(story.milliseconds) / 1_000,
            limit: given(story.limit), relay: given(story.relay), source: given(story.source))
    }
}
