import Synchronization
import WeirBase
import WeirConfiguration
package import WeirQuota
package import WeirReputation
import WeirRuntime
package import WeirStore

/// What verdicts lead to.
extension Gateway {
    /// Reads what is known of an account; where the store cannot say, its mail passes without the detector.
    func prepareEvidence(of account: Account) async {
        let reads = telemetry.metrics.detector.reads
        do throws(StoreError) {
            guard let fault = try await detector.prepare(account.subject) else { return reads[.success].add() }
            reads[.damaged].add()
            telemetry.log.error(
                "evidence damaged", ["account": .string(account.key), "reason": .string("\(fault)")])
            endFlag(of: account)
        } catch {
            reads[.error].add()
            telemetry.log.error(
                "evidence unreadable", ["account": .string(account.key), "reason": .string("\(error)")])
        }
    }

    /// Ends the flag of an account whose evidence was damaged: what is known of it begins anew, and of the flag knows nothing.
    private func endFlag(of account: Account) {
        guard !detector.hasEvidence(of: account.subject),
            let mode = account.standing.conduct?.mode, mode == .flag || mode == .suspend,
            account.move(to: .normal, from: .flagged) != nil
        else { return }
        store(nil, of: account, mode, moving: .normal, because: "its evidence was damaged, and begins anew")
    }

    /// Does what the plan has the detector do about where an account stands now: at once in memory, then in the store.
    func carryOut(_ judgement: Judgement, of account: Account, _ terms: Terms) {
        let mode = terms.mode
        dailyScores.note(judgement, of: account.subject, terms.thresholds, at: runtime.now)
        let state = AccountState(judgement.standing)
        var record: VerdictRecord?
        if let verdict = judgement.verdict {
            log(verdict, of: account, mode)
            record = VerdictRecord(verdict, of: account.key, machine: nil, mode, at: runtime.wall)
        }
        // A suspension is ended by nobody but an administrator. All else follows the evidence, also where a kill came between the two.
        guard mode == .suspend || (mode == .flag && state != .suspended), let former = account.move(to: state)
        else { return store(record, of: account, mode, moving: nil) }
        if state == .suspended { telemetry.metrics.quota.suspensions[.detector].add() }
        if record == nil, state == .suspended || state == .flagged {
            record = lateRecord(of: account, machine: nil, terms)
            record?.old = former
        }
        store(record, of: account, mode, moving: state)
    }

    /// Records what is decided of one machine behind an account, and tells of it; its evidence alone stops it.
    func carryOut(_ judgement: Judgement, ofMachine machine: String, behind account: Account, _ terms: Terms) {
        dailyScores.note(judgement, of: account.subject, terms.thresholds, at: runtime.now)
        guard let verdict = judgement.verdict else { return }
        log(verdict, of: account, terms.mode, machine: machine)
        if verdict.after.isSuspended { _ = recordedStops.withLock { $0.insert(stop(of: machine, behind: account)) } }
        let record = VerdictRecord(verdict, of: account.key, machine: machine, terms.mode, at: runtime.wall)
        store(record, of: account, terms.mode, moving: nil)
    }

    /// Sees to it, when a machine is refused, that its stop has a record and is told: a kill may have come between, or a store that
    /// failed for long.
    func ensureRecord(ofMachine machine: String, behind account: Account, _ terms: Terms) {
        let stop = stop(of: machine, behind: account)
        guard recordedStops.withLock({ $0.insert(stop) }) else { return }
        runtime.loops[0].spawn { [self] in
            do throws(StoreError) {
                let names = try await accounts.withStore { store throws(StoreError) in
                    try store.stoppedMachines(of: account.key)
                }
                guard !names.contains(where: { self.stop(of: $0, behind: account) == stop }),
                    let record = lateRecord(of: account, machine: machine, terms)
                else { return }
                store(record, of: account, terms.mode, moving: nil)
            } catch {
                recordedStops.withLock { $0.remove(stop) }
            }
        }
    }

    /// Of a stop that the store did not take.
    private func forgetRecord(ofMachine machine: String, behind account: Account) {
        recordedStops.withLock { $0.remove(stop(of: machine, behind: account)) }
    }

    private func stop(of machine: String, behind account: Account) -> RecordedStops.Stop {
        RecordedStops.Stop(subject: account.subject, name: hash(ofMachine: machine))
    }

    /// What tells a machine: the name that it gave in EHLO, as a person reads it.
    func hash(ofMachine name: String) -> UInt64 {
        let octets = name.utf8.map(\.lowercased)
        return evidenceHash(octets.span)
    }

    /// The first sentence of a record that was made after the decision.
    package static let decidedEarlier = "decided earlier, and not carried out"

