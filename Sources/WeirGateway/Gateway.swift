import Synchronization
package import WeirBase
package import WeirConfiguration
import WeirQuota
import WeirReputation
package import WeirRuntime
package import WeirStore

/// Where the parts meet: listeners, sessions, accounts, ledger and relays, under one configuration at a time.
package final class Gateway: Sendable {
    package let runtime: Runtime
    package let ledger: Ledger
    package let ledgerWriter: LedgerWriter
    package let accounts: AccountDirectory
    package let authenticator: Authenticator
    let pools: [RelayPool]
    private let sessions: [SessionTable]
    let hashKey: [UInt8]
    package let telemetry: Telemetry
    /// Decides which accounts send like spammers.
    package let detector: Detector
    /// Tells of what happens to accounts.
    package let herald: Herald
    /// Stands for addresses in the evidence.
    let evidenceHash: KeyedHash
    let dailyScores = DailyScores()
    /// Verdicts on their way to the store.
    let verdictsPending = Atomic<Int>(0)
    let recordedStops = Mutex(RecordedStops())
    let relayWatch: RelayWatch
    let climateWatch = ClimateWatch()
    let clockWatch = ClockWatch()
    private let meters = Mutex<[String: ListenerMeter]>([:])
    let state: Mutex<State>
    let upkeep = Mutex<[Upkeep]>([])
    /// Relays that are being probed.
    let probing = Mutex<Set<ObjectIdentifier>>([])
    /// Of every relay that a generation in use may have.
    let secrets: Mutex<[Relay: RelayConnector.Secrets]>
    let isReloading = Atomic<Bool>(false)
    private let draining = Atomic<Bool>(false)

    struct State {
        var generation: Generation
        var ports: [(port: Port, socket: any Listening)] = []
    }

    /// What a gateway is made of; the stores are open, and the ledger is loaded by ``load()``.
    package struct Parts {
        package var runtime: Runtime
        package var loaded: LoadedConfiguration
        package var material: Material
        package var ledgerWriter: LedgerWriter
        package var accounts: AccountDirectory
        package var detector: Detector
        package var passwords: PasswordPool
        package var telemetry: Telemetry

        package init(
            runtime: Runtime, loaded: LoadedConfiguration, material: Material, ledgerWriter: LedgerWriter,
            accounts: AccountDirectory, detector: Detector, passwords: PasswordPool, telemetry: Telemetry = .silent
        ) {
            self.runtime = runtime
            self.loaded = loaded
            self.material = material
            self.ledgerWriter = ledgerWriter
            self.accounts = accounts
            self.detector = detector
            self.passwords = passwords
            self.telemetry = telemetry
        }
    }

    package init(_ parts: Parts) {
        let runtime = parts.runtime
        self.runtime = runtime
        ledgerWriter = parts.ledgerWriter
        ledger = parts.ledgerWriter.ledger
        accounts = parts.accounts
        authenticator = Authenticator(runtime: runtime, accounts: parts.accounts, passwords: parts.passwords)
        hashKey = parts.material.hashKey
        secrets = Mutex(parts.material.relaySecrets)
        telemetry = parts.telemetry
        detector = parts.detector
        herald = Herald(runtime: runtime, telemetry: parts.telemetry)
        evidenceHash = KeyedHash(installation: parts.material.hashKey)
        let watch = RelayWatch(parts.telemetry)
        relayWatch = watch
        let connector = RelayConnector(
            runtime: runtime, hostname: parts.loaded.configuration.hostname, secrets: parts.material.relaySecrets,
            timeout: parts.loaded.configuration.timeouts.relay.wholeNanoseconds, report: watch.note)
        pools = runtime.loops.map { RelayPool(loop: $0, connector: connector) }
        sessions = runtime.loops.map { _ in SessionTable() }
        let metrics = parts.telemetry.metrics
        let relays = Relays(
            parts.loaded.configuration.relays, pools: pools, meter: { RelayMeter($0, metrics: metrics) },
            random: { runtime.random() })
        let scanner = Scanner.make(parts.loaded, parts.material, runtime: runtime, parts.telemetry)
        state = Mutex(
            State(generation: Generation(parts.loaded, material: parts.material, relays: relays, scanner: scanner)))
    }

    /// The configuration in force.
    package var generation: Generation { state.withLock { $0.generation } }

    /// No more connections are taken, and idle sessions end.
    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    // MARK: - Starting

    /// Reads what the store has of the open windows, and of evidence, into memory; once, before the first session.
    package func load() async throws(StoreError) -> LoadReport {
        try await detector.restore()
        return try await ledgerWriter.load(now: runtime.now)
    }

    /// Opens the listeners of the configuration.
    package func listen() throws(ListenError) {
        for listener in generation.configuration.listeners {
            let opened = try open(listener)
            state.withLock { $0.ports.append(opened) }
        }
    }

    func open(_ listener: Listener) throws(ListenError) -> (port: Port, socket: any Listening) {
        let port = Port(listener)
        do throws(SystemError) {
            let socket = try runtime.listen(on: listener.address) { [self] transport, loop in
                accept(transport, port.listener, loop)
            }
            telemetry.metrics.smtp.listenerUp[telemetry.metrics.listener(listener.name)].set(1)
            return (port, socket)
        } catch {
            throw ListenError(listener: listener.name, address: listener.address.description, cause: error)
        }
    }

    /// The address that each listener has, by name.
    package var addresses: [String: SocketAddress] {
        state.withLock { state in
            var addresses: [String: SocketAddress] = [:]
            for (port, socket) in state.ports { addresses[port.listener.name] = socket.address }
            return addresses
        }
    }

    /// Starts the session of a connection, on the loop that took it.
    private func accept(_ transport: Transport, _ listener: Listener, _ loop: RuntimeExecutor) {
        guard let index = runtime.loops.firstIndex(where: { $0 === loop }) else { return transport.close() }
        let session = Session(transport, listener: listener, gateway: self, loop: loop, pool: pools[index])
        let handover = Handover(session: session, table: sessions[index])
        loop.spawn {
            handover.table.add(handover.session.waiter)
            await handover.session.run()
            handover.table.remove(handover.session.waiter)
        }
    }

    // MARK: - Ending

    /// Stops accepting, lets transactions in flight end within the bound, says 421 to the rest, and commits.
    package func drain() async {
        draining.store(true, ordering: .sequentiallyConsistent)
        await endUpkeep()
        let ports = state.withLock { state in
            defer { state.ports = [] }
            return state.ports
        }
        for (port, socket) in ports {
            telemetry.metrics.smtp.listenerUp[telemetry.metrics.listener(port.listener.name)].set(0)
            await socket.close()
        }
        let deadline = runtime.now + generation.timeouts.drain
        // All loops at once: a message on one must not keep the idle sessions of another waiting for their farewell.
        let tables = zip(runtime.loops, sessions).map { loop, table in
            loop.spawn { await table.drain(on: loop, until: deadline) }
        }
        for task in tables { await task.value }
        await storeVerdicts(until: deadline)
        await herald.stop(until: max(deadline, runtime.now + .second))
        for (loop, pool) in zip(runtime.loops, pools) { await loop.spawn { pool.close() }.value }
        await saveScores()
    }

    // MARK: - For sessions

    /// Who is counted for an account's mail to the contact, postmaster and abuse; nil where the store cannot say.
    func reliefSubject(of account: Account) async -> SubjectID? {
        do throws(StoreError) {
            return try await accounts.reliefSubject(of: account)
        } catch {
            return nil
        }
    }

    /// Why the store does not take the account; nil: it has it.
    func materialise(_ account: Account) async -> Ledger.Condition? {
        do throws(StoreError) {
            try await accounts.materialise(account)
            return nil
        } catch {
            return error.condition
        }
    }

    func note(_ crossings: [Crossing], of account: Account) {
        guard !crossings.isEmpty else { return }
        telemetry.note(crossings, account: account.key)
        herald.warn(crossings, of: account.key)
    }

    func note(_ refusal: Refusal, of account: Account) { telemetry.note(refusal) }
    func noteUnavailable(_ reason: RelayUnavailable, _ transaction: Transaction) {
        telemetry.log.debug("no relay", ["id": .string(transaction.id.description), "reason": .string("\(reason)")])
    }

    /// The counters of a listener's sessions.
    func meter(of listener: Listener) -> ListenerMeter {
        meters.withLock { meters in
            if let known = meters[listener.name] { return known }
            let meter = ListenerMeter(listener.name, metrics: telemetry.metrics)
            meters[listener.name] = meter
            return meter
        }
    }

    /// A session on its way from the acceptor to its task.
    ///
    /// `@unchecked Sendable`: it goes once, on one loop.
    private struct Handover: @unchecked Sendable {
        let session: Session
        let table: SessionTable
    }
}
