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

    func beginConduct(_ account: Account, _ mail: MailParameters) -> Conduct? {
        guard var terms = permission(of: account).conduct, gateway.detector.isAtHand(account.subject) else {
            return nil
        }
        terms.isByNetwork = !dialogue.isAuthenticated
        let (sender, name) = (address(mail.path), clientName.map(\.lowercased))
        let hash = gateway.evidenceHash
        return Conduct(terms, name: hash(name.span), sender: sender.isEmpty ? nil : hash(sender.span), hash: hash)
    }

    /// Notes a recipient that goes to the relay.
    func noteWritten(_ recipient: RecipientParameters, length: Int) {
        guard let transaction, transaction.conduct != nil else { return }
        transaction.conduct?.write(to: person(recipient, length: length))
    }

    /// Whether the machine that sends is stopped, though its account is not; then that has its record.
    @inline(never)
    func isMachineStopped(_ transaction: Transaction) -> Bool {
        guard transaction.isByNetwork, let conduct = transaction.conduct,
            gateway.detector.isStopped(machine: conduct.name, of: transaction.account.subject, conduct.terms)
        else { return false }
        gateway.ensureRecord(ofMachine: clientName, behind: transaction.account, conduct.terms)
        return true
    }

    /// Whether the account is flagged, or the machine that sends.
    @inline(never)
    private func isBraked(_ transaction: Transaction) -> Bool {
        if permission(of: transaction.account).state == .flagged { return true }
        guard transaction.isByNetwork, let conduct = transaction.conduct else { return false }
        return gateway.detector.isBraked(machine: conduct.name, of: transaction.account.subject, conduct.terms)
    }

    /// The brake of an account or machine that is flagged: what refuses a recipient it does not know, so many in an hour being let
    /// through.
    func brake(_ recipient: RecipientParameters, length: Int, _ transaction: Transaction) -> Reply? {
        guard isBraked(transaction), let conduct = transaction.conduct else { return nil }
        let person = person(recipient, length: length)
        func holds(pending: Int) -> Bool {
            gateway.detector.holds(
                person, pending: pending, from: conduct.name, of: transaction.account.subject, conduct.terms)
        }
        guard holds(pending: conduct.strangers) else {
            if holds(pending: .max) { transaction.conduct?.strangers += 1 }
            return nil
        }
        return Explanation.slowed(contact: generation.configuration.contact, id: transaction.id)
    }

    private func person(_ recipient: RecipientParameters, length: Int) -> UInt64 {
        let address = address(recipient.path)
        return gateway.evidenceHash(address.span)
    }

    /// Of the command at hand, in lower case.
    private func address(_ path: Path) -> [UInt8] {
        client.withInput { input in path.mailbox.map { input[$0].lowercased } }
    }

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
            gateway.carryOut(judgement, ofMachine: clientName, behind: account, terms)
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
        let source = client.transport.peer.ip
        let network = IPNetwork(containing: source, length: source.isIPv4 ? 24 : 48).description
        return MessageFacts(
            id: transaction.id.number, account: UInt64(transaction.account.subject.number), recipients: [],
            network: hash(network), name: transaction.conduct?.name ?? 0, sender: transaction.conduct?.sender)
    }
}

extension UInt8 {
    var lowercased: UInt8 { 0x41...0x5A ~= self ? self | 0x20 : self }
}
