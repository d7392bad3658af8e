package import WeirBase

/// An observation as a journal keeps it: all that it takes to make it again.
package struct ObservationRecord: Equatable, Sendable {
    /// The number that stands for the account.
    package var account: UInt32
    package var time: Instant
    package var terms: Terms
    package var observation: Observation

    package init(account: UInt32, time: Instant, terms: Terms, observation: Observation) {
        self.account = account
        self.time = time
        self.terms = terms
        self.observation = observation
    }

    /// Of the layout; a change of any field raises it.
    private static let version: UInt8 = 2

    /// Some 150 octets, and 8 for each recipient.
    package func encoded() -> [UInt8] {
        var blob = BlobWriter(version: Self.version, capacity: 256)
        blob.put(account)
        blob.put(time.nanoseconds)
        blob.put(terms)
        switch observation {
        case .message(let facts):
            blob.put(UInt8(0))
            blob.put(facts)
        case .outcome(let outcome, let facts, let findings):
            blob.put(UInt8(1))
            blob.put(outcome)
            blob.put(facts)
            blob.put(option: findings.account)
            blob.put(option: findings.machine)
        case .failedLogin: blob.put(UInt8(2))
        case .complaint(let id):
            blob.put(UInt8(3))
            blob.put(id)
        case .release: blob.put(UInt8(4))
        case .capReached: blob.put(UInt8(5))
        }
        return blob.finish()
    }

    /// What ``encoded()`` wrote.
    package init(decoding octets: [UInt8]) throws(EvidenceError) {
        var blob = try BlobReader(octets, version: Self.version)
        account = try blob.integer(UInt32.self)
        time = Instant(nanoseconds: try blob.integer(UInt64.self))
        terms = try blob.terms()
        switch try blob.integer(UInt8.self) {
        case 0: observation = .message(try blob.facts())
        case 1:
            let outcome = try blob.outcome()
            let facts = try blob.facts()
            let findings = MessageFindings(account: try blob.found(), machine: try blob.found())
            observation = .outcome(outcome, of: facts, after: findings)
        case 2: observation = .failedLogin
        case 3: observation = .complaint(of: try blob.integer(UInt64.self))
        case 4: observation = .release
        case 5: observation = .capReached
        default: throw .damaged
        }
        try blob.finish()
    }
}

// MARK: - The parts

extension BlobWriter {
    fileprivate mutating func put(_ terms: Terms) {
        put(UInt8(clamping: Mode.allCases.firstIndex(of: terms.mode) ?? 0))
        put(terms.newPeopleADay)
        put(terms.prior)
        put(UInt8(terms.isByNetwork ? 1 : 0))
        put(option: terms.opened?.nanoseconds)
        put(terms.thresholds.flag)
        put(terms.thresholds.suspend)
        put(terms.thresholds.family)
    }

    fileprivate mutating func put(_ facts: MessageFacts) {
        put(facts.id)
        put(facts.account)
        put(UInt32(clamping: facts.recipients.count))
        for person in facts.recipients { put(person) }
        put(facts.network)
        put(option: facts.country)
        put(facts.name)
        put(option: facts.sender)
        put(option: facts.scannerScore?.bitPattern)
        put(UInt8(facts.content == nil ? 0 : 1))
        if let content = facts.content { put(content) }
    }

    private mutating func put(_ content: ContentFacts) {
        put(content.fingerprint)
        put(content.octets)
        put(UInt32(clamping: content.links))
        put(UInt16(clamping: content.linkDomains.count))
        for domain in content.linkDomains { put(domain) }
        put(
            UInt8(content.isHTML ? 1 : 0) | UInt8(content.hasAttachment ? 2 : 0) | UInt8(content.hasUnsubscribe ? 4 : 0)
        )
        put(option: content.headerFrom)
    }

    fileprivate mutating func put(_ outcome: Outcome) {
        put(UInt32(clamping: outcome.recipients.count))
        for reply in outcome.recipients { put(reply.rawValue) }
        put(UInt8(outcome.isTaken.map { $0 ? 1 : 0 } ?? 2))
    }

    fileprivate mutating func put(option found: Findings.OfMessage?) {
        put(UInt8(found == nil ? 0 : 1))
        guard let found else { return }
        put(UInt8(found.isStrangeNetwork ? 1 : 0))
        put(found.textPeople)
        put(found.textCopies)
        put(found.reach)
        put(found.neighbours)
        put(found.sameTextAccounts)
        put(option: found.scannerScore?.bitPattern)
        put(option: found.senderShare?.bitPattern)
        put(option: found.formatShare?.bitPattern)
    }
}

extension BlobReader {
    fileprivate mutating func terms() throws(EvidenceError) -> Terms {
        let mode = Int(try integer(UInt8.self))
        guard mode < Mode.allCases.count else { throw .damaged }
        var terms = Terms(newPeopleADay: try double(), prior: try double())
        terms.mode = Mode.allCases[mode]
        terms.isByNetwork = try integer(UInt8.self) & 1 != 0
        terms.opened = try option().map(Instant.init(nanoseconds:))
        terms.thresholds.flag = try double()
        terms.thresholds.suspend = try double()
        terms.thresholds.family = try double()
        return terms
    }

    fileprivate mutating func facts() throws(EvidenceError) -> MessageFacts {
        let (id, account) = (try integer(UInt64.self), try integer(UInt64.self))
        var recipients: [UInt64] = []
        for _ in 0..<(try integer(UInt32.self)) { recipients.append(try integer(UInt64.self)) }
        let network = try integer(UInt64.self)
        let country = try option()
        var facts = MessageFacts(
            id: id, account: account, recipients: recipients, network: network, country: country,
            name: try integer(UInt64.self), sender: try option())
        facts.scannerScore = try doubleOption()
        if try integer(UInt8.self) != 0 { facts.content = try content() }
        return facts
    }

    private mutating func content() throws(EvidenceError) -> ContentFacts {
        var content = ContentFacts(fingerprint: try integer(UInt64.self))
        content.octets = try integer(UInt64.self)
        content.links = Int(try integer(UInt32.self))
        for _ in 0..<(try integer(UInt16.self)) { content.linkDomains.append(try integer(UInt64.self)) }
        let flags = try integer(UInt8.self)
        (content.isHTML, content.hasAttachment, content.hasUnsubscribe) = (
            flags & 1 != 0, flags & 2 != 0, flags & 4 != 0
        )
        content.headerFrom = try option()
        return content
    }

    fileprivate mutating func outcome() throws(EvidenceError) -> Outcome {
        var replies: [RecipientReply] = []
        for _ in 0..<(try integer(UInt32.self)) {
            guard let reply = RecipientReply(rawValue: try integer(UInt8.self)) else { throw .damaged }
            replies.append(reply)
        }
        switch try integer(UInt8.self) {
        case 0: return Outcome(recipients: replies, isTaken: false)
        case 1: return Outcome(recipients: replies, isTaken: true)
        default: return Outcome(recipients: replies, isTaken: nil)
        }
    }

    fileprivate mutating func found() throws(EvidenceError) -> Findings.OfMessage? {
        guard try integer(UInt8.self) != 0 else { return nil }
        var found = Findings.OfMessage()
        found.isStrangeNetwork = try integer(UInt8.self) != 0
        found.textPeople = try double()
        found.textCopies = try double()
        found.reach = try double()
        found.neighbours = try double()
        found.sameTextAccounts = try double()
        found.scannerScore = try doubleOption()
        found.senderShare = try doubleOption()
        found.formatShare = try doubleOption()
        return found
    }
}
