import WeirBase
import WeirGateway
import WeirRuntime
import WeirStore

/// Compares what the detector has decided, what the accounts file has of it, and what everybody was told, when everything is quiet.
struct DetectorAudit {
    private let world: World
    private let life: Life
    private let evidence: Evidence

    init(_ world: World, _ life: Life) {
        self.world = world
        self.life = life
        evidence = world.evidence
    }

    func check() async throws {
        var moves: [AuditRow] = []
        for index in world.scenario.accounts.indices {
            let key = world.key(of: index)
            let (stored, known) = try await life.standing(of: key)
            if let stored, stored != known {
                evidence.violate("P9", "account \(index) is stored as \(stored), and known as \(known)")
            }
            let (rows, verdicts) = try await life.gateway.accounts.withStore { store throws(StoreError) in
                (try store.audit(of: key).filter { $0.action == "account.state" }, try store.verdicts(of: key))
            }
            moves += rows
            if index > 0, rows.contains(where: { $0.new == "suspended" }) || evidence.suspended[index] != nil {
                evidence.violate("P9", "account \(index) is honest, and was suspended: \(verdicts.map(\.sentences))")
            }
            for row in rows where row.new == "suspended" || row.new == "flagged" {
                if verdicts.contains(where: { $0.auditSequence + 1 == row.sequence && $0.new.rawValue == row.new }) {
                    continue
                }
                evidence.violate("P9", "account \(index) became \(row.new ?? "") without a record of why")
            }
        }
        checkTold(moves)
        world.suspensions = moves.count { $0.new == "suspended" }
        world.repairs = moves.count { $0.reason?.hasPrefix("decided earlier") == true }
    }

    /// P10: of each flag and each suspension everybody is told, under one id, however often.
    private func checkTold(_ moves: [AuditRow]) {
        let events = moves.filter { $0.new == "suspended" || $0.new == "flagged" }
        let withLogin = events.filter { $0.target.contains("@") }
        let expected = [("desk", events.count), ("webhook", events.count), ("subscriber", withLogin.count)]
        for (channel, count) in expected where evidence.told[channel, default: []].count != count {
            evidence.violate(
                "P10",
                "\(evidence.told[channel, default: []].count) events were told to \(channel), there were \(count)")
        }
    }
}