    /// In place of the record of a decision that stands in the evidence alone; nil: it does not stand there any more.
    private func lateRecord(of account: Account, machine: String?, _ terms: Terms) -> VerdictRecord? {
        let name = machine.map { hash(ofMachine: $0) }
        guard let verdict = detector.lateVerdict(of: account.subject, machine: name, terms) else { return nil }
        var record = VerdictRecord(verdict, of: account.key, machine: machine, terms.mode, at: runtime.wall)
        record.sentences.insert(Gateway.decidedEarlier, at: 0)
        // Of now: they say nothing of what was enough then.
        (record.thresholds, record.acquittals) = ([:], [])
        return record
    }

    /// Those of these machines that are stopped now.
    package func stopped(
        _ machines: [String], behind subject: SubjectID, _ plan: Plan
    ) async throws(StoreError) -> [String] {
        guard !machines.isEmpty, let terms = Terms(plan) else { return [] }
        let stopped = try await detector.stoppedMachines(behind: subject, terms)
        return machines.filter { stopped.contains(hash(ofMachine: $0)) }
    }

    /// Verdicts that wait for the store, at most; beyond it their line in the log is all that is kept.
    static let verdictsPendingMax = 1_000
    /// How often a verdict is written that the store does not take, and how long after each time.
    static let verdictTriesMax = 60
    static let verdictRetry: UInt64 = 10 * .second
    /// How long a verdict waits at most for the evidence that it rests on to be durable.
    static let evidenceWait: UInt64 = .minute

    /// Writes a verdict's record, and where it moved the account, that in the same commit. Nobody waits for it.
    private func store(
        _ record: VerdictRecord?, of account: Account, _ mode: Mode, moving state: AccountState?,
        because other: String = "nothing was held against it any more"
    ) {
        let hasRoom = verdictsPending.load(ordering: .relaxed) < Gateway.verdictsPendingMax
        let verdict = hasRoom ? record : nil
        // Made good when the machine is refused.
        if !hasRoom, let machine = record?.machine { forgetRecord(ofMachine: machine, behind: account) }
        guard verdict != nil || state != nil else { return }
        verdictsPending.add(1, ordering: .relaxed)
        let reason = record?.sentences.joined(separator: "; ") ?? other
        let author = Author(Gateway.author, at: runtime.wall, reason: reason)
        let stopsMachine = verdict?.machine != nil && verdict?.new == .suspended && mode == .suspend
        let kind = stopsMachine ? EventKind.machineStopped : state.flatMap(Gateway.event)
        let notices = kind.map { self.notices(of: $0, account, machine: verdict?.machine, reason) } ?? []
        let (ledger, loop) = (ledgerWriter.ledger, runtime.loops[0])
        let ticket = ledger.lastTicket
        loop.spawn { [self] in
            // First the evidence, then what follows from it: a kill between the two is made good with the account's next message.
            let waiter = Waiter(on: loop)
            _ = await ledger.becomesDurable(ticket, until: loop.now + Gateway.evidenceWait, waiter: waiter)
            waiter.retire()
            var tries = 1
            while !(await keep(verdict, of: account, moving: state, by: author, telling: notices)) {
                guard tries < Gateway.verdictTriesMax, !isDraining else {
                    if let machine = verdict?.machine { forgetRecord(ofMachine: machine, behind: account) }
                    break
                }
                tries += 1
                await loop.sleep(until: loop.now + Gateway.verdictRetry)
            }
            verdictsPending.subtract(1, ordering: .relaxed)
        }
    }

    /// Waits until all verdicts are in the store, at the end.
    func storeVerdicts(until deadline: Instant) async {
        let loop = runtime.loops[0]
        await loop.spawn { [self] in
            while verdictsPending.load(ordering: .relaxed) > 0, loop.now < deadline {
                await loop.sleep(until: loop.now + 10 * .millisecond)
            }
        }.value
    }

    /// Whether the store has it.
    private func keep(
        _ verdict: VerdictRecord?, of account: Account, moving state: AccountState?, by author: Author,
        telling notices: [Notice]
    ) async -> Bool {
        do throws(StoreError) {
            let isNew = try await accounts.withStore { store throws(StoreError) in
                // One that was overtaken by the next is not written over it.
                let state = account.standing.state == state ? state : nil
                // Of a machine is told though it moves no account.
                let kept = state == nil && verdict?.machine == nil ? [] : notices.compactMap(\.stored)
                if let verdict { return try store.keep(verdict, moving: state, by: author, telling: kept) }
                guard let state else { return false }
                return try store.setState(account.key, state, by: author, telling: kept)
            }
            if isNew { herald.tell(notices) }
            return true
        } catch {
            telemetry.log.error(
                "verdict not stored", ["account": .string(account.key), "reason": .string("\(error)")])
            return false
        }
    }

