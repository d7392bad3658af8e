internal import Glibc
package import WeirConfiguration
package import WeirRuntime
package import WeirStore
import WeirTime

/// Why a gateway could not start; each in one message with a way out.
package enum StartError: Error, Sendable {
    case material(MaterialErrors)
    case store(StoreError)
    case listen(ListenError)
    case system(SystemError)
}

/// A gateway on the real runtime, with its stores and threads, from start to end.
package final class Server: Sendable {
    package let runtime: RealRuntime
    package let gateway: Gateway
    private let writerTask: Task<Void, Never>
    private let workers: [RuntimeExecutor]
    private let passwords: PasswordPool

    /// Opens the stores, reads the ledger, probes the relays, and listens.
    package init(_ loaded: LoadedConfiguration, loops: Int? = nil) async throws(StartError) {
        LocalCalendar.setZone(loaded.configuration.timezone)
        signal(SIGPIPE, SIG_IGN)
        let material: Material
        do throws(MaterialErrors) {
            material = try Material.load(loaded.configuration, mayCreate: true)
        } catch {
            throw .material(error)
        }
        let clock = AnchoredClock()
        let stores = try Server.openStores(loaded.configuration.store)
        do throws(SystemError) {
            runtime = try RealRuntime(loops: loops ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), clock: clock)
            let ledgerWorker = try runtime.makeWorker(name: "weir-ledger")
            let accountsWorker = try runtime.makeWorker(name: "weir-accounts")
            workers = [ledgerWorker, accountsWorker]
            passwords = try PasswordPool(runtime: runtime, threads: 2)
            let writer = LedgerWriter(
                store: stores.ledger, worker: ledgerWorker, runtime: runtime,
                events: LedgerEvents(storeLost: { _ in _exit(75) }))
            let accounts = AccountDirectory(
                store: stores.accounts, worker: accountsWorker, ledger: writer, runtime: runtime,
                policies: loaded.policies, rules: loaded.configuration.networks)
            gateway = Gateway(
                Gateway.Parts(
                    runtime: runtime, loaded: loaded, material: material, ledgerWriter: writer, accounts: accounts,
                    passwords: passwords))
            writerTask = writer.start()
        } catch {
            throw .system(error)
        }
        do throws(StoreError) {
            _ = try await gateway.load()
        } catch {
            throw .store(error)
        }
        await gateway.probeRelays()
        gateway.startUpkeep()
        do throws(ListenError) {
            try gateway.listen()
        } catch {
            throw .listen(error)
        }
    }

    private struct Stores: @unchecked Sendable {  // Each goes to its own worker, and stays there.
        let ledger: LedgerStore
        let accounts: AccountsStore
    }

    private static func openStores(_ path: String) throws(StartError) -> Stores {
        do throws(StoreError) {
            let directory = try StoreDirectory(path)
            return Stores(ledger: try LedgerStore(in: directory), accounts: try AccountsStore(in: directory))
        } catch {
            throw .store(error)
        }
    }

    /// Drains, commits, and ends all threads.
    package func stop() async {
        await gateway.drain()
        gateway.ledgerWriter.stop()
        await writerTask.value
        for worker in workers { (worker as? WorkerThread)?.stop() }
        passwords.stop()
        runtime.stop()
    }
}
