package import WeirBase

/// What is decided of a message, and why.
package struct Judgement: Equatable, Sendable {
    package let score: Score
    package let findings: Findings
    /// As after the decision.
    package fileprivate(set) var standing: Standing
    fileprivate var change: Change?

    /// Of the account's standing, by this decision.
    fileprivate struct Change: Equatable {
        let time: Instant
        let before: Standing
        let thresholds: Thresholds
        let messages: [UInt64]
        let isBefore: Bool
        let heldBack: ClimateAlarm?
    }

    /// Where the account's standing changed by it.
    package var verdict: Verdict? {
        change.map {
            Verdict(
                time: $0.time, before: $0.before, after: standing, score: score, findings: findings,
                thresholds: $0.thresholds, messages: $0.messages, isBefore: $0.isBefore, heldBack: $0.heldBack)
        }
    }

    /// Whether it gives any reason for suspicion.
    package var isSuspicious: Bool { score.total >= Standing.calmScore }
}

extension AccountEvidence {
    /// Decides of a message before it is released, and keeps what it says of the account.
    ///
    /// Call it once a message, all recipients known, at the end of data.
    package mutating func judge(
        _ message: MessageFacts, terms: Terms, surroundings: inout Surroundings, at now: Instant
    ) -> Judgement {
        begin(terms, &surroundings, now)
        var found = Findings.OfMessage()
        meetOrigin(message, terms, now, &found)
        compareForm(message, terms, &found)
        if today.messages == 0, !terms.isOneMachine { surroundings.climate.noteActive() }
        let people = countPeople(message)
        found.reach = reach(message, people)
        weighContent(message, people, isNew: terms.isNew(at: now), &surroundings, now, &found)
        let isToKnown = !message.recipients.isEmpty && message.recipients.allSatisfy { known.contains($0) }
        if isToKnown { surroundings.neighbourhood.know(message.content?.linkDomains ?? []) }
        found.neighbours = surroundings.neighbourhood.count(
            message, isStrangeNetwork: found.isStrangeNetwork, reach: found.reach, at: now)
        if found.isStrangeNetwork, people.new > 0, found.reach >= 0.5 {
            found.sameTextAccounts = surroundings.neighbourhood.sight(message, at: now)
        }
        return conclude(message.id, message, found, terms, &surroundings, isBefore: true, now)
    }

    /// Decides anew from what became of a message.
    ///
    /// Call it for each message that was released, with what ``judge(_:terms:surroundings:at:)`` found of it.
    package mutating func learn(
        _ outcome: Outcome, of message: MessageFacts, after found: Findings.OfMessage, terms: Terms,
        surroundings: inout Surroundings, at now: Instant
    ) -> Judgement {
        begin(terms, &surroundings, now)
        weighDelivery(outcome, message, found, terms, &surroundings)
        return conclude(message.id, message, found, terms, &surroundings, isBefore: false, now)
    }

    /// A login failed. It decides nothing by itself.
    package mutating func loginFailed(terms: Terms, at now: Instant) {
        advance(to: now, terms: terms)
        failedLogins = min(failedLogins + 1, 1e6)
        today.failedLogins.count(1)
    }

    /// A limit of its plan refused a message or a recipient. It decides nothing by itself.
    package mutating func capReached(terms: Terms, at now: Instant) {
        advance(to: now, terms: terms)
        capsReached = min(capsReached + 1, 1e6)
        today.capsReached.count(1)
    }

    /// Somebody complained of a message of this account.
    package mutating func complain(
        of id: UInt64, terms: Terms, surroundings: inout Surroundings, at now: Instant
    ) -> Judgement {
        begin(terms, &surroundings, now)
        complaints = min(complaints + 1, 1e6)
        return conclude(id, nil, Findings.OfMessage(), terms, &surroundings, isBefore: false, now)
    }

    // MARK: - Gathering

    private mutating func begin(_ terms: Terms, _ surroundings: inout Surroundings, _ now: Instant) {
        advance(to: now, terms: terms)
        surroundings.climate.advance(to: now)
    }

    private var isCalm: Bool { !standing.isFlagged && content + delivery + refusals < Standing.calmScore }

