import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// One life of the gateway's process, from its start on the disk as it is to its end.
///
/// Assembled as ``Server`` does it, of the same parts. `@unchecked Sendable`: a simulation has one thread.
final class Life: @unchecked Sendable {
    let number: Int
    let process: SimulatedProcess
    let disk: SimulatedDisk
    let ledgerWorker: SimulatedExecutor
    let gateway: Gateway
    let writer: LedgerWriter
    private(set) var lastCommit: Instant
    /// Called when the ledger has what the detector has suspended somebody for.
    var onVerdict: () -> Void = {}
    private var suspensions: UInt64 = 0
    private let writerTask: Task<Void, Never>
    /// Lives longer than the stores that were opened on it.
    private let vfs: SimulatedVFS

    static let address = SocketAddress(ipv4: 0xC000_0219, port: 0)
    static let hashKey = [UInt8](repeating: 7, count: 32)

    /// What a life hears of its ledger, which is made before it.
    private final class Ears: @unchecked Sendable {
        weak var life: Life?
    }

    /// Opens the stores; `onLost` is called when the process has to end, after which nothing of it reaches anybody.
    init(
        number: Int, scenario: Scenario, simulation: Simulation, disk: SimulatedDisk,
        onLost: @escaping @Sendable (Life) -> Void
    ) throws {
        self.number = number
        self.disk = disk
        let process = SimulatedProcess(in: simulation, name: "life \(number)", loops: 2, address: Life.address)
        self.process = process
        vfs = SimulatedVFS(disk, now: Int64(simulation.now.nanoseconds / .millisecond))
        let directory = StoreDirectory("store", on: vfs)
        let ledger = try LedgerStore(in: directory)
        let accounts = try AccountsStore(in: directory)
        let configuration = try scenario.configuration()
        let policies = try scenario.policies()
        let worker = simulation.makeExecutor(name: "ledger \(number)")
        ledgerWorker = worker
        let ears = Ears()
        let die: @Sendable () -> Void = {
            guard let life = ears.life, !life.process.isKilled else { return }
            life.kill()
            onLost(life)
        }
        let events = LedgerEvents(
            committed: { _, _ in ears.life?.noteCommit(at: worker.now) },
            commitFailed: { _ in if ears.life?.disk.isPowerLost == true { die() } },
            evidenceSaved: { _ in if ears.life?.disk.isPowerLost == true { die() } }, storeLost: { _ in die() })
        writer = LedgerWriter(store: ledger, worker: worker, runtime: process, events: events)
        let wrapServer: Material.ServerWrap = { transport throws(TransportFailure) in
            SimulatedTLS.wrap(transport, server: true)
        }
        let wrapClient: RelayConnector.Wrap = { transport, _ throws(TransportFailure) in
            SimulatedTLS.wrap(transport, server: false)
        }
        var material = Material(
            serverTLS: ["subscribers": wrapServer, "submission": wrapServer],
            relaySecrets: Dictionary(
                uniqueKeysWithValues: configuration.relays.map {
                    ($0, RelayConnector.Secrets(wrap: wrapClient, login: nil))
                }),
            hashKey: Life.hashKey)
        if scenario.theft != nil {
            material.templates = Theft.templates
            material.webhooks = configuration.webhooks.map { WebhookAccess($0, keys: [Life.hashKey]) }
        }
        let detector = Detector(runtime: process, store: writer)
        gateway = Gateway(
            Gateway.Parts(
                runtime: process,
                loaded: LoadedConfiguration(configuration: configuration, policies: policies), material: material,
                ledgerWriter: writer,
                accounts: AccountDirectory(
                    store: accounts, worker: try process.makeWorker(name: "accounts \(number)"), ledger: writer,
                    runtime: process, policies: policies, rules: configuration.networks),
                detector: detector,
                passwords: try PasswordPool(runtime: process, threads: 1)))
        lastCommit = simulation.now
        writerTask = writer.start(saving: detector)
        ears.life = self
    }

    /// Reads the ledger, asks the relays, and listens.
    func open() async throws {
        _ = try await gateway.load()
        await gateway.probeRelays()
        gateway.startUpkeep()
        await gateway.startTelling()
        guard !process.isKilled else { return }
        try gateway.listen()
    }

    private func noteCommit(at now: Instant) {
        lastCommit = now
        let count = gateway.telemetry.metrics.quota.suspensions[.detector].current
        defer { suspensions = count }
        if count > suspensions { onVerdict() }
    }

    /// Where an account stands: in the accounts file, and by the evidence.
    func standing(of key: String) async throws -> (stored: AccountState?, known: AccountState) {
        let record = try await gateway.accounts.withStore { store throws(StoreError) in try store.account(key) }
        let subject = try await writer.withStore { store throws(StoreError) in try store.subject(.account, key) }
        let evidence = try await gateway.detector.evidence(of: subject)
        return (record?.state, AccountState(evidence?.standing ?? .normal))
    }

    /// Ends the process: nothing it has not said is ever said, nothing it has not written is ever written.
    func kill() {
        process.kill()
        disk.faults.powerCut = 0
        writer.stop()
        // Nobody is told: what is left of it runs to its end.
        process.loops[0].spawn { [gateway] in await gateway.drain() }
    }

    /// Ends as SIGTERM has it.
    func stop() async {
        await gateway.drain()
        writer.stop()
        await writerTask.value
    }
}
