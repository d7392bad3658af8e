import Foundation
import Testing
import WeirBase
import WeirQuota
import WeirRuntime
import WeirStore

/// Appends, folds and cuts the power, again and again; what comes back is all that was acknowledged, and of what was
/// in flight all or nothing.
private struct PowerCutRun {
    var generator: Generator
    var store: SimulatedStore
    var now = noon
    var acknowledged: [Cell: Amount] = [:]
    var inFlight: [JournalRow] = []
    var names: [UInt32: String] = [:]

    init(seed: UInt64) {
        generator = Generator(state: seed)
        store = SimulatedStore(SimulatedDisk(seed: seed))
    }

    mutating func run() throws {
        for _ in 0..<3 {
            store.disk.faults.powerCut = Int.random(in: 1...250, using: &generator)
            do { try live() } catch let error as StoreError { try #require(store.disk.isPowerLost, "\(error)") }
            store = store.crashed(seed: generator.next())
            try check()
        }
    }

    /// Lives until the power is gone.
    private mutating func live() throws {
        let ledger = try LedgerStore(in: store.directory)
        while true {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0..<4: try append(to: ledger)
            case 4: now.nanoseconds += UInt64.random(in: 0...(10 * .minute), using: &generator)
            case 5 where Int.random(in: 0..<8, using: &generator) == 0: now.nanoseconds += 2 * .day
            default: _ = try ledger.maintain(now: now, budget: Int.random(in: 1...4, using: &generator))
            }
        }
    }

    private mutating func append(to ledger: LedgerStore) throws {
        var named = names
        inFlight = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let name = "user\(Int.random(in: 0..<9, using: &generator))"
            let account = try ledger.subject(.account, name)
            let customer = Bool.random(using: &generator) ? try ledger.subject(.customer, "company") : nil
            named[account.number] = name
            let late = UInt64.random(in: 0...(40 * .minute), using: &generator)
            inFlight.append(
                row(
                    account, at: Instant(nanoseconds: now.nanoseconds - late), customer: customer,
                    recipients: Int64.random(in: -3...9, using: &generator)))
        }
        try ledger.append(inFlight)
        acknowledged = adding(inFlight)
        names = named
        inFlight = []
    }

    private func adding(_ rows: [JournalRow]) -> [Cell: Amount] {
        var counts = acknowledged
        for row in rows {
            for subject in [.gateway, row.account] + (row.customer.map { [$0] } ?? []) {
                counts[Cell(slot: row.slot.number / 12, subject: subject.number), default: .zero] += row.amount
            }
        }
        return counts.filter { $0.value != .zero }
    }

    private mutating func check() throws {
        let ledger = try LedgerStore(in: store.directory)
        let found = try ledger.counts(by: 12)
        if found != acknowledged {
            let isWhole = found == adding(inFlight)
            #expect(isWhole, "neither all nor nothing of what was in flight")
            acknowledged = found
        }
        inFlight = []
        for cell in found.keys.sorted() where cell.subject != 0 {
            let name = try #require(try ledger.name(of: SubjectID(number: cell.subject)))
            if let known = names[cell.subject] { #expect(known == name) }
            names[cell.subject] = name
        }
        // A subject that was not durable may have gone: its number is given again.
        names = names.filter { entry in found.keys.contains { $0.subject == entry.key } }
        try ledger.drain(now: now, budget: 3)
        let isSame = try ledger.counts(by: 12) == acknowledged
        #expect(isSame, "maintenance changed a count")
    }
}

/// `WEIR_SEEDS=10000` for a long run.
private let seeds = UInt64(ProcessInfo.processInfo.environment["WEIR_SEEDS"] ?? "") ?? 60

@Test("keeps every acknowledged row through power cuts, and counts none twice")
func powerCuts() throws {
    for seed in 1...seeds {
        var run = PowerCutRun(seed: seed)
        do { try run.run() } catch { Issue.record("seed \(seed): \(error)") }
    }
}
