import Synchronization
import WeirBase
package import WeirQuota
package import WeirReputation
package import WeirRuntime
package import WeirStore

/// The one place where evidence about accounts is weighed, and from where it reaches the store.
///
/// Decisions are made in memory, under one lock, and never wait; evidence that changed is saved in slices, a few seconds later.
package final class Detector: Sendable {
    private let state = Mutex(State())
    private let runtime: Runtime
    private let store: LedgerWriter

    private struct State: ~Copyable {
        var evidence = EvidenceCache()
        var surroundings = Surroundings()
        /// Changed since they were saved, in the order of their changes.
        var unsaved: [SubjectID] = []
        var isUnsaved: Set<SubjectID> = []
    }

    /// Accounts saved in one commit.
    static let sliceMax = 256

    package init(runtime: Runtime, store: LedgerWriter) {
        self.runtime = runtime
        self.store = store
    }

    // MARK: - Having evidence at hand

    /// Whether an account's evidence is in memory.
    func isAtHand(_ subject: SubjectID) -> Bool { state.withLock { $0.evidence[subject] != nil } }

    /// Reads an account's evidence; what is damaged is set aside by its first change, and told.
    func prepare(_ subject: SubjectID) async throws(StoreError) -> EvidenceError? {
        guard !isAtHand(subject) else { return nil }
        let stored = try await store.withStore { store throws(StoreError) in try store.evidence(of: subject) }
        var fault: EvidenceError?
        var evidence = AccountEvidence(at: runtime.now)
        if let stored {
            do throws(EvidenceError) {
                evidence = try AccountEvidence(decoding: stored)
            } catch {
                fault = error
            }
        }
        state.withLock { state in
            if state.evidence[subject] == nil { state.evidence.keep(evidence, of: subject, state.isUnsaved) }
        }
        return fault
    }

    // MARK: - Deciding

    /// Whether a flagged account's recipient must wait; `pending` strangers of its message were let through before.
    ///
    /// Nobody must while there is an ``alarm``: the flag may come from what is broken.
    func holds(_ person: UInt64, pending: Int, of subject: SubjectID, _ terms: Terms) -> Bool {
        let now = runtime.now
        return state.withLock { state in
            guard state.surroundings.climate.alarm(at: now) == nil else { return false }
            return state.evidence[subject]?.holds(person, pending: pending, terms: terms, at: now) ?? false
        }
    }

    /// Decides of a message before it is released.
    func judge(_ message: MessageFacts, of subject: SubjectID, _ terms: Terms) -> Judgement? {
        change(subject) { evidence, surroundings, now in
            evidence.judge(message, terms: terms, surroundings: &surroundings, at: now)
        }
    }

    /// Decides anew from what became of it.
    func learn(
        _ outcome: Outcome, of message: MessageFacts, after judgement: Judgement, of subject: SubjectID, _ terms: Terms
    ) -> Judgement? {
        change(subject) { evidence, surroundings, now in
            evidence.learn(
                outcome, of: message, after: judgement, terms: terms, surroundings: &surroundings, at: now)
        }
    }

    /// Holds a complaint about a message against an account.
    func complain(of message: UInt64, by subject: SubjectID, _ terms: Terms) -> Judgement? {
        change(subject) { evidence, surroundings, now in
            evidence.complain(of: message, terms: terms, surroundings: &surroundings, at: now)
        }
    }

    /// Ends a suspension, as an administrator asks, and returns where the account is then.
    package func release(_ subject: SubjectID, under plan: Plan) async throws(StoreError) -> AccountState {
        guard let terms = Terms(plan) else { return .normal }
        _ = try await prepare(subject)
        let standing = change(subject) { evidence, _, now in
            evidence.release(terms: terms, at: now)
            return evidence.standing
        }
        _ = try await save()
        return AccountState(standing ?? .normal)
    }

    /// Why nobody is suspended at present; nil while nothing is broken.
    package var alarm: ClimateAlarm? {
        let now = runtime.now
        return state.withLock { $0.surroundings.climate.alarm(at: now) }
    }

    /// Accounts whose evidence is in memory, and those of them that changed since they were saved.
    var counts: (cached: Int, unsaved: Int) { state.withLock { ($0.evidence.count, $0.unsaved.count) } }

    private func change<Result>(
        _ subject: SubjectID, _ body: (inout AccountEvidence, inout Surroundings, Instant) -> sending Result
    ) -> sending Result? {
        let now = runtime.now
        return state.withLock { state in
            guard var evidence = state.evidence.take(subject) else { return nil }
            let result = body(&evidence, &state.surroundings, now)
            state.evidence.keep(evidence, of: subject, state.isUnsaved)
            if state.isUnsaved.insert(subject).inserted { state.unsaved.append(subject) }
            return result
        }
    }

    // MARK: - Saving

    /// Saves a slice of what has changed; returns whether there is more.
    package func save() async throws(StoreError) -> Bool {
        let (slice, hasMore) = state.withLock { state in
            let subjects = state.unsaved.prefix(Detector.sliceMax)
            state.unsaved.removeFirst(subjects.count)
            for subject in subjects { state.isUnsaved.remove(subject) }
            return (
                subjects.compactMap { subject in state.evidence[subject].map { (subject, $0) } }, !state.unsaved.isEmpty
            )
        }
        guard !slice.isEmpty else { return false }
        do throws(StoreError) {
            try await store.withStore { store throws(StoreError) in
                try store.saveEvidence(slice.map { ($0.0, $0.1.encoded()) })
            }
        } catch {
            state.withLock { state in
                for (subject, _) in slice where state.isUnsaved.insert(subject).inserted {
                    state.unsaved.append(subject)
                }
            }
            throw error
        }
        return hasMore
    }
}

extension KeyedHash {
    /// With a key that stands for the installation: with another, all people are new.
    init(installation key: [UInt8]) {
        let derived = HMACSHA256.code(Array("evidence".utf8), key: key)
        func word(_ octets: ArraySlice<UInt8>) -> UInt64 { octets.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(key: (word(derived[0..<8]), word(derived[8..<16])))
    }
}

/// The evidence in memory: of accounts that were used lately, in two generations, of which the older one goes when the younger is full.
package struct EvidenceCache: Sendable {
    private var younger: [SubjectID: AccountEvidence] = [:]
    private var older: [SubjectID: AccountEvidence] = [:]

    /// Accounts of one generation; each takes up to 8 KiB.
    package static let generationMax = 20_000

    package init() {}

    package var count: Int { younger.count + older.count }

    package subscript(_ subject: SubjectID) -> AccountEvidence? { younger[subject] ?? older[subject] }

    package mutating func take(_ subject: SubjectID) -> AccountEvidence? {
        younger.removeValue(forKey: subject) ?? older.removeValue(forKey: subject)
    }

    /// Keeps it; what is `unsaved` never goes.
    package mutating func keep(_ evidence: AccountEvidence, of subject: SubjectID, _ unsaved: Set<SubjectID>) {
        if younger.count >= EvidenceCache.generationMax {
            let kept = older.filter { unsaved.contains($0.key) }
            older = younger
            younger = kept
        }
        younger[subject] = evidence
    }
}
