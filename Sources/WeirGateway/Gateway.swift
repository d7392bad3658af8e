import Synchronization
package import WeirConfiguration
import WeirQuota
package import WeirRuntime
package import WeirStore
import WeirTime

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
    private let state: Mutex<State>
    private let draining = Atomic<Bool>(false)

    private struct State {
        var generation: Generation
        var listeners: [(listener: Listener, socket: any Listening)] = []
    }

    /// What a gateway is made of; the stores are open, and the ledger is loaded by ``load()``.
    package struct Parts {
        package var runtime: Runtime
        package var loaded: LoadedConfiguration
        package var material: Material
        package var ledgerWriter: LedgerWriter
        package var accounts: AccountDirectory
        package var passwords: PasswordPool

        package init(
            runtime: Runtime, loaded: LoadedConfiguration, material: Material, ledgerWriter: LedgerWriter,
            accounts: AccountDirectory, passwords: PasswordPool
        ) {
            self.runtime = runtime
            self.loaded = loaded
            self.material = material
            self.ledgerWriter = ledgerWriter
            self.accounts = accounts
            self.passwords = passwords
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
        let connector = RelayConnector(
            runtime: runtime, hostname: parts.loaded.configuration.hostname, secrets: parts.material.relaySecrets,
            timeout: parts.loaded.configuration.timeouts.relay.wholeNanoseconds, report: { _, _ in })
        pools = runtime.loops.map { RelayPool(loop: $0, connector: connector) }
        sessions = runtime.loops.map { _ in SessionTable() }
        let relays = Relays(parts.loaded.configuration.relays, pools: pools, random: { runtime.random() })
        state = Mutex(State(generation: Generation(parts.loaded, material: parts.material, relays: relays)))
    }

    /// The configuration in force.
    package var generation: Generation { state.withLock { $0.generation } }

    /// No more connections are taken, and idle sessions end.
    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    // MARK: - Starting

    /// Reads what the store has of the open windows into memory; once, before the first session.
    package func load() async throws(StoreError) -> LoadReport {
        let now = runtime.now
        // Two days hold every window, in every time zone.
        let first = Slot(Instant(nanoseconds: now.nanoseconds - min(now.nanoseconds, 2 * .day)))
        let ledger = ledger
        return try await ledgerWriter.withStore { store throws(StoreError) in
            try store.load(since: first, now: Slot(now)) { slot, subject, amount in
                ledger.decide { book, moment in _ = book.load(amount, of: subject, in: slot, at: moment) }
            }
        }
    }

    /// Opens the listeners of the configuration.
    package func listen() throws(ListenError) {
        for listener in generation.configuration.listeners {
            do throws(SystemError) {
                let socket = try runtime.listen(on: SocketAddress(listener.address)) { [self] transport, loop in
                    accept(transport, listener, loop)
                }
                state.withLock { $0.listeners.append((listener, socket)) }
            } catch {
                throw ListenError(listener: listener.name, address: listener.address.description, cause: error)
            }
        }
    }

    /// The address that each listener has, by name.
    package var addresses: [String: SocketAddress] {
        state.withLock { state in
            Dictionary(uniqueKeysWithValues: state.listeners.map { ($0.listener.name, $0.socket.address) })
        }
    }

    /// Connects to every relay once, so that EHLO can tell what they offer.
    package func probeRelays() async {
        for relay in generation.relays.all { await probe(relay) }
    }

    func probe(_ relay: RelayState) async {
        let loop = runtime.loops[0]
        let pool = pools[0]
        await loop.spawn {
            let waiter = Waiter(on: loop)
            await pool.probe(relay, waiter: waiter)
            waiter.retire()
        }.value
    }

    /// Starts the session of a connection, on the loop that took it.
    private func accept(_ transport: Transport, _ listener: Listener, _ loop: RuntimeExecutor) {
        guard let index = runtime.loops.firstIndex(where: { $0 === loop }) else { return transport.close() }
        let handover = Handover(transport: transport)
        let table = sessions[index]
        let pool = pools[index]
        loop.spawn { [self] in
            let session = Session(handover.transport, listener: listener, gateway: self, loop: loop, pool: pool)
            table.add(session.waiter)
            await session.run()
            table.remove(session.waiter)
        }
    }

    // MARK: - Ending

    /// Stops accepting, lets transactions in flight end within the bound, says 421 to the rest, and commits.
    package func drain() async {
        draining.store(true, ordering: .sequentiallyConsistent)
        let sockets = state.withLock { state in
            defer { state.listeners = [] }
            return state.listeners.map(\.socket)
        }
        for socket in sockets { await socket.close() }
        let deadline = runtime.now + generation.timeouts.drain
        for (loop, table) in zip(runtime.loops, sessions) {
            await loop.spawn { await table.drain(on: loop, until: deadline) }.value
        }
        for (loop, pool) in zip(runtime.loops, pools) { await loop.spawn { pool.close() }.value }
    }

    // MARK: - For sessions

    func account(at peer: SocketAddress) async -> Account? {
        do throws(StoreError) {
            return try await accounts.account(at: peer)
        } catch {
            return nil
        }
    }

    func materialise(_ account: Account) async -> Bool {
        do throws(StoreError) {
            try await accounts.materialise(account)
            return true
        } catch {
            return false
        }
    }

    /// Counts a recipient that was refused, in memory and in the journal.
    func countRefusal(of transaction: Transaction) {
        let parties = transaction.parties
        let crossings = ledger.decide { book, moment in book.record(refusals: 1, for: parties, at: moment) }
        note(crossings, of: transaction.account)
        let now = runtime.now
        ledger.journal([
            JournalRow(
                kind: .refusal, at: now, slot: Slot(now), account: parties.account.subject,
                customer: parties.customer?.subject, amount: Amount(refusals: 1), message: transaction.id.number)
        ])
    }

    func note(_ crossings: [Crossing], of account: Account) {}
    func note(_ refusal: Refusal, of account: Account) {}
    func noteUnavailable(_ reason: RelayUnavailable, _ transaction: Transaction) {}
    func noteAnswered(_ transaction: Transaction, code: UInt16) {}
    func noteSize(_ octets: UInt64) {}

    private struct Handover: @unchecked Sendable {  // A transport goes from the acceptor to its session's task, once, on one loop.
        let transport: Transport
    }
}

/// A listener that could not be opened.
package struct ListenError: Error, Sendable {
    package let listener: String
    package let address: String
    package let cause: SystemError
}

extension SocketAddress {
    package init(_ endpoint: IPEndpoint) {
        self.init(high: endpoint.address.high, low: endpoint.address.low, port: endpoint.port)
    }
}