    private mutating func meetOrigin(
        _ message: MessageFacts, _ terms: Terms, _ now: Instant, _ found: inout Findings.OfMessage
    ) {
        let namesMax = terms.isByNetwork ? Acquaintances.namesByNetworkMax : Acquaintances.namesMax
        // Before there is anything to compare with, nothing is strange.
        let isFirst = names.entries.isEmpty
        let name = names.meet(message.name, at: now, isCalm: isCalm, max: namesMax)
        if name == .newcomer, !isFirst {
            strangeNamesLately += 1
            today.strangeNames.count(1)
        }
        guard !terms.isByNetwork else { return }
        let network = networks.meet(message.network, at: now, isCalm: isCalm, max: Acquaintances.networksMax)
        found.isStrangeNetwork = network != .familiar
        if found.isStrangeNetwork { today.isStrange = true }
        if networks.hasFamiliar(at: now) { today.hadFamiliarNetwork = true }
        if network == .newcomer, !isFirst {
            strangeNetworksLately += 1
            today.strangeNetworks.count(1)
        }
        if let country = message.country,
            countries.meet(country, at: now, isCalm: isCalm, max: Acquaintances.countriesMax) == .newcomer, !isFirst
        {
            strangeCountriesLately += 1
        }
    }

    /// How usual the message's form is for the account; what it says, it says only of what may not be the owner's.
    private mutating func compareForm(_ message: MessageFacts, _ terms: Terms, _ found: inout Findings.OfMessage) {
        guard let content = message.content else { return }
        let isOther = content.headerFrom != nil && message.sender != nil && content.headerFrom != message.sender
        if found.isStrangeNetwork || terms.isOneMachine {
            let (letters, other, formatted) = (habit.letters, habit.otherSenders, habit.formatted)
            found.senderShare = ((isOther ? other : letters - other) + 1) / (letters + 2)
            found.formatShare = ((content.isHTML ? formatted : letters - formatted) + 1) / (letters + 2)
        }
        today.letters.count(1)
        if isOther { today.otherSenders.count(1) }
        if content.isHTML { today.formatted.count(1) }
    }

    /// Returns how many of the recipients were not written to today.
    private mutating func countPeople(_ message: MessageFacts) -> (fresh: Int, new: Int) {
        var (fresh, new) = (0, 0)
        for person in message.recipients where !seenToday.contains(person) {
            if seenToday.isFull { seenToday = PeopleFilter() }
            seenToday.insert(person)
            fresh += 1
            if !known.contains(person) { new += 1 }
        }
        newByHour.add(new)
        newByFiveMinutes.add(new)
        today.messages.count(1)
        today.recipients.count(message.recipients.count)
        today.people.count(fresh)
        today.newPeople.count(new)
        today.newInADay = max(today.newInADay, UInt32(clamping: newByHour.total))
        today.newInAnHour = max(today.newInAnHour, UInt32(clamping: newByFiveMinutes.total))
        peopleLately = min(peopleLately + Double(fresh), 1e9)
        recipientsLately = min(recipientsLately + Double(message.recipients.count), 1e9)
        return (fresh, new)
    }

    /// To how many different people messages like this one go, for each one that gets them: 0 to 1.
    ///
    /// What reaches one person again and again is no campaign: forwarders pass on what others wrote.
    private func reach(_ message: MessageFacts, _ people: (fresh: Int, new: Int)) -> Double {
        let count = Double(max(1, message.recipients.count))
        return max(Double(people.new), Double(people.fresh) * peopleLately / max(1, recipientsLately)) / count
    }

    private mutating func weighContent(
        _ message: MessageFacts, _ people: (fresh: Int, new: Int), isNew: Bool,
        _ surroundings: inout Surroundings, _ now: Instant, _ found: inout Findings.OfMessage
    ) {
        var text = TextTable.Entry(fingerprint: 0, lastMinute: 0, copies: 1)
        if let fingerprint = message.content?.fingerprint {
            text = texts.add(fingerprint, people: people.fresh, at: now)
            found.textCopies = Double(text.copies)
            found.textPeople = Double(text.people)
            today.fanOut = max(today.fanOut, text.people)
        }
        guard let score = message.scannerScore, !message.recipients.isEmpty else { return }
        found.scannerScore = score
        let isCondemned = score >= Self.condemned
        // What a stranger writes is no habit of the owner.
        let mayBeOwner = !found.isStrangeNetwork || !today.hadFamiliarNetwork && !isNew
        if text.copies == 1, mayBeOwner {
            today.texts.count(1)
            if isCondemned { today.condemnedTexts.count(1) }
        }
        let others = surroundings.climate.others(than: ballot).condemned
        let usual = max((habit.condemnedTexts + 0.02 * 20) / (habit.texts + 20), others)
        let most = clamp(Logarithm.ln(0.85 / usual), 0, 3)
        // However many copies of it one network sends, a text says once what they score on the average.
        let mean = Double(text.score) + (clamp(score, -100, 100) - Double(text.score)) / Double(text.copies)
        var weight = clamp(0.3 * (mean - Self.innocent), -0.2, most)
        if weight > 0, found.isStrangeNetwork, today.hadFamiliarNetwork {
            weight *= witnesses(copies: text.copies, now)
        }
        let credit =
            min(max(Double(text.credit), found.reach * weight), max(weight, 0))
            + min(found.reach * weight, 0)
        content = clamp(content + credit - Double(text.credit), -0.5, 6)
        if message.content != nil { texts.setLast(score: Float(mean), credit: Float(credit)) }
    }

