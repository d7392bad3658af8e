package import WeirBase

/// The second detector of an account by network: the machines behind its address, each told by its EHLO name and
/// judged against its own past.
///
/// A verdict here stops that machine alone. What comes from a machine under suspicion is its own affair, and is not
/// told to the account's own evidence, so that the others pass; the rest is judged there too. Where fewer than ``machinesMin`` names
/// are familiar, as behind one mail server, a name tells no machine and nothing is judged.
package struct Machines: Equatable, Sendable {
    /// As many as names are known of an account; the one that was used longest ago is forgotten first.
    package static let max = Acquaintances.namesByNetworkMax
    static let machinesMin = 3

    package struct Machine: Equatable, Sendable {
        /// Hash of its EHLO name.
        package let name: UInt64
        package fileprivate(set) var evidence: AccountEvidence
    }

    /// The one used last is the last one.
    package private(set) var machines: [Machine] = []

    package init() {}

    /// Whether a machine may send nothing now.
    package func isStopped(_ name: UInt64, terms: Terms) -> Bool {
        machines.contains { $0.name == name && $0.evidence.isStopped(terms) }
    }

    /// Decides of a message of one machine before it is released; nil: nothing is judged.
    ///
    /// Call it before the account's own `judge`, with the account's evidence and terms; where what it returns
    /// ``Judgement/isSuspicious``, the account is not told of the message.
    package mutating func judge(
        _ message: MessageFacts, behind account: AccountEvidence, terms: Terms, surroundings: inout Surroundings,
        at now: Instant
    ) -> Judgement? {
        guard account.names.familiarCount(at: now) >= Self.machinesMin else { return nil }
        meet(message.name, terms, now)
        return machines[machines.count - 1].evidence.judge(
            message, terms: terms.ofOneMachine, surroundings: &surroundings, at: now)
    }

    /// Decides anew from what became of a message for which ``judge(_:behind:terms:surroundings:at:)`` returned `judgement`.
    package mutating func learn(
        _ outcome: Outcome, of message: MessageFacts, after judgement: Judgement, terms: Terms,
        surroundings: inout Surroundings, at now: Instant
    ) -> Judgement? {
        guard let place = machines.firstIndex(where: { $0.name == message.name }) else { return nil }
        return machines[place].evidence.learn(
            outcome, of: message, after: judgement, terms: terms.ofOneMachine, surroundings: &surroundings, at: now)
    }

    /// Ends the suspension or flag of every machine.
    package mutating func release(terms: Terms, at now: Instant) {
        for place in machines.indices { machines[place].evidence.release(terms: terms.ofOneMachine, at: now) }
    }

    /// Puts a machine last. One that is stopped is not forgotten while another can be.
    private mutating func meet(_ name: UInt64, _ terms: Terms, _ now: Instant) {
        if let place = machines.firstIndex(where: { $0.name == name }) {
            machines.append(machines.remove(at: place))
            return
        }
        if machines.count >= Self.max {
            machines.remove(at: machines.firstIndex { !$0.evidence.standing.isSuspended } ?? 0)
        }
        machines.append(Machine(name: name, evidence: AccountEvidence(at: now)))
    }
}
