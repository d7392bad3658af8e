import Synchronization
import WeirBase
package import WeirQuota
package import WeirReputation
package import WeirRuntime
package import WeirStore

/// The one place where evidence about accounts is weighed, and from where it reaches the store.
///
/// Decisions are made in memory, under one lock, and never wait. Each observation that evidence is made of is a row of the ledger's
/// journal, in the order of the decisions; every now and then all that has changed is saved, and the rows before that go. So a start
/// reads what was saved, makes the observations after it again, and knows what was known before.
package final class Detector: Sendable {
    let state = Mutex(State())
    private let runtime: Runtime
    private let writer: LedgerWriter

    struct State: ~Copyable {
        var evidence = EvidenceCache()
        var surroundings = Surroundings()
        /// The number of the last observation, and of the last one that is saved with all before it.
        var observed: UInt64 = 0
        var saved: UInt64 = 0
        /// Accounts whose evidence has changed since, and by which observation it did last.
        var unsaved: [SubjectID: UInt64] = [:]
        /// Since when there is something to be saved.
        var unsavedSince: Instant?
        /// After a save that failed.
        var savesAgain = Instant(nanoseconds: 0)
        /// Rows of the store that were set aside.
        var damaged = 0

        var backlog: UInt64 { observed - saved }
    }

    /// Observations beyond those that are saved: with more, as when the store fails, nothing is observed until it saves again.
    package static let backlogMax: UInt64 = 65_536
    /// With so many accounts changed, or so many observations, or after so long, evidence is saved.
    static let unsavedMax = 256
    static let savingBacklog: UInt64 = 4_096
    static let savingInterval: UInt64 = 2 * .second
    /// How long after a save that failed.
    static let savingRetry: UInt64 = 2 * .second

    package init(runtime: Runtime, store: LedgerWriter) {
        self.runtime = runtime
        writer = store
    }

    // MARK: - Having evidence at hand

    /// Whether an account's evidence is in memory.
    func isAtHand(_ subject: SubjectID) -> Bool { state.withLock { $0.evidence.knows(subject) } }

    /// Reads an account's evidence; what is damaged is set aside, and returned.
    package func prepare(_ subject: SubjectID) async throws(StoreError) -> EvidenceError? {
        guard !isAtHand(subject) else { return nil }
        // Kept on the store's thread, where it is saved too: so nothing newer can have been saved meanwhile.
        return try await writer.withStore { store throws(StoreError) in
            var damaged: [DamagedOctets] = []
            let fault = try self.read(subject, from: store, &damaged)
            try store.setAside(damaged)
            return fault
        }
    }

    /// Brings an account's evidence from the store, unless it is at hand.
    private func read(
        _ subject: SubjectID, from store: LedgerStore, _ damaged: inout [DamagedOctets]
    ) throws(StoreError) -> EvidenceError? {
        guard !isAtHand(subject) else { return nil }
        var evidence: AccountEvidence?
        var fault: EvidenceError?
        if let octets = try store.evidence(of: subject) {
            do throws(EvidenceError) {
                evidence = try AccountEvidence(decoding: octets)
            } catch {
                fault = error
                damaged.append(.evidence(subject, octets))
            }
        }
        state.withLock { state in
            if !state.evidence.knows(subject) { state.evidence.keep(evidence, of: subject, state.unsaved) }
            if fault != nil { state.damaged += 1 }
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
    package func judge(_ message: MessageFacts, of subject: SubjectID, _ terms: Terms) -> Judgement? {
        observe(.message(message), of: subject, terms)
    }

    /// Decides anew from what became of it.
    package func learn(
        _ outcome: Outcome, of message: MessageFacts, after judgement: Judgement, of subject: SubjectID, _ terms: Terms
    ) -> Judgement? {
        observe(.outcome(outcome, of: message, after: judgement.findings.ofMessage), of: subject, terms)
    }

    /// Holds a complaint about a message against an account.
    func complain(of message: UInt64, by subject: SubjectID, _ terms: Terms) -> Judgement? {
        observe(.complaint(of: message), of: subject, terms)
    }

    /// Whether only a person may end an account's suspension, not a changed password.
    package func needsPerson(_ subject: SubjectID) async throws(StoreError) -> Bool {
        _ = try await prepare(subject)
        return state.withLock { $0.evidence[subject]?.needsPerson ?? false }
    }

    /// Ends a suspension or a flag, as an administrator asks, and returns where the account is then.
    package func release(_ subject: SubjectID, under plan: Plan) async throws(StoreError) -> AccountState {
        guard let terms = Terms(plan) else { return .normal }
        // First, so that there is room for one more observation.
        try await save()
        _ = try await prepare(subject)
        _ = observe(.release, of: subject, terms)
        let standing = state.withLock { $0.evidence[subject]?.standing } ?? .normal
        try await save()
        return AccountState(standing)
    }

    /// Takes what was observed of an account that is at hand, and files it for the journal; what is decided by it, if anything.
    ///
    /// Not inlined, for its variables would stand in the frames of sessions that wait.
    @inline(never)
    package func observe(_ observation: Observation, of subject: SubjectID, _ terms: Terms) -> Judgement? {
        let record = ObservationRecord(
            account: subject.number, time: runtime.now, terms: terms, observation: observation)
        let octets = record.encoded()
        let ledger = writer.ledger
        return state.withLock { state in
            guard state.evidence.knows(subject), state.backlog < Detector.backlogMax else { return nil }
            state.observed += 1
            // Under the lock, so that the journal has them in the order of the decisions.
            ledger.file(ObservationRow(sequence: state.observed, octets: octets))
            return state.take(record)
        }
    }

    /// Why nobody is suspended at present; nil while nothing is broken.
    package var alarm: ClimateAlarm? {
        let now = runtime.now
        return state.withLock { $0.surroundings.climate.alarm(at: now) }
    }

    /// Accounts whose evidence is in memory, and those of them that changed since they were saved.
    var counts: (cached: Int, unsaved: Int) { state.withLock { ($0.evidence.count, $0.unsaved.count) } }

    /// Rows of the store that were damaged, and set aside, since the start.
    package var damaged: Int { state.withLock { $0.damaged } }

    // MARK: - The store

    /// Whether enough has changed, or long enough ago.
    var isSaveDue: Bool {
        let now = runtime.now
        return state.withLock { state in
            guard let since = state.unsavedSince, now >= state.savesAgain else { return false }
            return now.since(since) >= Detector.savingInterval || state.hasMuch
        }
    }

    /// Saves what has changed.
    package func save() async throws(StoreError) {
        try await writer.withStore { store throws(StoreError) in try self.save(into: store) }
    }

    /// Saves all that has changed as of one moment, in one commit. On the store's thread.
    func save(into store: LedgerStore) throws(StoreError) {
        let (changed, surroundings, observed) = state.withLock { state in
            // What they are now, not what they will be: the copies share their octets until then.
            let changed = state.unsaved.keys.sorted().compactMap { subject in
                state.evidence[subject].map { (subject, $0) }
            }
            return (changed, state.surroundings, state.observed)
        }
        guard !changed.isEmpty else { return }
        do throws(StoreError) {
            try store.save(
                EvidenceSnapshot(
                    evidence: changed.map { ($0.0, $0.1.encoded()) }, surroundings: surroundings.encoded(),
                    observed: observed))
        } catch {
            let now = runtime.now
            state.withLock { $0.savesAgain = now + Detector.savingRetry }
            throw error
        }
        state.withLock { state in
            state.saved = observed
            state.unsaved = state.unsaved.filter { $0.value > observed }
            state.unsavedSince = state.unsaved.isEmpty ? nil : state.unsavedSince
        }
    }

    /// Reads what is saved, and makes the observations after it again; once, before the first decision.
    package func restore() async throws(StoreError) {
        try await writer.withStore { store throws(StoreError) in try self.restore(from: store) }
    }

    private func restore(from store: LedgerStore) throws(StoreError) {
        var damaged: [DamagedOctets] = []
        let (octets, observed) = try store.savedSurroundings()
        var surroundings = Surroundings()
        if let octets {
            do throws(EvidenceError) {
                surroundings = try Surroundings(decoding: octets)
            } catch {
                damaged.append(.surroundings(octets))
            }
        }
        state.withLock { state in
            (state.surroundings, state.observed, state.saved) = (surroundings, observed, observed)
        }
        for row in try store.observations(after: observed) {
            let record: ObservationRecord?
            do throws(EvidenceError) {
                record = try ObservationRecord(decoding: row.octets)
            } catch {
                record = nil
                damaged.append(.observation(row))
            }
            if let record { _ = try read(SubjectID(number: record.account), from: store, &damaged) }
            state.withLock { state in
                state.observed = row.sequence
                if let record { _ = state.take(record) }
            }
        }
        state.withLock { $0.damaged = damaged.count }
        try store.setAside(damaged)
    }
}

extension Detector.State {
    /// Makes the last observation's change: the first time, and again after a restart.
    mutating func take(_ record: ObservationRecord) -> Judgement? {
        let subject = SubjectID(number: record.account)
        var account = evidence.take(subject) ?? AccountEvidence(at: record.time)
        let judgement = account.observe(
            record.observation, terms: record.terms, surroundings: &surroundings, at: record.time)
        evidence.keep(account, of: subject, unsaved)
        unsaved[subject] = observed
        if unsavedSince == nil { unsavedSince = record.time }
        return judgement
    }

    fileprivate var hasMuch: Bool {
        unsaved.count >= Detector.unsavedMax || backlog >= Detector.savingBacklog
    }
}

extension KeyedHash {
    /// With a key that stands for the installation: with another, all people are new.
    package init(installation key: [UInt8]) {
        let derived = HMACSHA256.code(Array("evidence".utf8), key: key)
        func word(_ octets: ArraySlice<UInt8>) -> UInt64 { octets.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(key: (word(derived[0..<8]), word(derived[8..<16])))
    }
}
