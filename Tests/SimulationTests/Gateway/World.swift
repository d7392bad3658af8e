import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// A whole gateway in a simulation: its process with its disk, its subscribers and relays, and what befalls them.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class World: @unchecked Sendable {
    let scenario: Scenario
    let simulation: Simulation
    let evidence: Evidence
    private(set) var disk: SimulatedDisk
    private(set) var life: Life?
    private(set) var lives: [Life] = []
    private(set) var relays: [ScriptedRelay] = []
    private(set) var scanner: ScriptedScanner?
    private(set) var hook: ScriptedHook?
    private(set) var subscribers: [ScriptedSubscriber] = []
    private var thieves: ScriptedSubscriber?
    private var killsAtVerdict: Int
    private var random: SeededRandom
    private let driver: RuntimeExecutor
    private let died: Waiter
    private var isEnding = false
    private var isUp = false
    private var isHealed = false
    private var releases = 0
    /// What the detector did, as the audit has it at the end; some of it was made good after a kill.
    var suspensions = 0
    var repairs = 0
    private var connections = 0
    private var relayConnections: [SocketAddress: Int] = [:]

    static let gate = SocketAddress(ipv4: 0xC000_0219, port: 25)
    static let submission = SocketAddress(ipv4: 0xC000_0219, port: 587)

    init(_ scenario: Scenario, narrator: ((UInt64, String) -> Void)? = nil) throws {
        self.scenario = scenario
        let simulation = Simulation(
            seed: scenario.seed, loops: 1, epoch: scenario.epoch, plan: scenario.clientPlan)
        self.simulation = simulation
        evidence = Evidence { [unowned simulation] in simulation.now.since(simulation.start) }
        random = SeededRandom(seed: ~scenario.seed)
        disk = SimulatedDisk(seed: scenario.seed)
        killsAtVerdict = scenario.theft?.killsAtVerdict ?? 0
        driver = simulation.loops[0]
        died = Waiter(on: driver)
        if let narrator {
            evidence.narrator = { [unowned simulation] in narrator(simulation.now.since(simulation.start), $0) }
        }
        try makeRelays()
        try makeScanner()
        try makeSubscribers()
        try makeTheft()
    }

    private func makeRelays() throws {
        for (index, part) in scenario.relays.enumerated() {
            let address = SocketAddress(ipv4: 0xC633_6401 + UInt32(index), port: 25)
            simulation.hosts["relay\(index).isp.example"] = .success([address.ip])
            simulation.network.plans[address] = scenario.relayPlan
            relays.append(
                try ScriptedRelay(
                    name: "relay\(index)", address: address, simulation: simulation, manners: part.manners,
                    startTLS: part.tls == "required" || index % 2 == 0, evidence: evidence, random: random.fork()))
        }
    }

    private func makeScanner() throws {
        guard let manners = scenario.scanner else { return }
        let address = ScriptedScanner.address
        simulation.hosts["198.51.100.100"] = .success([address.ip])
        simulation.network.plans[address] = scenario.relayPlan
        scanner = try ScriptedScanner(
            simulation: simulation, manners: manners, octetsMax: scenario.scannerSize * 1024, evidence: evidence,
            random: random.fork())
    }

    private func makeSubscribers() throws {
        for (index, part) in scenario.accounts.enumerated() {
            subscribers.append(subscriber(index, login: part.login, address: 1 + UInt32(index), habits: part.habits))
        }
    }

    private func subscriber(_ index: Int, login: String?, address: UInt32, habits: Habits) -> ScriptedSubscriber {
        ScriptedSubscriber(
            number: index, credentials: login.map { ($0, World.token) },
            source: SocketAddress(ipv4: 0xCB00_7100 + address, port: 0),
            server: login == nil ? World.gate : World.submission, simulation: simulation, habits: habits,
            persistsUntil: simulation.start + scenario.healsAt, evidence: evidence, random: random.fork())
    }

    /// The thieves, who is told of them, and everybody's past.
    private func makeTheft() throws {
        guard let theft = scenario.theft else { return }
        let address = ScriptedHook.address
        simulation.hosts["\(address.ip)"] = .success([address.ip])
        simulation.network.plans[address] = scenario.relayPlan
        hook = try ScriptedHook(
            simulation: simulation, manners: theft.hook, evidence: evidence, random: random.fork())
        let thieves = subscriber(
            0, login: scenario.accounts[0].login, address: 1, habits: scenario.accounts[0].habits)
        thieves.sources = Theft.sources
        self.thieves = thieves
        let vfs = SimulatedVFS(disk)
        let store = try LedgerStore(in: StoreDirectory("store", on: vfs))
        let now = simulation.now
        let pasts = try subscribers.enumerated().map { index, subscriber in
            let past = scenario.past(of: index, home: subscriber.source, before: now)
            return (try store.subject(.account, key(of: index)), past.encoded())
        }
        try store.save(EvidenceSnapshot(evidence: pasts, surroundings: Surroundings().encoded(), observed: 0))
    }

    /// What a subscriber's account is known by.
    func key(of index: Int) -> String { scenario.accounts[index].login ?? "\(subscribers[index].source.ip)/32" }

    private static let token = "correct-horse-battery-staple"

    // MARK: - The gateway's lives

    /// Starts the gateway, and again whenever it has died.
    private func supervise() async {
        while !isEnding {
            do {
                let life = try Life(
                    number: lives.count + 1, scenario: scenario, simulation: simulation, disk: disk
                ) { [unowned self] life in lost(life) }
                if lives.isEmpty { try await addAccounts(life) }
                life.process.onConnect = { [unowned self, unowned life] in listen(to: $0, of: life) }
                lives.append(life)
                self.life = life
                evidence.life = life.number
                life.onVerdict = { [unowned self, unowned life] in verdictIsDurable(in: life) }
                evidence.narrate("life \(life.number) begins")
                try await life.open()
                evidence.narrate("life \(life.number) listens")
                try await noteSuspended(life)
                isUp = true
            } catch {
                guard life?.process.isKilled == true else { return evidence.violate("P7", "no start: \(error)") }
            }
            while life?.process.isKilled == false, !isEnding { await died.wait(until: .distantFuture) }
            guard !isEnding else { return }
            life = nil
            isUp = false
            disk = disk.crash(seed: random.next())
            await driver.sleep(until: driver.now + random.within(0...20 * .second))
        }
    }

    /// P9: the accounts file is never ahead of the evidence; and what either of them says at a start holds.
    private func noteSuspended(_ life: Life) async throws {
        guard scenario.theft != nil else { return }
        let (stored, known) = try await life.standing(of: key(of: 0))
        if known == .suspended { evidence.noteSuspended(0, by: life.number) }
        if stored == .suspended, known != .suspended {
            evidence.violate("P9", "the stolen account is stored as suspended, and known as \(known)")
        }
    }

    /// The ledger has the evidence, and the accounts file not yet what follows from it.
    ///
    /// P9: a second later it holds in every open session, whoever has heard of it.
    private func verdictIsDurable(in life: Life) {
        guard killsAtVerdict > 0 else {
            let number = life.number
            driver.spawn { [self] in
                await driver.sleep(until: driver.now + .second)
                evidence.noteSuspended(0, by: number)
            }
            return administrate()
        }
        killsAtVerdict -= 1
        evidence.narrate("fate: killed at a verdict")
        kill()
    }

    /// P9: an administrator who changes something else of the account in this very moment ends no suspension.
    private func administrate() {
        guard let accounts = life?.gateway.accounts else { return }
        let (login, wall) = (key(of: 0), simulation.wall)
        driver.spawn { [evidence] in
            do {
                let account = try await accounts.account(login: login)
                let before = account?.standing.state
                try await accounts.change(login) { store throws(StoreError) in
                    try store.note(login, action: "account.reset", by: Author("test", at: wall))
                }
                if before == .suspended, account?.standing.state != .suspended {
                    evidence.violate("P9", "an administrator's change has ended a suspension")
                }
            } catch {
                evidence.narrate("the account is not changed: \(error)")
            }
        }
    }

    private func addAccounts(_ life: Life) async throws {
        // Long ago: a new account is suspect.
        let author = Author("test", at: WallTime(nanoseconds: simulation.wall.nanoseconds - 60 * .day))
        for part in scenario.accounts {
            guard let login = part.login else { continue }
            try await life.gateway.accounts.withStore { store throws(StoreError) in
                try store.add(NewAccount(login: login, plan: "subscriber", customer: part.customer), by: author)
                try store.addToken(login, hash: ApplicationToken.digest(of: Array(World.token.utf8)), by: author)
            }
        }
    }

    /// The process has died, by our hand or by its own.
    private func lost(_ life: Life) {
        evidence.narrate("life \(life.number) is lost")
        evidence.crashes.append(Crash(at: simulation.now, life: life.number, lastCommit: life.lastCommit))
        died.wake()
    }

    private func kill() {
        guard let life, !life.process.isKilled else { return }
        life.kill()
        lost(life)
    }

    private func listen(to transport: SimulatedTransport, of life: Life) {
        guard transport.peer != ScriptedScanner.address, transport.peer != ScriptedHook.address else { return }
        connections += 1
        let tap = Wiretap(
            number: connections, life: life.number, evidence: evidence, now: { [unowned simulation] in simulation.now },
            onRelease: { [unowned self, unowned life] in checkDurable($0, in: life) })
        let peer = transport.peer
        opened(1, peer)
        transport.tap = { [unowned self] event in
            if case .closed = event { opened(-1, peer) }
            tap.hear(event)
        }
    }

    /// P8: no relay ever has more connections than its cap; a probe may exceed it by one.
    private func opened(_ change: Int, _ peer: SocketAddress) {
        let count = (relayConnections[peer] ?? 0) + change
        relayConnections[peer] = count
        guard let index = relays.firstIndex(where: { $0.address == peer }) else { return }
        let cap = scenario.relays[index].connections
        if count > cap + 1 { evidence.violate("P8", "relay\(index) has \(count) connections, its cap is \(cap)") }
    }

    /// P2: at the instant of the dot, a crash would leave the whole charge on the disk, in the slot of now.
    private func checkDurable(_ transaction: WireTransaction, in life: Life) {
        checkSuspended(transaction, in: life)
        releases += 1
        let slot = Slot(simulation.now)
        let survivor = SimulatedVFS(life.disk.crash(seed: UInt64(releases)))
        do {
            let ledger = try LedgerStore(in: StoreDirectory("store", on: survivor))
            let rows = try ledger.journal(message: transaction.messageID).rows
            let total = rows.reduce(0) { $0 + $1.amount.recipients }
            let here = rows.filter { $0.slot == slot }.reduce(0) { $0 + $1.amount.recipients }
            if here != transaction.accepted || total != here {
                evidence.violate(
                    "P2",
                    "\(transaction.token) is released with \(here) of \(transaction.accepted) durable, \(total) in all")
            }
        } catch {
            evidence.violate("P2", "the ledger could not be read after a crash: \(error)")
        }
    }

    /// P9: who is suspended reaches nobody but the contact, postmaster and abuse.
    private func checkSuspended(_ transaction: WireTransaction, in life: Life) {
        guard let account = transaction.account, evidence.suspended[account]?.contains(life.number) == true,
            !transaction.isRelief
        else { return }
        evidence.violate("P9", "\(transaction.token) is released, and its account was suspended before")
    }

    // MARK: - What befalls it

    private func live() async {
        for (at, fate) in scenario.fates {
            await driver.sleep(until: simulation.start + at)
            guard !isHealed else { return }
            evidence.narrate("fate: \(fate)")
            suffer(fate)
        }
    }

    private func suffer(_ fate: Scenario.Fate) {
        switch fate {
        case .kill: kill()
        case .powerCut(let changes): life?.disk.faults.powerCut = changes
        case .failingSync(let syncs): life?.disk.faults.failingSync = syncs
        case .fullDisk(let span):
            guard let disk = life?.disk else { return }
            disk.faults.capacity = 0
            driver.spawn { [self] in
                await driver.sleep(until: driver.now + span)
                disk.faults.capacity = .max
            }
        case .wallStep(let span): simulation.stepWall(by: span)
        case .outage(let relay, let span):
            relays[relay].isDown = true
            driver.spawn { [self] in
                await driver.sleep(until: driver.now + span)
                relays[relay].isDown = false
            }
        case .slowDisk(let span): life?.ledgerWorker.stall(until: simulation.now + span)
        case .slowLoop(let index, let span):
            guard let loop = life?.process.loops[index] as? SimulatedExecutor else { return }
            loop.stall(until: simulation.now + span)
        }
    }

    private func heal() {
        evidence.narrate("everything heals")
        simulation.network.plan = .none
        simulation.network.plans = [:]
        for relay in relays {
            let keywords = relay.manners.keywords
            relay.manners = .good
            relay.manners.keywords = keywords
            relay.isDown = false
        }
        scanner?.manners = .good
        hook?.manners = ScriptedHook.Manners()
        isHealed = true
        guard let disk = life?.disk else { return }
        // The power may be gone, and nobody has written since.
        if disk.isPowerLost { kill() } else { disk.faults = SimulatedDisk.Faults() }
    }

    // MARK: - The run

    /// Runs everything to its end; what must not happen is in `evidence`.
    func run() throws {
        do {
            try simulation.run(within: 3 * .day) { [self] in try await story() }
        } catch {
            evidence.violate("P7", "\(error)")
        }
        Checker(self).check()
    }

    private func story() async throws {
        let supervisor = driver.spawn { [self] in await supervise() }
        driver.spawn { [self] in await live() }
        var tasks: [Task<[Letter], Never>] = []
        for (subscriber, part) in zip(subscribers, scenario.accounts) {
            for letters in part.sessions {
                tasks.append(subscriber.executor.spawn { await subscriber.deliver(letters) })
            }
        }
        for letters in scenario.theft?.sessions ?? [] {
            guard let thieves else { break }
            tasks.append(thieves.executor.spawn { await thieves.deliver(letters) })
        }
        await driver.sleep(until: simulation.start + scenario.healsAt)
        heal()
        thieves?.habits.delay = 0
        for subscriber in subscribers { subscriber.habits.delay = 0 }
        var left: [[Letter]] = []
        for task in tasks { left.append(await task.value) }
        for interlude in scenario.interludes {
            await driver.sleep(until: driver.now + interlude)
            left = await again(left)
        }
        while !isUp, simulation.now.since(simulation.start) < .day { await driver.sleep(until: driver.now + .second) }
        await proveAlive()
        if scenario.theft != nil { await writeOnceMore() }
        await proveQuiet()
        isEnding = true
        died.signal()
        await supervisor.value
        guard let life, !life.process.isKilled else { return evidence.violate("P7", "the gateway is dead") }
        try await Audit(self, life).check()
        await life.stop()
        await proveQuiet()
    }

    /// Another round of the letters that were not delivered, session by session as before.
    private func again(_ left: [[Letter]]) async -> [[Letter]] {
        var tasks: [Task<[Letter], Never>] = []
        var index = 0
        for (subscriber, part) in zip(subscribers, scenario.accounts) {
            for _ in part.sessions {
                let letters = left[index]
                index += 1
                tasks.append(subscriber.executor.spawn { await subscriber.deliver(letters) })
            }
        }
        var rest: [[Letter]] = []
        for task in tasks { rest.append(await task.value) }
        return rest
    }

    /// A letter of everybody, whatever becomes of it: with it the detector's verdicts are carried out that a kill has left behind.
    private func writeOnceMore() async {
        for index in scenario.accounts.indices {
            let letter = scenario.friendly(900, of: index, &random)
            _ = await subscribers[index].executor.spawn { [subscriber = subscribers[index]] in
                await subscriber.deliver([letter])
            }.value
        }
        // What the store did not take is written again, and what nobody was told yet is told.
        let deadline = simulation.now + .day
        while let life, simulation.now < deadline, life.gateway.herald.waitingCount > 0 {
            await driver.sleep(until: driver.now + 10 * .second)
        }
    }

    /// P7: once healed, a letter of somebody new gets through soon.
    private func proveAlive() async {
        guard scenario.gatewayCap == nil else { return }
        let index = subscribers.count
        let visitor = subscriber(index, login: nil, address: 200, habits: Habits())
        visitor.persistsUntil = simulation.now + 10 * .minute
        subscribers.append(visitor)
        let letter = Letter(number: 1, recipients: ["r@dest.example"], octets: 100)
        let left = await visitor.executor.spawn { await visitor.deliver([letter]) }.value
        if !left.isEmpty { evidence.violate("P7", "a letter was not delivered long after everything had healed") }
    }

    /// P7: when nobody sends any more, nothing is held and nothing is open.
    private func proveQuiet() async {
        // A message has 30 minutes from DATA to its dot, a relay 10 for its reply.
        let deadline = simulation.now + 45 * .minute
        while simulation.now < deadline {
            if isQuiet() { return }
            await driver.sleep(until: driver.now + 10 * .second)
        }
        evidence.violate("P7", "never quiet: \(simulation.network.open.map(\.description).prefix(4))")
    }

    private func isQuiet() -> Bool { simulation.network.open.isEmpty }
}
