import WeirAdmin
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// Where a replay stops and starts again: a store in a temporary folder, closed in between, and gone with this.
final class ReplayRestarts {
    private let every: Int
    private let folder: TemporaryFolder
    private var random = SeededRandom(seed: 1)
    private var next: UInt64 = 0
    /// Accounts that are in the store.
    private var stored: Set<String> = []

    private static let everyMax: UInt64 = 1 << 40

    /// Stops after `every` events on average, at places that are the same in every run.
    init(every: UInt64) throws(AdminError) {
        self.every = Int(min(every, Self.everyMax))
        folder = try TemporaryFolder(for: "replay")
        drawNext()
    }

    deinit { folder.remove() }

    private func drawNext() { next += 1 + UInt64(random.below(2 * every - 1)) }

    /// Whether the next stop is after so many events; true once for each.
    func isDue(after events: UInt64) -> Bool {
        guard events >= next else { return false }
        drawNext()
        return true
    }

    private func open() throws(StoreError) -> LedgerStore {
        try LedgerStore(in: StoreDirectory("\(folder.path)/store"))
    }

    /// Saves what has changed, as the gateway does when it ends.
    func save(_ changed: [String: Dossier], _ surroundings: Surroundings) throws(StoreError) {
        let store = try open()
        defer { store.close() }
        var snapshot = EvidenceSnapshot(evidence: [], surroundings: surroundings.encoded(), observed: 0)
        for (name, dossier) in changed {
            let subject = try store.subject(.account, name)
            let machines = Set(dossier.machines.names).union(try store.machines(of: subject).map(\.name))
            snapshot.add(dossier, of: subject, machines.sorted())
            stored.insert(name)
        }
        // The names of accounts that are new go with rows alone.
        try store.append([])
        try store.save(snapshot)
    }

    /// Reads everything, as the gateway does when it starts and when accounts turn up.
    func load() throws -> (dossiers: [String: Dossier], surroundings: Surroundings) {
        let store = try open()
        defer { store.close() }
        var dossiers: [String: Dossier] = [:]
        for name in stored {
            let subject = try store.subject(.account, name)
            let account = try store.evidence(of: subject).map { try AccountEvidence(decoding: $0) }
            let machines = try store.machines(of: subject).map { row in
                Machines.Machine(name: row.name, turn: row.turn, evidence: try AccountEvidence(decoding: row.octets))
            }
            dossiers[name] = Dossier(account: account, machines: Machines(machines))
        }
        let octets = try store.savedSurroundings().octets
        return (dossiers, try octets.map { try Surroundings(decoding: $0) } ?? Surroundings())
    }
}
