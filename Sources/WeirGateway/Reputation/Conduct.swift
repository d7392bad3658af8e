import WeirReputation
import WeirSMTP

/// What one message shows of its account's conduct, gathered while it passes.
struct Conduct {
    let terms: Terms
    /// What EHLO said, which tells the machine behind an account by network.
    let name: UInt64
    /// Of the envelope; nil: the null sender.
    let sender: UInt64?
    /// Whether a limit of its hour or day refused a recipient, or more.
    var hasMetLimit = false
    /// The scanner's, where it gave one.
    var scannerScore: Double?
    private var people: [UInt64] = []
    /// In the order of `people`; nil: no relay said anything.
    private var replies: [RecipientReply?] = []
    private var examiner: ContentExaminer
    private var judged: (facts: MessageFacts, findings: MessageFindings)?

    init(_ terms: Terms, name: UInt64, sender: UInt64?, hash: KeyedHash) {
        self.terms = terms
        self.name = name
        self.sender = sender
        examiner = ContentExaminer(hash: hash)
    }

    /// So many recipients of a message are looked at.
    static let peopleMax = 50_000

    /// A recipient goes to the relay.
    mutating func write(to person: UInt64) { if people.count < Conduct.peopleMax { people.append(person) } }

    /// The relay's answer to the oldest recipient that has none; nil: there was none.
    mutating func hear(_ reply: RecipientReply?) { replies.append(reply) }

    /// Octets of the message, as the client sent them.
    mutating func examine(_ octets: Span<UInt8>) { examiner.consume(octets) }

    /// Whether the message was judged: it came to its end.
    var isJudged: Bool { judged != nil }

    /// Whether what was decided of the message keeps it from being released.
    private(set) var isStopped = false

    /// Whether a relay has refused anyone: then it tells something even if it never came to its end.
    var isTelling: Bool { replies.contains { $0 != nil && $0 != .accepted } }

    /// What there is to be judged; `origin` has its id and network.
    mutating func facts(_ origin: MessageFacts, hasContent: Bool) -> MessageFacts {
        var facts = origin
        facts.recipients = people
        facts.scannerScore = scannerScore
        if hasContent { facts.content = examiner.finish() }
        return facts
    }

    mutating func judge(_ facts: MessageFacts, as judgements: Judgements) {
        judged = (facts, judgements.findings)
        isStopped = judgements.isSuspended && terms.mode == .suspend
    }

    /// What became of it; nil where it was not judged, or nobody is to be told. Recipients that no relay answered are left out.
    func outcome(isTaken: Bool?) -> (outcome: Outcome, facts: MessageFacts, findings: MessageFindings)? {
        guard let judged, judged.findings != MessageFindings(account: nil) else { return nil }
        var facts = judged.facts
        let answered = zip(people, replies).compactMap { person, reply in reply.map { (person, $0) } }
        facts.recipients = answered.map(\.0)
        return (Outcome(recipients: answered.map(\.1), isTaken: isTaken), facts, judged.findings)
    }
}

extension RecipientReply {
    init(code: UInt16, _ enhanced: EnhancedCode?) { self.init(code: Int(code), enhanced: enhanced?.numbers) }

    static func isTaken(code: UInt16, _ enhanced: EnhancedCode?) -> Bool? {
        isTaken(code: Int(code), enhanced: enhanced?.numbers)
    }
}

extension EnhancedCode {
    fileprivate var numbers: (class: Int, subject: Int, detail: Int) { (Int(category), Int(subject), Int(detail)) }
}
