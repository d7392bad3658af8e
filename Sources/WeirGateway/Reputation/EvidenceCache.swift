package import WeirQuota
package import WeirReputation

/// The evidence in memory: of accounts that were used lately, in two generations, of which the older one goes when the younger is full.
package struct EvidenceCache: ~Copyable {
    /// A place of its own, where the dossier is changed: a table has slack for places, and not for dossiers.
    private final class Place {
        var dossier: Dossier
        init(_ dossier: Dossier) { self.dossier = dossier }
    }

    private var younger: [SubjectID: Place] = [:]
    private var older: [SubjectID: Place] = [:]
    /// Of accounts and machines, in the younger generation.
    private var youngerCount = 0

    /// Accounts, and machines behind them, of one generation; each takes up to 8 KiB.
    package static let generationMax = 20_000

    package init() {}

    package var count: Int { younger.count + older.count }

    /// Whether it has what is known of the account, and be it nothing.
    package func knows(_ subject: SubjectID) -> Bool { younger[subject] != nil || older[subject] != nil }

    package subscript(_ subject: SubjectID) -> Dossier? { (younger[subject] ?? older[subject])?.dossier }

    /// Keeps what is not there; what is `unsaved` never goes.
    package mutating func keep<Mark>(_ dossier: Dossier, of subject: SubjectID, _ unsaved: [SubjectID: Mark]) {
        put(Place(dossier), of: subject, unsaved)
    }

    /// Changes what is known of an account, and be it nothing; what is `unsaved` never goes.
    package mutating func change<Mark, Result>(
        _ subject: SubjectID, _ unsaved: [SubjectID: Mark], _ body: (inout Dossier) -> Result
    ) -> Result {
        let place = use(subject, unsaved)
        let former = place.dossier.machines.count
        defer { youngerCount += place.dossier.machines.count - former }
        return body(&place.dossier)
    }

    package mutating func forget(_ subject: SubjectID) {
        if let place = younger.removeValue(forKey: subject) { youngerCount -= 1 + place.dossier.machines.count }
        older[subject] = nil
    }

    /// What was used belongs to the younger generation.
    private mutating func use<Mark>(_ subject: SubjectID, _ unsaved: [SubjectID: Mark]) -> Place {
        if let place = younger[subject] { return place }
        let place = older.removeValue(forKey: subject) ?? Place(Dossier())
        put(place, of: subject, unsaved)
        return place
    }

    private mutating func put<Mark>(_ place: Place, of subject: SubjectID, _ unsaved: [SubjectID: Mark]) {
        if youngerCount >= EvidenceCache.generationMax {
            let kept = older.filter { unsaved[$0.key] != nil }
            older = younger
            younger = kept
            youngerCount = kept.values.reduce(0) { $0 + 1 + $1.dossier.machines.count }
        }
        younger[subject] = place
        youngerCount += 1 + place.dossier.machines.count
    }
}
