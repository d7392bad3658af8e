import Foundation
import Testing
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// The detector with its store, stopped and killed at random moments, beside evidence that lives on in memory.
@Suite("What the detector knows, after a restart")
struct RestartTests {
    /// `WEIR_SEEDS=1000` for a long run.
    private static let seeds = UInt64(ProcessInfo.processInfo.environment["WEIR_SEEDS"] ?? "") ?? 15

    @Test("is what was known before, and every later decision is the same")
    func decidesTheSame() throws {
        var machinesStopped = 0
        for seed in 1...Self.seeds {
            let history = History(seed: seed)
            try history.simulation.run(within: 1_000 * .day) { try await history.run() }
            #expect(history.differences == [], "seed \(seed)")
            guard history.differences.isEmpty else { return }
            machinesStopped += history.machinesStopped
        }
        #expect(machinesStopped > 0, "no machine was stopped in any of the histories")
    }

    @Test("is whole again when the disk was full for a while")
    func fullDisk() throws {
        for seed in 1...5 as ClosedRange<UInt64> {
            let history = History(seed: seed)
            try history.simulation.run(within: 1_000 * .day) {
                try await history.begin()
                for step in 0..<60 {
                    if step == 20 { history.disk.faults.capacity = 0 }
                    if step == 40 { history.disk.faults.capacity = .max }
                    try await history.observe()
                }
                await history.wait(10 * .second)
                try await history.end(isKilled: true)
                try await history.begin()
                try await history.compare()
                try await history.end(isKilled: false)
            }
            #expect(history.differences == [], "seed \(seed)")
        }
    }

    @Test("is set aside where it is damaged, and the rest is kept", arguments: 1...12 as ClosedRange<UInt64>)
    func damage(seed: UInt64) throws {
        let history = History(seed: seed)
        try history.simulation.run(within: 1_000 * .day) {
            try await history.begin()
            for _ in 0..<80 { try await history.observe() }
            try await history.end(isKilled: true)
            let count = try history.damageStore()
            try await history.begin()
            // Evidence is read when it is needed.
            #expect(try await history.damagedRows() <= count)
            try await history.prepareAll()
            #expect(try await history.damagedRows() == count)
            for _ in 0..<40 { try await history.observe(comparing: false) }
            #expect(history.alarmed == count)
            try await history.end(isKilled: false)
            // What was set aside is not found again.
            try await history.begin()
            try await history.prepareAll()
            #expect(history.alarmed == 0)
            try await history.end(isKilled: false)
        }
    }
}

/// `@unchecked Sendable`: a simulation has one thread.
private final class History: @unchecked Sendable {
    let simulation: Simulation
    private(set) var disk: SimulatedDisk
    private(set) var differences: [String] = []
    private var random: SeededRandom
    private var life: Life?
    private var loop: RuntimeExecutor
    /// What was known after each observation, if nothing ever ended.
    private var past: [Known] = [Known()]
    /// The observation up to which all was durable when it was last looked.
    private var durable = 0
    private var number: UInt64 = 0
    private(set) var machinesStopped = 0

    private struct Known {
        var dossiers: [UInt32: Dossier] = [:]
        var surroundings = Surroundings()
    }

    private struct Life {
        let process: SimulatedProcess
        let vfs: SimulatedVFS
        let writer: LedgerWriter
        let detector: Detector
        let task: Task<Void, Never>
    }

    private static let accounts: UInt32 = 7
    /// With a few machines, and with so many that some are forgotten.
    private static let offices: [UInt32] = [4, 7]

    init(seed: UInt64) {
        simulation = Simulation(seed: seed, loops: 1)
        disk = SimulatedDisk(seed: seed)
        random = SeededRandom(seed: seed)
        loop = simulation.loops[0]
    }

    // MARK: - Lives

    func run() async throws {
        // Days of calm, after which an office's machines are told apart.
        for _ in 0..<5 {
            try await begin()
            for office in Self.offices { for machine in 0..<4 { try await greet(from: office, machine: machine) } }
            try await end(isKilled: random.chance(0.5))
        }
        for _ in 0..<6 {
            try await begin()
            for _ in 0..<random.below(60) { try await observe() }
            try await end(isKilled: random.chance(0.7))
        }
        try await begin()
        try await compare()
        try await end(isKilled: false)
    }

    func begin() async throws {
        let process = SimulatedProcess(
            in: simulation, name: "life", loops: 1, address: SocketAddress(ipv4: 0xC000_0219, port: 0))
        let vfs = SimulatedVFS(disk)
        let store = try LedgerStore(in: StoreDirectory("store", on: vfs))
        try takeBack(store)
        let writer = LedgerWriter(
            store: store, worker: try process.makeWorker(name: "ledger"), runtime: process,
            events: LedgerEvents(storeLost: { _ in }))
        let detector = Detector(runtime: process, store: writer)
        life = Life(
            process: process, vfs: vfs, writer: writer, detector: detector, task: writer.start(saving: detector))
        loop = process.loops[0]
        try await detector.restore()
    }

