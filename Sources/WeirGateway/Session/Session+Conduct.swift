import WeirBase
import WeirConfiguration
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirSMTP
import WeirStore

/// What the detector is told of a message, and what it forbids.
extension Session {
    /// Has the evidence about the account at hand before its envelope begins.
    func prepareConduct(_ account: Account) async {
        guard permission(of: account).conduct != nil else { return }
        let gateway = gateway
        await loop.aside { await gateway.prepareEvidence(of: account) }
    }

    /// Tells the detector of credentials that were checked and are not the account's; what that takes bounds how often.
    /// The client does not wait for it: how long that takes would tell that there is such an account.
    @inline(never)
    func noteFailedLogin(_ account: Account) {
        guard let terms = permission(of: account).conduct else { return }
        loop.spawn { [gateway] in
            await gateway.prepareEvidence(of: account)
            _ = gateway.detector.observe(.failedLogin, of: account.subject, terms)
        }
    }

    /// Tells the detector of a limit that refused something, once a message.
    func noteLimitReached(_ transaction: Transaction) {
        guard let conduct = transaction.conduct, !conduct.hasMetLimit else { return }
        transaction.conduct?.hasMetLimit = true
        _ = gateway.detector.observe(.capReached, of: transaction.account.subject, conduct.terms)
    }

    /// Whether the detector can decide without a wait.
    func isEvidenceAtHand(of account: Account) -> Bool {
        permission(of: account).conduct == nil || gateway.detector.isAtHand(account.subject)
    }

    /// Has the evidence at hand again where it has left the memory since the envelope began.
    func keepEvidenceAtHand(_ transaction: Transaction) async {
        guard transaction.isObserved, !isEvidenceAtHand(of: transaction.account) else { return }
        await prepareConduct(transaction.account)
    }

    func beginConduct(_ account: Account, _ mail: MailParameters) -> Conduct? {
        guard var terms = permission(of: account).conduct, gateway.detector.isAtHand(account.subject) else {
            return nil
        }
        terms.isByNetwork = !dialogue.isAuthenticated
        let hash = gateway.evidenceHash
        let sender = mail.path.mailbox.isEmpty ? nil : self.hash(of: mail.path)
        return Conduct(terms, name: gateway.hash(ofMachine: machine), sender: sender, hash: hash)
    }

    /// Notes a recipient that goes to the relay.
    func noteWritten(_ recipient: RecipientParameters) {
        guard let transaction, transaction.conduct != nil else { return }
        transaction.conduct?.write(to: hash(of: recipient.path))
    }

    /// What the account and the machine that sends may do now.
    @inline(never)
    func restraint(_ transaction: Transaction) -> Restraint {
        let state = permission(of: transaction.account).state
        if state == .suspended { return .stopped }
        let ofAccount: Restraint = state == .flagged ? .braked : .free
        guard transaction.isByNetwork, let conduct = transaction.conduct else { return ofAccount }
        let ofMachine = gateway.detector.restraint(
            of: conduct.name, behind: transaction.account.subject, conduct.terms)
        return max(ofAccount, ofMachine)
    }

    /// Sees to it that the stop of the machine that sends has its record.
    @inline(never)
    func ensureMachineRecord(_ transaction: Transaction) {
        guard let conduct = transaction.conduct else { return }
        gateway.ensureRecord(ofMachine: machine, behind: transaction.account, conduct.terms)
    }

    /// What the brake does with a recipient.
    enum Braking {
        /// It is none of those whom the brake counts.
        case ignored
        /// It counts, and gives back what it counted if something else refuses it.
        case counted
        case refused(Reply)
    }

    /// The brake of an account or machine that is flagged: what refuses a recipient it does not know, so many in an hour being let
    /// through, in all its sessions together.
    @inline(never)
    func brake(_ recipient: RecipientParameters, _ transaction: Transaction) -> Braking {
        guard let conduct = transaction.conduct,
            holds(recipient, pending: .max, conduct, of: transaction.account)
        else { return .ignored }
        let passes = transaction.letThrough { pending in
            holds(recipient, pending: pending, conduct, of: transaction.account)
        }
        if passes { return .counted }
        return .refused(Explanation.slowed(contact: generation.configuration.contact, id: transaction.id))
    }

    private func holds(
        _ recipient: RecipientParameters, pending: Int, _ conduct: Conduct, of account: Account
    ) -> Bool {
        gateway.detector.holds(
            hash(of: recipient.path), pending: pending, from: conduct.name, of: account.subject, conduct.terms)
    }

    /// Of an address in the command at hand.
    private func hash(of path: Path) -> UInt64 {
        let address = client.withInput { input in path.mailbox.map { input[$0].lowercased } }
        return gateway.evidenceHash(address.span)
    }

    /// The name of the machine that sends, which EHLO said, as a person reads it.
    private var machine: String { String(decoding: clientName, as: UTF8.self) }

    /// Decides of a message whose end has come; a reply refuses it.
    @inline(never)
    func judge(_ transaction: Transaction) -> Reply? {
        guard transaction.conduct?.isJudged == false else { return nil }
        decide(transaction, hasContent: true)
        return lastRefusal(transaction)
    }

    @inline(never)
    private func decide(_ transaction: Transaction, hasContent: Bool) {
        guard var conduct = transaction.conduct else { return }
        let facts = conduct.facts(origin(transaction), hasContent: hasContent)
        let subject = transaction.account.subject
        let judgements = timed { gateway.detector.judge(facts, of: subject, conduct.terms) }
        guard let judgements else { return }
        transaction.giveBackStrangers()
        conduct.judge(facts, as: judgements)
        transaction.conduct = conduct
        carryOut(judgements, of: transaction.account, conduct.terms)
    }

    /// Tells the detector what became of a message; nil: it came to no end, but a relay may have refused its recipients.
    ///
    /// Of a message that its own decision suspended its account or machine for, it is told nothing: that was not released.
    @inline(never)
    func learnOutcome(of transaction: Transaction, isTaken: Bool?) {
        if transaction.conduct?.isJudged == false, transaction.conduct?.isTelling == true {
            decide(transaction, hasContent: false)
        }
        guard let conduct = transaction.conduct, let end = conduct.outcome(isTaken: isTaken) else { return }
        transaction.conduct = nil
        if isTaken == nil, conduct.isStopped { return }
        let judgements = timed {
            gateway.detector.learn(
                end.outcome, of: end.facts, after: end.findings, of: transaction.account.subject, conduct.terms)
        }
        if let judgements { carryOut(judgements, of: transaction.account, conduct.terms) }
    }

    private func carryOut(_ judgements: Judgements, of account: Account, _ terms: Terms) {
        if let judgement = judgements.machine {
            gateway.carryOut(judgement, ofMachine: machine, behind: account, terms)
        }
        if let judgement = judgements.account { gateway.carryOut(judgement, of: account, terms) }
    }

    private func timed(_ decide: () -> Judgements?) -> Judgements? {
        let began = loop.now
        defer { gateway.telemetry.metrics.detector.decisionDuration.observe(loop.now.since(began)) }
        return decide()
    }

    private func origin(_ transaction: Transaction) -> MessageFacts {
        let hash = gateway.evidenceHash
        let network = client.transport.peer.ip.detectorNetwork.description
        return MessageFacts(
            id: transaction.id.number, account: UInt64(transaction.account.subject.number), recipients: [],
            network: hash(network), name: transaction.conduct?.name ?? 0, sender: transaction.conduct?.sender)
    }
}

extension UInt8 {
    var lowercased: UInt8 { 0x41...0x5A ~= self ? self | 0x20 : self }
}
