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
        /// Accounts whose evidence has changed since.
        var unsaved: [SubjectID: Unsaved] = [:]
        /// Since when there is something to be saved.
        var unsavedSince: Instant?
        /// After a save that failed.
        var savesAgain = Instant(nanoseconds: 0)
        /// Rows of the store that were set aside.
        var damaged = 0

        var backlog: UInt64 { observed - saved }

        struct Unsaved {
            /// The last that changed anything.
            var observation: UInt64 = 0
            /// Machines behind the account that have changed, or are forgotten.
            var machines: Set<UInt64> = []
        }
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

    /// Whether anything is known of an account that is at hand.
    func hasEvidence(of subject: SubjectID) -> Bool { state.withLock { $0.evidence[subject]?.account != nil } }

    /// Reads an account's evidence; what is damaged is set aside, and returned.
    package func prepare(_ subject: SubjectID) async throws(StoreError) -> EvidenceError? {
        guard !isAtHand(subject) else { return nil }
        // Kept on the store's thread, where it is saved too: so nothing newer can have been saved meanwhile.
        return try await writer.withStore { store throws(StoreError) in
            var damaged: [DamagedOctets] = []
            let fault = try self.read(subject, from: store, &damaged)
            try self.setAside(damaged, in: store)
            return fault
        }
    }

    /// Brings an account's evidence from the store, unless it is at hand.
    private func read(
        _ subject: SubjectID, from store: LedgerStore, _ damaged: inout [DamagedOctets]
    ) throws(StoreError) -> EvidenceError? {
        guard !isAtHand(subject) else { return nil }
        var fault: EvidenceError?
        func decoded(_ octets: [UInt8], orSetAside aside: DamagedOctets) -> AccountEvidence? {
            do throws(EvidenceError) {
                return try AccountEvidence(decoding: octets)
            } catch {
                fault = error
                damaged.append(aside)
                return nil
            }
        }
        let account = try store.evidence(of: subject).flatMap { decoded($0, orSetAside: .evidence(subject, $0)) }
        let machines = try store.machines(of: subject).compactMap { row in
            decoded(row.octets, orSetAside: .machine(row)).map {
                Machines.Machine(name: row.name, turn: row.turn, evidence: $0)
            }
        }
        let dossier = Dossier(account: account, machines: Machines(machines))
        state.withLock { state in
            if !state.evidence.knows(subject) { state.evidence.keep(dossier, of: subject, state.unsaved) }
        }
        return fault
    }

    private func setAside(_ damaged: [DamagedOctets], in store: LedgerStore) throws(StoreError) {
        state.withLock { $0.damaged += damaged.count }
        try store.setAside(damaged)
    }

    // MARK: - Deciding

    /// Whether the recipient of an account or machine that is flagged must wait; `pending` strangers were let through before, by
    /// messages that are not judged yet.
    ///
    /// Nobody must while nobody must be suspended: the flag may come from what is broken.
    func holds(_ person: UInt64, pending: Int, from machine: UInt64, of subject: SubjectID, _ terms: Terms) -> Bool {
        let now = runtime.now
        return state.withLock { state in
            guard !state.surroundings.climate.isStopped(at: now) else { return false }
            return state.evidence[subject]?.holds(person, pending: pending, from: machine, terms: terms, at: now)
                ?? false
        }
    }

    /// What an account and a machine behind it may do now.
    func restraint(of machine: UInt64, behind subject: SubjectID, _ terms: Terms) -> Restraint {
        let now = runtime.now
        return state.withLock { $0.evidence[subject]?.restraint(of: machine, terms: terms, at: now) ?? .free }
    }

    /// The machines behind an account that may send nothing now.
    func stoppedMachines(behind subject: SubjectID, _ terms: Terms) async throws(StoreError) -> [UInt64] {
        _ = try await prepare(subject)
        return state.withLock { $0.evidence[subject]?.stoppedMachines(terms) ?? [] }
    }

    /// In place of a verdict that has no record; see ``Dossier/lateVerdict(ofMachine:terms:at:)``.
    func lateVerdict(of subject: SubjectID, machine: UInt64?, _ terms: Terms) -> Verdict? {
        let now = runtime.now
        return state.withLock { $0.evidence[subject]?.lateVerdict(ofMachine: machine, terms: terms, at: now) }
    }

    /// Decides of a message before it is released.
    package func judge(_ message: MessageFacts, of subject: SubjectID, _ terms: Terms) -> Judgements? {
        observe(.message(message), of: subject, terms)
    }

    /// Decides anew from what became of it.
    package func learn(
        _ outcome: Outcome, of message: MessageFacts, after findings: MessageFindings, of subject: SubjectID,
        _ terms: Terms
    ) -> Judgements? {
        observe(.outcome(outcome, of: message, after: findings), of: subject, terms)
    }

    /// Holds a complaint about a message against an account.
    func complain(of message: UInt64, by subject: SubjectID, _ terms: Terms) -> Judgement? {
        observe(.complaint(of: message), of: subject, terms)?.account
    }

    /// What is known of an account; nil: nothing yet.
    package func evidence(of subject: SubjectID) async throws(StoreError) -> AccountEvidence? {
        _ = try await prepare(subject)
        return state.withLock { $0.evidence[subject]?.account }
    }

    /// Ends a suspension or a flag, as an administrator asks, and those of all machines behind the account; returns where the account
    /// is then, and how many machines were stopped or flagged.
    package func release(
        _ subject: SubjectID, under plan: Plan
    ) async throws(StoreError) -> (state: AccountState, machines: Int) {
        // Also where the detector is off now: what is released shall not be suspended again with the next observation.
        var observed = plan
        if observed.detector == .off { observed.detector = .shadow }
        guard let terms = Terms(observed) else { return (.normal, 0) }
        // First, so that there is room for one more observation.
        try await save()
        _ = try await prepare(subject)
        let now = runtime.now
        let machines = state.withLock { $0.evidence[subject]?.restrainedMachines(terms, at: now) } ?? 0
        _ = observe(.release, of: subject, terms)
        let standing = try await evidence(of: subject)?.standing ?? .normal
        try await save()
        // In shadow no account is moved.
        return (terms.mode == .shadow ? .normal : AccountState(standing), machines)
    }

    /// Forgets an account that was removed, so that nothing it did falls on the next who has its login.
    package func forget(_ subject: SubjectID) async throws(StoreError) {
        try await writer.withStore { store throws(StoreError) in
            // From here on nothing is observed of it, and once all is saved nothing in the journal brings it back.
            self.state.withLock { $0.evidence.forget(subject) }
            try self.save(into: store)
            try store.forget(subject)
        }
    }

    /// Takes what was observed of an account that is at hand, and files it for the journal; what is decided by it, or nil where it
    /// is not observed.
    ///
    /// Not inlined, for its variables would stand in the frames of sessions that wait.
    @inline(never)
    package func observe(_ observation: Observation, of subject: SubjectID, _ terms: Terms) -> Judgements? {
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

    /// What is broken at present, and keeps accounts from being suspended; nil: nothing.
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
        let saving = state.withLock { state -> (changed: [(SubjectID, Dossier, [UInt64])], Surroundings, UInt64)? in
            if state.unsaved.isEmpty { return nil }
            // What they are now, not what they will be: the copies share their octets until then.
            let changed = state.unsaved.keys.sorted().compactMap { subject in
                state.evidence[subject].map { (subject, $0, state.unsaved[subject]?.machines.sorted() ?? []) }
            }
            return (changed, state.surroundings, state.observed)
        }
        guard let (changed, surroundings, observed) = saving else { return }
        var snapshot = EvidenceSnapshot(
            evidence: [], surroundings: surroundings.encoded(), observed: observed)
        for (subject, dossier, machines) in changed { snapshot.add(dossier, of: subject, machines) }
        do throws(StoreError) {
            try store.save(snapshot)
        } catch {
            let now = runtime.now
            state.withLock { $0.savesAgain = now + Detector.savingRetry }
            throw error
        }
        state.withLock { state in
            state.saved = observed
            state.unsaved = state.unsaved.filter { $0.value.observation > observed }
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
        try setAside(damaged, in: store)
    }
}