    /// What a kill has lost is forgotten here too: nothing that was durable, and nothing out of the middle.
    private func takeBack(_ store: LedgerStore) throws {
        let saved = try store.savedSurroundings().observed
        let rows = try store.observations(after: saved)
        let survived = Int(rows.last?.sequence ?? saved)
        if rows.map(\.sequence) != Array(saved + 1..<saved + 1 + UInt64(rows.count)) {
            differences.append("there are gaps in \(rows.map(\.sequence)) after \(saved)")
        }
        if survived < durable || survived >= past.count {
            differences.append("\(survived) of \(past.count - 1) survived, \(durable) were durable")
        }
        past.removeSubrange(min(survived + 1, past.count)...)
        durable = min(survived, past.count - 1)
    }

    func end(isKilled: Bool) async throws {
        guard let life else { return }
        if isKilled {
            life.process.kill()
            disk.faults.powerCut = 0
        }
        life.writer.stop()
        if !isKilled {
            await life.task.value
            durable = past.count - 1
        }
        self.life = nil
        loop = simulation.loops[0]
        disk = disk.crash(seed: random.next())
        // Days go by while nothing runs, which would look at the clock every second.
        await wait(random.within(0...2 * .day))
    }

    func wait(_ span: UInt64) async {
        await loop.spawn { [loop] in await loop.sleep(until: loop.now + span) }.value
    }

    // MARK: - What happens in them

    /// Something of everything that can be observed.
    func observe(comparing: Bool = true) async throws {
        guard let detector = life?.detector else { return }
        number += 1
        await wait([0, random.within(0...5 * .second), random.within(0...2 * .minute)][random.below(3)])
        let account = 1 + UInt32(random.below(Int(Self.accounts)))
        let terms = terms(of: account)
        _ = try await detector.prepare(SubjectID(number: account))
        switch random.below(14) {
        case 0: record(.failedLogin, account, terms, comparing)
        case 1: record(.complaint(of: number), account, terms, comparing)
        case 2: record(.release, account, terms, comparing)
        case 3: record(.capReached, account, terms, comparing)
        default: try await send(account, terms, comparing)
        }
        switch random.below(8) {
        case 0: do { try await detector.save() } catch StoreError.full {}
        case 1, 2, 3: await becomeDurable()
        default: break
        }
    }

    func prepareAll() async throws {
        for account in 1...Self.accounts { _ = try await life?.detector.prepare(SubjectID(number: account)) }
    }

    private func becomeDurable() async {
        guard let ledger = life?.writer.ledger else { return }
        let (ticket, count, loop) = (ledger.lastTicket, past.count - 1, loop)
        let isDurable = await loop.spawn {
            await ledger.becomesDurable(ticket, until: loop.now + .second, waiter: Waiter(on: loop))
        }.value
        if isDurable { durable = max(durable, count) }
    }

    private func terms(of account: UInt32) -> Terms {
        var terms = account % 3 == 0 ? Terms.business : .consumer
        terms.isByNetwork = Self.offices.contains(account)
        terms.mode = account == 5 ? .shadow : .suspend
        if account == 2 { terms.opened = simulation.start }
        return terms
    }

    private func greet(from office: UInt32, machine: Int) async throws {
        number += 1
        _ = try await life?.detector.prepare(SubjectID(number: office))
        let facts = MessageFacts(
            id: number, account: UInt64(office), recipients: [UInt64(machine)], network: 0, name: Self.name(machine))
        record(.message(facts), office, terms(of: office), true)
        await becomeDurable()
    }

    /// A large number, as hashes are.
    private static func name(_ machine: Int) -> UInt64 { UInt64(machine) &* 0x9E37_79B9_7F4A_7C15 }

    private func send(_ account: UInt32, _ terms: Terms, _ comparing: Bool) async throws {
        let isBad = random.chance(0.5)
        let isOffice = Self.offices.contains(account)
        let machines = account == 7 && random.chance(0.5) ? 3 * Machines.max : 4
        let name = isOffice ? Self.name(random.below(machines)) : UInt64(random.below(isBad ? 30 : 1))
        let people = (0..<(1 + random.below(isBad ? 12 : 2))).map { _ in
            isBad ? random.next() | 1 : UInt64(random.below(8))
        }
        var facts = MessageFacts(
            id: number, account: UInt64(account), recipients: people, network: UInt64(random.below(isBad ? 40 : 2)),
            country: random.chance(0.5) ? UInt64(random.below(3)) : nil, name: name,
            sender: random.chance(0.8) ? UInt64(random.below(2)) : nil,
            scannerScore: random.chance(0.7) ? Double(random.below(24)) - (isBad ? 4 : 14) : nil)
        if random.chance(0.9) {
            var content = ContentFacts(fingerprint: isBad ? UInt64(random.below(5)) << 40 : random.next())
            content.octets = UInt64(random.below(9_000))
            content.links = random.below(4)
            content.linkDomains = (0..<random.below(4)).map { _ in UInt64(random.below(5)) }
            (content.isHTML, content.hasAttachment) = (random.chance(0.5), random.chance(0.1))
            content.headerFrom = random.chance(0.8) ? UInt64(random.below(3)) : nil
            facts.content = content
        }
        guard let before = record(.message(facts), account, terms, comparing) else { return }
        if random.chance(0.3) { await wait(random.within(0...3 * .second)) }
        let replies = people.map { _ in
            isBad && random.chance(0.4) ? RecipientReply(rawValue: UInt8(random.below(4))) ?? .unknown : .accepted
        }
        let outcome = Outcome(recipients: replies, isTaken: random.chance(0.1) ? nil : !isBad || random.chance(0.8))
        _ = try await life?.detector.prepare(SubjectID(number: account))
        record(.outcome(outcome, of: facts, after: before.findings), account, terms, comparing)
    }