    /// How many witnesses a text is whose copies come from several networks, new within the hour: 1 to 3.
    ///
    /// Two are anybody's who leaves the house with a telephone; so what counts is how many pairs they make.
    private func witnesses(copies: UInt32, _ now: Instant) -> Double {
        let others = Double(networks.newcomers(at: now)) - habit.strangeNetworks
        let networks = max(0, min(others, Double(copies)))
        return clamp(networks * (networks - 1) / 2, 1, 3)
    }

    /// The share of new people who do not exist that is usual for this account.
    private var usualUnknown: Double { max(0.03, (habit.unknownPeople + 0.9) / (habit.newPeople + 30)) }

    private mutating func weighDelivery(
        _ outcome: Outcome, _ message: MessageFacts, _ found: Findings.OfMessage, _ terms: Terms,
        _ surroundings: inout Surroundings
    ) {
        let others = surroundings.climate.others(than: ballot)
        let usualUnknown = max(usualUnknown, others.unknown)
        let usualDeferred = max(0.03, max((habit.deferred + 0.9) / (habit.recipients + 30), others.deferred))
        let usualRefused = max(0.01, max((habit.refusedMessages + 0.3) / (habit.messages + 30), others.refused))
        let unknown = Evidence(abuse: 0.2, usual: usualUnknown)
        let deferral = Evidence(abuse: 0.08, usual: usualDeferred)
        let refusal = Evidence(abuse: 0.1, usual: usualRefused)
        var sum = 0.0
        var shares = Climate.Shares()
        shares.condemned = (found.scannerScore ?? 0) >= Self.condemned ? found.reach : 0
        for (person, reply) in zip(message.recipients, outcome.recipients) {
            let isKnown = known.contains(person)
            sum += (isKnown ? 0.3 : 1) * (unknown[reply == .unknown] + deferral[reply == .deferred])
            switch reply {
            // Whoever could make people known by naming them alone would name them first.
            case .accepted where outcome.isTaken == true:
                if !standing.isFlagged { known.insert(person) }
                delivered = min(delivered + 1, 1e9)
            case .accepted: break
            case .unknown:
                shares.unknown += 1
                if !isKnown { today.unknownPeople.count(1) }
            case .deferred:
                shares.deferred += 1
                today.deferred.count(1)
            case .refused: shares.refused += 1
            }
        }
        if let isTaken = outcome.isTaken {
            refusals = clamp(refusals + found.reach * refusal[!isTaken], -0.5, 6)
            if !isTaken { today.refusedMessages.count(1) }
        }
        let count = Double(max(1, outcome.recipients.count))
        shares.unknown /= count
        shares.deferred /= count
        shares.refused = outcome.isTaken == false ? 1 : shares.refused / count
        if !terms.isOneMachine { surroundings.climate.vote(shares, ballot: &ballot) }
        delivery = clamp(delivery + clamp(sum, -4, 4), -0.5, 6)
    }

    // MARK: - Concluding

    private mutating func conclude(
        _ id: UInt64, _ message: MessageFacts?, _ found: Findings.OfMessage, _ terms: Terms,
        _ surroundings: inout Surroundings, isBefore: Bool, _ now: Instant
    ) -> Judgement {
        let findings = findings(found, terms, now)
        let score = Score(findings)
        today.note(score)
        if content + delivery + refusals >= Standing.calmScore || score.total >= terms.thresholds.flag {
            unrest = max(unrest, now)
        }
        if score.total >= Standing.calmScore { suspects.add(id) }
        let believed = surroundings.climate.believed(findings)
        if let message, !terms.isOneMachine, Score(believed).flags(terms.thresholds, believed) {
            surroundings.neighbourhood.mark(message, isStrangeNetwork: found.isStrangeNetwork, at: now)
        }
        var judgement = Judgement(score: score, findings: findings, standing: standing)
        guard let next = next(score, findings, terms, surroundings, now) else { return judgement }
        judgement.change = Judgement.Change(
            time: now, before: standing, thresholds: terms.thresholds, messages: suspects.ids, isBefore: isBefore,
            heldBack: score.suspends(terms.thresholds, findings) && !next.isSuspended && terms.mode != .flag
                ? surroundings.climate.holdsBack(findings, terms.thresholds) : nil)
        // Only what a relay or a scanner says can have come from its breaking.
        if !standing.isFlagged, !terms.isOneMachine, score.content + score.delivery > score.total / 2 {
            surroundings.climate.noteFlagged()
        }
        move(to: next, in: terms.mode)
        judgement.standing = next
        return judgement
    }

