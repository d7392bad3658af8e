import WeirBase
import WeirConfiguration
import WeirGateway
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
    private let writerTask: Task<Void, Never>
    /// Lives longer than the stores that were opened on it.
    private let vfs: SimulatedVFS

    static let address = SocketAddress(ipv4: 0xC000_0219, port: 0)

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
            committed: { _, _ in ears.life?.lastCommit = worker.now },
            commitFailed: { _ in if ears.life?.disk.isPowerLost == true { die() } },
            evidenceSaved: { _ in if ears.life?.disk.isPowerLost == true { die() } }, storeLost: { _ in die() })
        writer = LedgerWriter(store: ledger, worker: worker, runtime: process, events: events)
        let wrapServer: Material.ServerWrap = { transport throws(TransportFailure) in
            SimulatedTLS.wrap(transport, server: true)
        }
        let wrapClient: RelayConnector.Wrap = { transport, _ throws(TransportFailure) in
            SimulatedTLS.wrap(transport, server: false)
        }
        let names = configuration.relays.map(\.name)
        let material = Material(
            serverTLS: ["subscribers": wrapServer, "submission": wrapServer],
            relaySecrets: Dictionary(
                uniqueKeysWithValues: names.map { ($0, RelayConnector.Secrets(wrap: wrapClient, login: nil)) }),
            hashKey: [UInt8](repeating: 7, count: 32))
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
        guard !process.isKilled else { return }
        try gateway.listen()
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
