import WeirBase
import WeirGateway
import WeirRuntime
import WeirStore

extension Audit {
    /// Compares what the detector has decided, what the accounts file has of it, and what everybody was told.
    func checkDetector() async throws {
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

    /// P10: of each flag and each suspension desk, webhook and the account's own address are told, and nobody else, under one id,
    /// however often.
    private func checkTold(_ moves: [AuditRow]) {
        let events = moves.filter { $0.new == "suspended" || $0.new == "flagged" }
        var expected = [Theft.desk: events.count, "webhook": events.count]
        for event in events where event.target.contains("@") { expected[event.target, default: 0] += 1 }
        let told = evidence.told
        for reader in Set(expected.keys).union(told.keys).sorted() {
            let (count, due) = (told[reader]?.count ?? 0, expected[reader] ?? 0)
            if count != due { evidence.violate("P10", "\(count) events were told to \(reader), there were \(due)") }
        }
        let ids = told[Theft.desk] ?? []
        if told.values.contains(where: { !$0.isSubset(of: ids) }) {
            evidence.violate("P10", "what was told has other ids elsewhere than at the desk")
        }
    }
}
