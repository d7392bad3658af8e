import WeirBase
import WeirReputation

/// A trace fed to the detector of the gateway, event by event, as the gateway would.
struct DetectorReplay {
    struct Options {
        /// Whether the detector is told the scanner's score.
        var hasContent = true
        /// Whether it is told what the relays said.
        var hasReplies = true
        /// Whether it is told countries, which the gateway does not know.
        var hasCountries = false
        /// Encode and decode everything after so many events.
        var restartEvery: UInt64?
        /// A simple rule that decides in the detector's place.
        var rule: SimpleRule?
        /// How long after a suspension the desk releases the account.
        var releaseAfter = UInt64.day
    }

    /// What the operator knows of an account.
    struct Member {
        var terms: Terms
        var evidence: AccountEvidence?
        /// Behind an account by network.
        var machines = Machines()
        var rule = RuleEvidence()
        /// Under a simple rule.
        var suspended: UInt64?
    }

    /// A change of standing, for the scorer.
    struct Decision {
        var number: UInt64
        var time: UInt64
        var account: String
        var isSuspension: Bool
        var isBefore: Bool
        /// Nil under a simple rule.
        var verdict: Verdict?
        /// The EHLO name of the machine that is meant, where it is not the account.
        var machine: String?
    }

    /// When traces begin, so that accounts can be older.
    static let epoch = Instant(nanoseconds: 20_000 * .day)

    let options: Options
    private(set) var members: [Member]
    private let places: [String: Int]
    private var surroundings = Surroundings()
    private(set) var events: UInt64 = 0
    private let hash = KeyedHash(key: (0, 0))

    init(_ accounts: [String: Terms], options: Options) {
        self.options = options
        let names = accounts.keys.sorted()
        places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        members = names.compactMap { accounts[$0] }.map { Member(terms: $0) }
    }

    /// How much there was of what.
    var summary: (events: UInt64, accounts: Int, octets: Int, octetsMax: Int) {
        let octets = members.compactMap { $0.evidence?.encoded().count }
        return (events, octets.count, octets.reduce(0, +), octets.max() ?? 0)
    }

    /// Takes one event; returns what was decided by it.
    mutating func take(_ event: TraceEvent) throws(EvidenceError) -> [Decision] {
        guard let place = places[event.account] else { return [] }
        events += 1
        if let every = options.restartEvery, events % every == 0 { try restart() }
        if let rule = options.rule { return apply(rule, event, place) }
        let now = Self.epoch + event.time
        // Taken out, so that it is changed in place.
        var evidence = members[place].evidence.take() ?? AccountEvidence(at: now)
        let terms = members[place].terms
        var (decisions, isOfMachine) = judgeMachine(event, behind: evidence, place, now)
        if !isOfMachine { decisions += judge(event, &evidence, terms, now).map { Decision(event, $0) } }
        members[place].evidence = evidence
        return decisions
    }

    private mutating func judge(
        _ event: TraceEvent, _ evidence: inout AccountEvidence, _ terms: Terms, _ now: Instant
    ) -> [Verdict] {
        if case .suspended(let since) = evidence.standing {
            guard now.since(since) >= options.releaseAfter else { return [] }
            evidence.release(terms: terms, at: now)
        }
        guard event.kind == .message else {
            evidence.loginFailed(terms: terms, at: now)
            return []
        }
        let facts = facts(of: event)
        let before = evidence.judge(facts, terms: terms, surroundings: &surroundings, at: now)
        guard !before.standing.isSuspended, options.hasReplies else { return [before.verdict].compactMap { $0 } }
        let outcome = Outcome(recipients: event.replies, isTaken: event.isTaken)
        let after = evidence.learn(
            outcome, of: facts, after: before, terms: terms, surroundings: &surroundings, at: now)
        return [before.verdict, after.verdict].compactMap { $0 }
    }

    /// Returns what was decided of one machine, and whether the message is its affair alone.
    private mutating func judgeMachine(
        _ event: TraceEvent, behind account: AccountEvidence, _ place: Int, _ now: Instant
    ) -> (decisions: [Decision], isOfMachine: Bool) {
        let terms = members[place].terms
        guard terms.isByNetwork, event.kind == .message, !account.standing.isSuspended else { return ([], false) }
        let facts = facts(of: event)
        var machines = Machines()
        swap(&machines, &members[place].machines)
        defer { swap(&machines, &members[place].machines) }
        if machines.isStopped(facts.name, terms: terms) { return ([], true) }
        guard let before = machines.judge(facts, behind: account, terms: terms, surroundings: &surroundings, at: now)
        else { return ([], false) }
        var verdicts = [before.verdict]
        if !before.standing.isSuspended, options.hasReplies {
            let outcome = Outcome(recipients: event.replies, isTaken: event.isTaken)
            let after = machines.learn(
                outcome, of: facts, after: before, terms: terms, surroundings: &surroundings, at: now)
            verdicts.append(after?.verdict)
        }
        let decisions = verdicts.compactMap { $0 }.map { verdict in
            var decision = Decision(event, verdict)
            decision.machine = event.name
            return decision
        }
        return (decisions, before.isSuspicious)
    }

    /// As when the gateway ends, and starts from what it stored.
    private mutating func restart() throws(EvidenceError) {
        for place in members.indices {
            guard let octets = members[place].evidence?.encoded() else { continue }
            members[place].evidence = try AccountEvidence(decoding: octets)
        }
        surroundings = try Surroundings(decoding: surroundings.encoded())
    }

    private mutating func apply(_ rule: SimpleRule, _ event: TraceEvent, _ place: Int) -> [Decision] {
        guard event.kind == .message else { return [] }
        if let since = members[place].suspended {
            guard event.time >= since, event.time - since >= options.releaseAfter else { return [] }
            members[place].suspended = nil
            members[place].rule = RuleEvidence()
        }
        let (isBroken, isBefore) = members[place].rule.isBroken(rule, by: event)
        guard isBroken else { return [] }
        members[place].suspended = event.time
        return [
            Decision(
                number: event.number, time: event.time, account: event.account, isSuspension: true, isBefore: isBefore)
        ]
    }

    private func facts(of event: TraceEvent) -> MessageFacts {
        MessageFacts(
            id: event.number, account: hash(event.account), recipients: event.recipients, network: hash(event.network),
            country: options.hasCountries ? hash(event.country) : nil, name: hash(event.name),
            sender: event.sender, content: event.content, scannerScore: options.hasContent ? event.scannerScore : nil)
    }
}

extension DetectorReplay.Decision {
    fileprivate init(_ event: TraceEvent, _ verdict: Verdict) {
        self.init(
            number: event.number, time: event.time, account: event.account,
            isSuspension: verdict.after.isSuspended, isBefore: verdict.isBefore, verdict: verdict)
    }
}