    /// Tells the detector, and does the same to what lives on; both must decide alike.
    @discardableResult
    private func record(
        _ observation: Observation, _ account: UInt32, _ terms: Terms, _ comparing: Bool
    ) -> Judgements? {
        guard let detector = life?.detector else { return nil }
        let subject = SubjectID(number: account)
        var known = past[past.count - 1]
        let expected = known.dossiers[account, default: Dossier()]
            .observe(observation, terms: terms, surroundings: &known.surroundings, at: simulation.now)
        let judgements =
            switch observation {
            case .message(let facts): detector.judge(facts, of: subject, terms)
            case .outcome(let outcome, let facts, let findings):
                detector.learn(outcome, of: facts, after: findings, of: subject, terms)
            default: detector.observe(observation, of: subject, terms)
            }
        past.append(known)
        if expected.machine?.verdict?.after.isSuspended == true { machinesStopped += 1 }
        if comparing, judgements != expected {
            differences.append("observation \(past.count - 1) decided \(judgements as Any), not \(expected)")
        }
        return judgements
    }

    // MARK: - What is in the store

    /// Compares every octet of what is known.
    func compare() async throws {
        guard let life, let known = past.last else { return }
        try await life.detector.save()
        let accounts = known.dossiers.keys.sorted()
        let (surroundings, rows) = try await life.writer.withStore { store throws(StoreError) in
            var rows: [([UInt8]?, [MachineRow])] = []
            for account in accounts {
                let subject = SubjectID(number: account)
                rows.append((try store.evidence(of: subject), try store.machines(of: subject)))
            }
            return (try store.savedSurroundings().octets, rows)
        }
        if surroundings != known.surroundings.encoded() { differences.append("the surroundings differ") }
        for (account, (octets, machines)) in zip(accounts, rows) {
            let dossier = known.dossiers[account, default: Dossier()]
            if octets != dossier.account?.encoded() { differences.append("the evidence of \(account) differs") }
            let expected = dossier.machines.names.compactMap { dossier.machines[$0] }.map { machine in
                MachineRow(
                    subject: SubjectID(number: account), name: machine.name, turn: machine.turn,
                    octets: machine.evidence.encoded())
            }
            if machines.sorted(by: { $0.name < $1.name }) != expected {
                differences.append("the machines of \(account) differ")
            }
        }
    }

    /// Damages what lies in the store while nobody runs; returns how many rows.
    func damageStore() throws -> Int {
        let vfs = SimulatedVFS(disk)
        let store = try LedgerStore(in: StoreDirectory("store", on: vfs))
        var snapshot = EvidenceSnapshot(evidence: [], surroundings: nil, observed: 0)
        let saved = try store.savedSurroundings()
        snapshot.observed = saved.observed
        var count = 0
        for account in 1...Self.accounts {
            let subject = SubjectID(number: account)
            for var row in try store.machines(of: subject) where random.chance(0.5) {
                row.octets = damaged(row.octets)
                snapshot.machines.append(row)
                count += 1
            }
            guard let octets = try store.evidence(of: subject), random.chance(0.5) else { continue }
            snapshot.evidence.append((subject, damaged(octets)))
            count += 1
        }
        if let octets = saved.octets, random.chance(0.5) {
            snapshot.surroundings = damaged(octets)
            count += 1
        }
        let rows = try store.observations(after: saved.observed).map { row in
            guard random.chance(0.3) else { return row }
            count += 1
            return ObservationRow(sequence: row.sequence, octets: damaged(row.octets))
        }
        try store.setAside(rows.map { .observation($0) })
        try store.save(snapshot)
        try store.append([], rows)
        setAsideBefore = rows.count
        return count
    }

    private var setAsideBefore = 0

    /// Cut short, of another version, with changed or with any octets.
    private func damaged(_ octets: [UInt8]) -> [UInt8] {
        var octets = octets
        switch random.below(5) {
        case 0: octets.removeLast(1 + random.below(octets.count))
        case 1: octets[random.below(octets.count)] ^= UInt8(1 + random.below(255))
        case 2: octets = Blob.sealed([77] + octets.dropFirst().dropLast(8))
        case 3: octets = (0..<random.below(2_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        default: octets += [0]
        }
        return octets
    }

    func damagedRows() async throws -> Int {
        guard let life else { return 0 }
        let rows = try await life.writer.withStore { store throws(StoreError) in try store.damagedOctets().count }
        return rows - setAsideBefore
    }

    var alarmed: Int { life?.detector.damaged ?? 0 }
}
