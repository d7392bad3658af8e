package import WeirQuota
package import WeirReputation

/// The evidence in memory: of accounts that were used lately, in two generations, of which the older one goes when the younger is full.
package struct EvidenceCache: Sendable {
    /// Nil: it is known that nothing is known.
    private var younger: [SubjectID: AccountEvidence?] = [:]
    private var older: [SubjectID: AccountEvidence?] = [:]

    /// Accounts of one generation; each takes up to 8 KiB.
    package static let generationMax = 20_000

    package init() {}

    package var count: Int { younger.count + older.count }

    /// Whether it has what is known of the account, and be it nothing.
    package func knows(_ subject: SubjectID) -> Bool { younger[subject] != nil || older[subject] != nil }

    package subscript(_ subject: SubjectID) -> AccountEvidence? { younger[subject] ?? older[subject] ?? nil }

    package mutating func take(_ subject: SubjectID) -> AccountEvidence? {
        younger.removeValue(forKey: subject) ?? older.removeValue(forKey: subject) ?? nil
    }

    /// Keeps it; what is `unsaved` never goes.
    package mutating func keep(
        _ evidence: AccountEvidence?, of subject: SubjectID, _ unsaved: [SubjectID: UInt64]
    ) {
        if younger.count >= EvidenceCache.generationMax {
            let kept = older.filter { unsaved[$0.key] != nil }
            older = younger
            younger = kept
        }
        younger.updateValue(evidence, forKey: subject)
    }
}
