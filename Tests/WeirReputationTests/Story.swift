import TestKit
import WeirBase
import WeirReputation

/// A gateway of one or more accounts, and a day that goes by as told.
struct Story {
    struct Letter {
        var people: [UInt64] = []
        var network: UInt64 = 1
        var name: UInt64 = 1
        var score: Double? = -8
        var text: UInt64 = 0
        var replies: [RecipientReply]?
        var isTaken: Bool? = true
        var domains: [UInt64] = []
        var sender: UInt64 = 3
        var headerFrom: UInt64 = 3
        var isHTML = false
    }

    var now = Instant(nanoseconds: 20_000 * .day)
    var terms = Terms.consumer
    var surroundings = Surroundings()
    var accounts: [AccountEvidence] = []
    var verdicts: [Verdict] = []
    /// Recipients whose messages were released.
    var escaped = 0
    private var number: UInt64 = 0
    var generator: Seeded

    init(accounts count: Int = 1, seed: UInt64 = 1) {
        generator = Seeded(seed)
        accounts = (0..<count).map { _ in AccountEvidence(at: now) }
    }

    var isSuspended: Bool { accounts[0].standing.isSuspended }
    var isFlagged: Bool { accounts[0].standing.isFlagged }

    mutating func wait(_ span: UInt64) { now = now + span }

    /// Judged, and if it may go, answered. Returns what was decided before it was released; nil: the account is stopped.
    @discardableResult
    mutating func send(_ letter: Letter, from account: Int = 0) -> Judgement? {
        guard !accounts[account].isStopped(terms) else { return nil }
        number += 1
        var facts = MessageFacts(
            id: number, account: UInt64(account), recipients: letter.people, network: letter.network,
            name: letter.name, sender: letter.sender, scannerScore: letter.score)
        var content = ContentFacts(fingerprint: letter.text == 0 ? generator.next() : letter.text)
        content.linkDomains = letter.domains
        content.headerFrom = letter.headerFrom
        content.isHTML = letter.isHTML
        facts.content = content
        let before = accounts[account].judge(facts, terms: terms, surroundings: &surroundings, at: now)
        if let verdict = before.verdict { verdicts.append(verdict) }
        guard !accounts[account].isStopped(terms) else { return before }
        escaped += letter.people.count
        let outcome = Outcome(
            recipients: letter.replies ?? letter.people.map { _ in .accepted }, isTaken: letter.isTaken)
        surroundings.climate.hear(outcome)
        let after = accounts[account].learn(
            outcome, of: facts, after: before.findings.ofMessage, terms: terms,
            surroundings: &surroundings, at: now)
        if let verdict = after.verdict { verdicts.append(verdict) }
        return before
    }

    /// Tells an office of an observation.
    mutating func tell(_ office: inout Dossier, _ observation: Observation) -> Judgements {
        office.observe(observation, terms: terms, surroundings: &surroundings, at: now)
    }

    /// So many days of three letters a day to a circle of friends, from home.
    mutating func live(days: Int, account: Int = 0, score: Double? = -8) {
        for _ in 0..<days {
            for _ in 0..<3 {
                send(Letter(people: [friend()], score: score), from: account)
                wait(8 * .hour)
            }
        }
    }

    mutating func friend() -> UInt64 { 1_000 + generator.next() % 12 }
    mutating func stranger() -> UInt64 { generator.next() | 1 << 63 }
    mutating func strangers(_ count: Int) -> [UInt64] { (0..<count).map { _ in stranger() } }
}
