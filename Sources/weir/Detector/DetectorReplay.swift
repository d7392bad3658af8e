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
        /// Stop, and start again from a store, after so many events on average.
        var restartEvery: UInt64?
        /// A simple rule that decides in the detector's place.
        var rule: SimpleRule?
        /// An installation's, so that people seem known to the filters as they do there.
        var hash = KeyedHash(key: (0, 0))
        /// How long after a suspension the desk releases the account.
        var releaseAfter = UInt64.day
    }

    /// What the operator knows of an account.
    struct Member {
        var terms: Terms
        var dossier = Dossier()
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
    /// Events of accounts that are not known.
    private(set) var strangers: UInt64 = 0
    private let restarts: ReplayRestarts?
    /// Accounts that something was observed of since the last one.
    private var changed: Set<Int> = []

    init(_ accounts: [String: Terms], options: Options) throws {
        self.options = options
        restarts = try options.restartEvery.map { try ReplayRestarts(every: $0) }
        let names = accounts.keys.sorted()
        places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        members = names.compactMap { accounts[$0] }.map { Member(terms: $0) }
    }

    /// How much there was of what.
    var summary: (events: UInt64, accounts: Int, octets: Int, octetsMax: Int) {
        let octets = members.compactMap { $0.dossier.account?.encoded().count }
        return (events, octets.count, octets.reduce(0, +), octets.max() ?? 0)
    }

    /// Takes one event; returns what was decided by it.
    mutating func take(_ event: TraceEvent) throws -> [Decision] {
        guard let place = places[event.account] else {
            strangers += 1
            return []
        }
        events += 1
        if let restarts, restarts.isDue(after: events) { try restart(restarts) }
        changed.insert(place)
        if let rule = options.rule { return apply(rule, event, place) }
        let now = Self.epoch + event.time
        // Taken out, so that it is changed in place.
        var dossier = Dossier()
        swap(&dossier, &members[place].dossier)
        defer { swap(&dossier, &members[place].dossier) }
        let terms = members[place].terms
        guard event.kind == .message else {
            _ = dossier.observe(.failedLogin, terms: terms, surroundings: &surroundings, at: now)
            return []
        }
        if case .suspended(let since)? = dossier.account?.standing {
            guard now.since(since) >= options.releaseAfter else { return [] }
            _ = dossier.observe(.release, terms: terms, surroundings: &surroundings, at: now)
        }
        return judge(event, &dossier, terms, now)
    }

    /// Decides of a message, and of what became of it.
    private mutating func judge(
        _ event: TraceEvent, _ dossier: inout Dossier, _ terms: Terms, _ now: Instant
    ) -> [Decision] {
        let facts = facts(of: event)
        let before = dossier.observe(.message(facts), terms: terms, surroundings: &surroundings, at: now)
        let decisions = Decision.all(event, before)
        guard !before.isSuspended, options.hasReplies else { return decisions }
        let outcome = Outcome(recipients: event.replies, isTaken: event.isTaken)
        let after = dossier.observe(
            .outcome(outcome, of: facts, after: before.findings), terms: terms, surroundings: &surroundings, at: now)
        return decisions + Decision.all(event, after)
    }

    /// As when the gateway ends, and starts from what it stored: nothing else is left of anybody.
    private mutating func restart(_ restarts: ReplayRestarts) throws {
        let dossiers = places.filter { changed.contains($0.value) }.mapValues { members[$0].dossier }
        try restarts.save(dossiers, surroundings)
        for place in members.indices { members[place].dossier = Dossier() }
        let found = try restarts.load()
        surroundings = found.surroundings
        for (name, dossier) in found.dossiers {
            if let place = places[name] { members[place].dossier = dossier }
        }
        changed = []
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
        let hash = options.hash
        let hasText = event.hasText || !options.hasReplies
        return MessageFacts(
            id: event.number, account: hash(event.account), recipients: event.recipients, network: hash(event.network),
            country: options.hasCountries ? hash(event.country) : nil, name: hash(event.name),
            sender: event.sender, content: hasText ? event.content : nil,
            scannerScore: hasText && options.hasContent ? event.scannerScore : nil)
    }
}

extension DetectorReplay.Decision {
    /// Of its machine, then of the account.
    fileprivate static func all(_ event: TraceEvent, _ judgements: Judgements) -> [Self] {
        var decisions: [Self] = []
        if let verdict = judgements.machine?.verdict { decisions.append(Self(event, verdict, machine: event.name)) }
        if let verdict = judgements.account?.verdict { decisions.append(Self(event, verdict, machine: nil)) }
        return decisions
    }

    private init(_ event: TraceEvent, _ verdict: Verdict, machine: String?) {
        self.init(
            number: event.number, time: event.time, account: event.account,
            isSuspension: verdict.after.isSuspended, isBefore: verdict.isBefore && event.hasText, verdict: verdict,
            machine: machine)
    }
}