extension Detector.State {
    /// Makes the last observation's change: the first time, and again after a restart.
    mutating func take(_ record: ObservationRecord) -> Judgements {
        let subject = SubjectID(number: record.account)
        let judgements = evidence.change(subject, unsaved) { dossier in
            dossier.observe(record.observation, terms: record.terms, surroundings: &surroundings, at: record.time)
        }
        note(record.observation, of: subject, judgements)
        if unsavedSince == nil { unsavedSince = record.time }
        return judgements
    }

    /// Notes what an observation has changed: the account, and machines behind it.
    private mutating func note(_ observation: Observation, of subject: SubjectID, _ judgements: Judgements) {
        unsaved[subject, default: Unsaved()].observation = observed
        switch observation {
        case .message(let facts), .outcome(_, of: let facts, after: _):
            if judgements.machine != nil { unsaved[subject]?.machines.insert(facts.name) }
            if let forgotten = judgements.forgotten { unsaved[subject]?.machines.insert(forgotten) }
        case .release: unsaved[subject]?.machines.formUnion(evidence[subject]?.machines.names ?? [])
        case .failedLogin, .capReached, .complaint: break
        }
    }

    fileprivate var hasMuch: Bool {
        unsaved.count >= Detector.unsavedMax || backlog >= Detector.savingBacklog
    }
}

extension EvidenceSnapshot {
    /// An account's evidence, and that of these machines behind it.
    package mutating func add(_ dossier: Dossier, of subject: SubjectID, _ machines: [UInt64]) {
        if let account = dossier.account { evidence.append((subject, account.encoded())) }
        for name in machines {
            if let machine = dossier.machines[name] {
                let octets = machine.evidence.encoded()
                self.machines.append(MachineRow(subject: subject, name: name, turn: machine.turn, octets: octets))
            } else {
                forgotten.append((subject, name))
            }
        }
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