    /// All that a decision is made from.
    func findings(_ found: Findings.OfMessage, _ terms: Terms, _ now: Instant) -> Findings {
        var findings = Findings(found)
        findings.planNewPeople = terms.newPeopleADay
        findings.planPrior = terms.prior
        findings.content = content
        findings.delivery = delivery
        findings.refusals = refusals
        findings.newInADay = Double(newByHour.total)
        findings.ownInADay = habit.newInADay
        findings.newInAnHour = Double(newByFiveMinutes.total)
        findings.ownInAnHour = habit.newInAnHour
        findings.ownTextPeople = habit.fanOut
        findings.strangeNetworks = strangeNetworksLately
        findings.ownStrangeNetworks = habit.strangeNetworks
        findings.strangeNetworkShare = (habit.strangeNetworkDays + 1) / (habit.days + 5)
        findings.strangeNames = strangeNamesLately
        findings.ownStrangeNames = habit.strangeNames
        findings.strangeCountries = strangeCountriesLately
        findings.failedLogins = failedLogins
        findings.ownFailedLogins = habit.failedLogins
        findings.capsReached = capsReached
        findings.ownCapsReached = habit.capsReached
        findings.newPeople = Double(today.newPeople) + Double(yesterday.newPeople)
        findings.unknownPeople = Double(today.unknownPeople) + Double(yesterday.unknownPeople)
        findings.usualUnknown = usualUnknown
        findings.deferred = Double(today.deferred) + Double(yesterday.deferred)
        findings.refusedMessages = Double(today.refusedMessages) + Double(yesterday.refusedMessages)
        findings.complaints = complaints
        findings.delivered = delivered
        findings.ageDays = terms.opened.map { Double(now.since($0)) / Double(UInt64.day) }
        return findings
    }

    /// Where the account goes from here; nil: it stays.
    private func next(
        _ score: Score, _ findings: Findings, _ terms: Terms, _ surroundings: Surroundings, _ now: Instant
    ) -> Standing? {
        if standing.isSuspended { return nil }
        if score.suspends(terms.thresholds, findings), terms.mode == .suspend || terms.mode == .shadow,
            surroundings.climate.holdsBack(findings, terms.thresholds) == nil
        {
            return .suspended(since: now)
        }
        guard !standing.isFlagged, score.flags(terms.thresholds, findings) else { return nil }
        return .flagged(since: now)
    }
}

extension Score {
    /// Three messages in some twenty refused for what they are, or two in a row: what an old address book never brings.
    static let foreignRefusals = 4.0

    /// High enough, and said by two families; a new account needs no second.
    func flags(_ thresholds: Thresholds, _ findings: Findings) -> Bool {
        guard total >= thresholds.flag else { return false }
        return speaking(thresholds) >= 2 || findings.isNewAccount
    }

    /// High enough, said by two families, and with a sign that it is not the owner.
    func suspends(_ thresholds: Thresholds, _ findings: Findings) -> Bool {
        total >= thresholds.suspend && isGrave(thresholds, findings)
    }

    /// Whether it would suspend, were it only high enough.
    package func isGrave(_ thresholds: Thresholds, _ findings: Findings) -> Bool {
        guard speaking(thresholds) >= 2 else { return false }
        return findings.isNewAccount || findings.refusals >= Self.foreignRefusals
            || [findings.content, origin, complaints, neighbours].contains { $0 >= thresholds.family }
    }

    private func speaking(_ thresholds: Thresholds) -> Int { Family.allCases.count { self[$0] >= thresholds.family } }
}

extension Findings {
    var isNewAccount: Bool { ageDays.map { $0 < Score.newAccountDays } ?? false }
}

/// The log-likelihood ratio of one trial that fails this often under abuse, and this often as usual.
private struct Evidence {
    private let failed, passed: Double

    init(abuse: Double, usual: Double) {
        // Where failing is usual it says nothing, and neither does passing.
        guard usual < abuse else {
            (failed, passed) = (0, 0)
            return
        }
        failed = Logarithm.ln(abuse / usual)
        passed = Logarithm.ln((1 - abuse) / (1 - usual))
    }

    subscript(_ hasFailed: Bool) -> Double { hasFailed ? failed : passed }
}

extension UInt32 {
    mutating func count(_ more: Int) { self = UInt32(clamping: UInt64(self) + UInt64(Swift.max(0, more))) }
}
