package import WeirQuota
package import WeirReputation

/// The evidence in memory: of accounts that were used lately, in two generations, of which the older one goes when the younger is full.
package struct EvidenceCache: Sendable {
    private var younger: [SubjectID: Dossier] = [:]
    private var older: [SubjectID: Dossier] = [:]
    /// Of accounts and machines, in the younger generation.
    private var youngerCount = 0

    /// Accounts, and machines behind them, of one generation; each takes up to 8 KiB.
    package static let generationMax = 20_000

    package init() {}

    package var count: Int { younger.count + older.count }

    /// Whether it has what is known of the account, and be it nothing.
    package func knows(_ subject: SubjectID) -> Bool { younger[subject] != nil || older[subject] != nil }

    package subscript(_ subject: SubjectID) -> Dossier? { younger[subject] ?? older[subject] }

    package mutating func take(_ subject: SubjectID) -> Dossier? {
        guard let dossier = younger.removeValue(forKey: subject) else { return older.removeValue(forKey: subject) }
        youngerCount -= 1 + dossier.machines.count
        return dossier
    }

    /// Keeps what is not there; what is `unsaved` never goes.
    package mutating func keep<Mark>(_ dossier: Dossier, of subject: SubjectID, _ unsaved: [SubjectID: Mark]) {
        if youngerCount >= EvidenceCache.generationMax {
            let kept = older.filter { unsaved[$0.key] != nil }
            older = younger
            younger = kept
            youngerCount = kept.values.reduce(0) { $0 + 1 + $1.machines.count }
        }
        younger[subject] = dossier
        youngerCount += 1 + dossier.machines.count
    }
}