    /// Who the audit names where the detector has decided.
    package static let author = "weir"

    /// Deletes verdicts that nobody needs any more.
    func expireVerdicts() async {
        let now = runtime.wall
        do throws(StoreError) {
            while try await accounts.withStore({ store throws(StoreError) in try store.expireVerdicts(now: now) }) {}
        } catch {
            telemetry.log.error("old verdicts not deleted", ["reason": .string("\(error)")])
        }
    }

    /// Saves the day's highest scores, for the curve that thresholds are chosen by.
    package func saveScores() async {
        while true {
            let rows = dailyScores.take(atMost: DailyScores.sliceMax)
            if rows.isEmpty { return }
            do throws(StoreError) {
                try await ledgerWriter.withStore { store throws(StoreError) in try store.saveScores(rows) }
            } catch {
                return telemetry.log.error("scores not saved", ["reason": .string("\(error)")])
            }
        }
    }

    /// Whom a verdict is told to.
    private func notices(of kind: EventKind, _ account: Account, machine: String?, _ reason: String) -> [Notice] {
        herald.notices(
            of: AccountEvent(
                kind, of: account.key, machine: machine, at: runtime.wall, reason: reason, random: runtime.random()))
    }

    /// What is told of an account: that it is flagged, or suspended. That it is well again goes by itself.
    private static func event(of state: AccountState) -> EventKind? {
        switch state {
        case .flagged: .flagged
        case .suspended: .suspended
        case .normal, .probation: nil
        }
    }

    private func log(_ verdict: Verdict, of account: Account, _ mode: Mode, machine: String? = nil) {
        if let mode = MetricLabels.DetectorMode(mode) {
            telemetry.metrics.detector.verdicts[mode, verdict.after.isSuspended ? .suspended : .flagged].add()
        }
        let ids = verdict.knownMessages.map { MessageID(number: $0).description }
        telemetry.log.warning(
            "verdict",
            [
                "account": .string(account.key), "machine": .string(machine ?? ""),
                "state": .string(AccountState(verdict.after).rawValue),
                "mode": .string(mode.rawValue), "score": .string("\((verdict.score.total * 10).rounded() / 10)"),
                "reason": .string(verdict.sentences.joined(separator: "; ")),
                "messages": .string(ids.joined(separator: " ")),
            ])
    }
}

extension MetricLabels.DetectorMode {
    fileprivate init?(_ mode: Mode) {
        switch mode {
        case .off: return nil
        case .shadow: self = .shadow
        case .flag: self = .flag
        case .suspend: self = .suspend
        }
    }
}

extension VerdictRecord {
    init(_ verdict: Verdict, of account: String, machine: String?, _ mode: Mode, at time: WallTime) {
        let thresholds = verdict.thresholds
        self.init(
            account: account, machine: machine, at: time, mode: mode.rawValue, old: AccountState(verdict.before),
            new: AccountState(verdict.after), isBefore: verdict.isBefore, score: verdict.score.byName,
            thresholds: ["flag": thresholds.flag, "suspend": thresholds.suspend, "family": thresholds.family],
            findings: verdict.findings.byName, sentences: verdict.sentences,
            acquittals: verdict.acquittals.map(\.rawValue), messages: verdict.knownMessages)
    }
}

extension Verdict {
    /// A complaint of a message that nobody knows has no id.
    fileprivate var knownMessages: [UInt64] { messages.filter { $0 > 0 } }
}

extension AccountState {
    package init(_ standing: Standing) {
        switch standing {
        case .normal: self = .normal
        case .flagged: self = .flagged
        case .suspended: self = .suspended
        case .probation: self = .probation
        }
    }
}

extension Terms {
    /// A plan's: how many new people a day are ordinary follows from the recipients a day that it lets through. A plan of more than
    /// ``businessRecipientsMax`` counts as one whose holder was looked at first.
    package init?(_ plan: Plan) {
        guard let mode = Mode(rawValue: plan.detector.rawValue), mode != .off else { return nil }
        let daily = plan.limits.filter { $0.quantity == .recipients && $0.window == .day && $0.excess != .observe }
        switch daily.map(\.allowed).min() ?? 0 {
        case ...Terms.householdRecipientsMax: self = .consumer
        case ...Terms.businessRecipientsMax: self = .business
        default: self = .bulk
        }
        self.mode = mode
    }

    /// Recipients a day up to which a plan is a household's, and a business's; a plan without such a limit is taken for a household's.
    private static let householdRecipientsMax: Int64 = 2_000
    private static let businessRecipientsMax: Int64 = 50_000
}
