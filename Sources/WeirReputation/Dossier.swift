package import WeirBase

/// All that is known of an account: its own evidence, and where it is told by its network that of each machine behind it.
///
/// A verdict on a machine stops that machine alone. What comes from a machine under suspicion is its own affair, and is not
/// told to the account's evidence, so that the others pass; the rest is judged there too.
package struct Dossier: Equatable, Sendable {
    /// Nil before the first observation.
    package private(set) var account: AccountEvidence?
    package private(set) var machines = Machines()

    package init() {}

    /// As it was stored.
    package init(account: AccountEvidence?, machines: Machines) {
        self.account = account
        self.machines = machines
    }

    /// Takes an observation, and returns what is decided by it.
    package mutating func observe(
        _ observation: Observation, terms: Terms, surroundings: inout Surroundings, at now: Instant
    ) -> Judgements {
        if account == nil { account = AccountEvidence(at: now) }
        switch observation {
        case .message(let facts): return judge(facts, terms, &surroundings, now)
        case .outcome(let outcome, let facts, let findings):
            return learn(outcome, of: facts, after: findings, terms, &surroundings, now)
        case .failedLogin: account?.loginFailed(terms: terms, at: now)
        case .capReached: account?.capReached(terms: terms, at: now)
        case .complaint(let id):
            return Judgements(
                account: account?.complain(of: id, terms: terms, surroundings: &surroundings, at: now))
        case .release:
            let incident = machines.release(terms: terms, at: now)
            account?.release(terms: terms, at: now, incidentOfMachines: incident)
        }
        return Judgements()
    }

    /// Decides of a message before it is released; of one from a machine that is stopped, nothing.
    private mutating func judge(
        _ message: MessageFacts, _ terms: Terms, _ surroundings: inout Surroundings, _ now: Instant
    ) -> Judgements {
        var judgements = Judgements()
        if terms.isByNetwork, let account, !account.isSuspended(in: terms.mode) {
            if machines.isStopped(message.name, terms: terms) { return judgements }
            judgements = machines.judge(
                message, behind: account, terms: terms, surroundings: &surroundings, at: now)
            if judgements.machine?.isSuspicious == true { return judgements }
        }
        judgements.account = account?.judge(message, terms: terms, surroundings: &surroundings, at: now)
        return judgements
    }

    private mutating func learn(
        _ outcome: Outcome, of message: MessageFacts, after findings: MessageFindings, _ terms: Terms,
        _ surroundings: inout Surroundings, _ now: Instant
    ) -> Judgements {
        // A machine that is stopped has sent nothing.
        guard findings != MessageFindings(account: nil) else { return Judgements() }
        surroundings.climate.hear(outcome)
        var machine: Judgement?
        if let found = findings.machine {
            machine = account.flatMap {
                machines.learn(
                    outcome, of: message, after: found, behind: $0, terms: terms, surroundings: &surroundings,
                    at: now)
            }
        }
        guard let found = findings.account else { return Judgements(machine: machine) }
        return Judgements(
            machine: machine,
            account: account?.learn(
                outcome, of: message, after: found, terms: terms, surroundings: &surroundings, at: now))
    }

    // MARK: - What follows

    /// The machines that may send nothing now, ascending.
    package func stoppedMachines(_ terms: Terms) -> [UInt64] {
        machines.names.filter { machines.isStopped($0, terms: terms) }
    }

    /// Machines that are flagged or may send nothing now.
    package func restrainedMachines(_ terms: Terms, at now: Instant) -> Int {
        machines.names.compactMap { machines[$0]?.evidence }.count { evidence in
            var present = evidence
            present.advance(to: now, terms: terms.ofOneMachine)
            return present.isRestrained(in: terms.mode)
        }
    }

    /// What an account and a machine behind it may do now; that the account is suspended, its own state tells.
    package func restraint(of name: UInt64, terms: Terms, at now: Instant) -> Restraint {
        let machine = terms.isByNetwork ? machines[name]?.evidence : nil
        if machine?.isStopped(terms) == true { return .stopped }
        let isFlagged =
            account?.flagged(terms: terms, at: now) != nil
            || machine?.flagged(terms: terms.ofOneMachine, at: now) != nil
        return isFlagged ? .braked : .free
    }

    /// In place of a verdict that nobody has any more, on the account or on a machine behind it; nil: it is neither flagged nor
    /// suspended.
    package func lateVerdict(ofMachine name: UInt64?, terms: Terms, at now: Instant) -> Verdict? {
        let evidence = if let name { machines[name]?.evidence } else { account }
        guard let evidence, evidence.standing.isFlagged || evidence.standing.isSuspended else { return nil }
        return evidence.lateVerdict(terms: name == nil ? terms : terms.ofOneMachine, at: now)
    }

    /// Whether a recipient must wait, for the flag of the account or of the machine that writes;
    /// see ``AccountEvidence/holds(_:pending:terms:at:)``.
    package func holds(_ person: UInt64, pending: Int, from name: UInt64, terms: Terms, at now: Instant) -> Bool {
        if account?.holds(person, pending: pending, terms: terms, at: now) == true { return true }
        guard terms.isByNetwork, let machine = machines[name] else { return false }
        return machine.evidence.holds(person, pending: pending, terms: terms.ofOneMachine, at: now)
    }
}

/// What an account or a machine may do, the gravest last.
package enum Restraint: Comparable, Sendable {
    case free
    /// It may write to few people that it does not know.
    case braked
    /// It may send nothing.
    case stopped
}

/// What is decided of a message: of the machine that it came from, and of its account.
package struct Judgements: Equatable, Sendable {
    /// Nil: no machine is told apart.
    package var machine: Judgement?
    /// Nil: nothing is decided of the account, for the message is a machine's affair alone.
    package var account: Judgement?
    /// The machine that was forgotten for this one.
    package var forgotten: UInt64?

    package init(machine: Judgement? = nil, account: Judgement? = nil) {
        self.machine = machine
        self.account = account
    }

    /// What the outcome of the message is to be told with.
    package var findings: MessageFindings {
        MessageFindings(account: account?.findings.ofMessage, machine: machine?.findings.ofMessage)
    }

    /// Whether either is suspended now, or was before.
    package var isSuspended: Bool {
        machine?.standing.isSuspended == true || account?.standing.isSuspended == true
    }
}
