/// One thing that the detector is told of an account: evidence is made of nothing else.
package enum Observation: Equatable, Sendable {
    /// A message has come to its end, and is not released yet.
    case message(MessageFacts)
    /// What became of a message, after what was found of it before.
    case outcome(Outcome, of: MessageFacts, after: MessageFindings)
    case failedLogin
    /// A limit of the plan refused something.
    case capReached
    /// Somebody complained of the message with this id.
    case complaint(of: UInt64)
    /// A suspension or a flag is ended.
    case release
}

/// What was found of a message before it was released: of each only ``Findings/ofMessage``.
package struct MessageFindings: Equatable, Sendable {
    /// Nil: the account was not told of it.
    package var account: Findings?
    /// Nil: its machine was not told apart.
    package var machine: Findings?

    package init(account: Findings?, machine: Findings? = nil) {
        self.account = account
        self.machine = machine
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
    init(findings: Findings) { self.init(score: Score(), findings: findings, verdict: nil, standing: .normal) }
}
