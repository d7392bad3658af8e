import WeirBase

/// The machines behind the address of an account by network, each told by its EHLO name and judged against its own past.
///
/// Where fewer than ``machinesMin`` names are familiar, as behind one mail server, a name tells no machine and nothing is judged.
package struct Machines: Equatable, Sendable {
    /// As many as names are known of an account; the one that was used longest ago is forgotten first.
    package static let max = Acquaintances.namesByNetworkMax
    static let machinesMin = 3

    package struct Machine: Equatable, Sendable {
        /// Hash of its EHLO name.
        package let name: UInt64
        /// The higher, the later it sent.
        package fileprivate(set) var turn: UInt64
        package fileprivate(set) var evidence: AccountEvidence

        package init(name: UInt64, turn: UInt64, evidence: AccountEvidence) {
            (self.name, self.turn, self.evidence) = (name, turn, evidence)
        }
    }

    /// By name, ascending.
    private var machines: [Machine] = []
    private var lastTurn: UInt64 = 0

    package init() {}

    /// As they were stored; of too many, those that sent last.
    package init(_ stored: [Machine]) {
        let latest = stored.sorted { $0.turn < $1.turn }.suffix(Self.max)
        machines = latest.sorted { $0.name < $1.name }
        lastTurn = latest.last?.turn ?? 0
    }

    package subscript(name: UInt64) -> Machine? { place(of: name).map { machines[$0] } }

    /// Ascending.
    package var names: [UInt64] { machines.map(\.name) }

    package var count: Int { machines.count }

    /// Whether a machine may send nothing now.
    func isStopped(_ name: UInt64, terms: Terms) -> Bool {
        place(of: name).map { machines[$0].evidence.isStopped(terms) } ?? false
    }

    /// Decides of a message of one machine before it is released; of none, where too few names are familiar.
    mutating func judge(
        _ message: MessageFacts, behind account: AccountEvidence, terms: Terms, surroundings: inout Surroundings,
        at now: Instant
    ) -> Judgements {
        var judgements = Judgements()
        guard account.names.familiarCount(at: now) >= Self.machinesMin else { return judgements }
        let place: Int
        (place, judgements.forgotten) = meet(message.name, now)
        // What its own account has met is not what all others meet.
        machines[place].evidence.ballot = account.ballot
        judgements.machine = machines[place].evidence.judge(
            message, terms: terms.ofOneMachine, surroundings: &surroundings, at: now)
        return judgements
    }

    /// Decides anew from what became of a message; nil: its machine is forgotten.
    mutating func learn(
        _ outcome: Outcome, of message: MessageFacts, after found: Findings.OfMessage,
        behind account: AccountEvidence, terms: Terms, surroundings: inout Surroundings, at now: Instant
    ) -> Judgement? {
        guard let place = place(of: message.name) else { return nil }
        machines[place].evidence.ballot = account.ballot
        return machines[place].evidence.learn(
            outcome, of: message, after: found, terms: terms.ofOneMachine, surroundings: &surroundings, at: now)
    }

    /// Ends the suspension or flag of every machine; returns since when the first of them had one.
    mutating func release(terms: Terms, at now: Instant) -> Instant? {
        machines.indices.compactMap { machines[$0].evidence.release(terms: terms.ofOneMachine, at: now) }.min()
    }

    private func place(of name: UInt64) -> Int? {
        let place = firstPlace(from: name)
        return place < machines.count && machines[place].name == name ? place : nil
    }

    /// Of the first machine whose name is not below this one.
    private func firstPlace(from name: UInt64) -> Int {
        var (low, high) = (0, machines.count)
        while low < high {
            let middle = (low + high) / 2
            if machines[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Gives a machine its turn, and returns its place, and the name of one that is forgotten for it. One that is stopped is not while
    /// another can be.
    private mutating func meet(_ name: UInt64, _ now: Instant) -> (place: Int, forgotten: UInt64?) {
        lastTurn += 1
        if let place = place(of: name) {
            machines[place].turn = lastTurn
            return (place, nil)
        }
        var forgotten: UInt64?
        if machines.count >= Self.max {
            let others = machines.indices.filter { !machines[$0].evidence.standing.isSuspended }
            let candidates = others.isEmpty ? Array(machines.indices) : others
            if let oldest = candidates.min(by: { machines[$0].turn < machines[$1].turn }) {
                forgotten = machines.remove(at: oldest).name
            }
        }
        let place = firstPlace(from: name)
        machines.insert(Machine(name: name, turn: lastTurn, evidence: AccountEvidence(at: now)), at: place)
        return (place, forgotten)
    }
}
