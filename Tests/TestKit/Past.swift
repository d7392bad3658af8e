package import WeirBase
package import WeirReputation

/// Evidence of what was sent before a test begins.
extension AccountEvidence {
    /// Judges a message at its time, and learns that a relay took it.
    package mutating func live(
        through facts: MessageFacts, _ terms: Terms, _ surroundings: inout Surroundings, at now: Instant
    ) {
        let judgement = judge(facts, terms: terms, surroundings: &surroundings, at: now)
        let found = judgement.findings.ofMessage
        _ = learn(.taken, of: facts, after: found, terms: terms, surroundings: &surroundings, at: now)
    }
}

extension Dossier {
    /// Observes a message at its time, and what became of it.
    package mutating func live(
        through facts: MessageFacts, _ outcome: Outcome, _ terms: Terms, _ surroundings: inout Surroundings,
        at now: Instant
    ) {
        let before = observe(.message(facts), terms: terms, surroundings: &surroundings, at: now)
        let what = Observation.outcome(outcome, of: facts, after: before.findings)
        _ = observe(what, terms: terms, surroundings: &surroundings, at: now)
    }
}

extension Outcome {
    /// Of a message to one person, who has it.
    package static let taken = Outcome(recipients: [.accepted], isTaken: true)
}
