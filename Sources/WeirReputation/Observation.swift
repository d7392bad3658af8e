package import WeirBase

/// One thing that the detector is told of an account: evidence is made of nothing else.
package enum Observation: Equatable, Sendable {
    /// A message has come to its end, and is not released yet.
    case message(MessageFacts)
    /// What became of a message, after what was found of it before; of that only ``Findings/ofMessage``.
    case outcome(Outcome, of: MessageFacts, after: Findings)
    case failedLogin
    /// A limit of the plan refused something.
    case capReached
    /// Somebody complained of the message with this id.
    case complaint(of: UInt64)
    /// A suspension or a flag is ended.
    case release
}

extension AccountEvidence {
    /// Takes an observation, and returns what is decided by it, if anything.
    package mutating func observe(
        _ observation: Observation, terms: Terms, surroundings: inout Surroundings, at now: Instant
    ) -> Judgement? {
        switch observation {
        case .message(let facts): return judge(facts, terms: terms, surroundings: &surroundings, at: now)
        case .outcome(let outcome, let facts, let findings):
            let judgement = Judgement(findings: findings)
            return learn(outcome, of: facts, after: judgement, terms: terms, surroundings: &surroundings, at: now)
        case .failedLogin: loginFailed(terms: terms, at: now)
        case .capReached: capReached(terms: terms, at: now)
        case .complaint(let id): return complain(of: id, terms: terms, surroundings: &surroundings, at: now)
        case .release: release(terms: terms, at: now)
        }
        return nil
    }
}

extension Findings {
    /// Found of the message itself before it was released; all others are counted anew with each decision.
    static var numbersOfMessage: [WritableKeyPath<Findings, Double>] {
        [\.textPeople, \.textCopies, \.reach, \.neighbours, \.sameTextAccounts]
    }
    static var optionsOfMessage: [WritableKeyPath<Findings, Double?>] {
        [\.scannerScore, \.senderShare, \.formatShare]
    }

    /// These alone: what ``AccountEvidence/learn(_:of:after:terms:surroundings:at:)`` needs to know of them.
    package var ofMessage: Findings {
        var kept = Findings()
        kept.isStrangeNetwork = isStrangeNetwork
        for keyPath in Self.numbersOfMessage { kept[keyPath: keyPath] = self[keyPath: keyPath] }
        for keyPath in Self.optionsOfMessage { kept[keyPath: keyPath] = self[keyPath: keyPath] }
        return kept
    }
}

extension Judgement {
    /// Of a message that was judged before: what was found of it, and no more.
    package init(findings: Findings) { self.init(score: Score(), findings: findings, verdict: nil, standing: .normal) }
}
