internal import Glibc
import WeirBase
package import WeirConfiguration
import WeirQuota
package import WeirRuntime
package import WeirStore

/// The two stores, open, with the threads that own them: who there is, and what they used.
///
/// A gateway stands on it; without one, the command line uses it alone.
package final class Accounting: Sendable {
    package let runtime: RealRuntime
    package let ledgerWriter: LedgerWriter
    package let accounts: AccountDirectory
    package let detector: Detector
    /// What the ledger held when it was read; rows from the future are an alarm.
    package let loaded: LoadReport
    /// The directory of the stores.
    package let path: String
    private let writerTask: Task<Void, Never>
    private let workers: [RuntimeExecutor]

    /// The stores of a directory, locked for this process, and the clock that their rows are told by.
    package struct Stores: @unchecked Sendable {  // Each store goes to its own worker, and stays there.
        let ledger: LedgerStore
        let accounts: AccountsStore
        let path: String
        package let clock: AnchoredClock

        /// Opens them, and goes on with the clock of an earlier start of the same boot.
        package init(_ path: String) throws(StoreError) {
            guard let stores = try StoreDirectory(path).stores(verified: false) else {
                preconditionFailure("a directory that may be changed holds a store")
            }
            (ledger, accounts) = stores
            self.path = path
            let boot = try? System.bootID()
            if let anchor = try ledger.anchor(), anchor.boot == boot {
                clock = AnchoredClock(offset: anchor.offset)
            } else {
                clock = AnchoredClock()
                if let boot { try ledger.save(ClockAnchor(boot: boot, offset: clock.offset)) }
            }
        }
    }

    /// Starts the threads and reads what is used in the open windows.
    package init(
        _ stores: Stores, on runtime: RealRuntime, _ loaded: LoadedConfiguration, events: LedgerEvents
    ) async throws(StartError) {
        self.runtime = runtime
        path = stores.path
        do throws(SystemError) {
            let ledgerWorker = try runtime.makeWorker(name: "weir-ledger")
            let accountsWorker = try runtime.makeWorker(name: "weir-accounts")
            workers = [ledgerWorker, accountsWorker]
            ledgerWriter = LedgerWriter(store: stores.ledger, worker: ledgerWorker, runtime: runtime, events: events)
            detector = Detector(runtime: runtime, store: ledgerWriter)
            accounts = AccountDirectory(
                store: stores.accounts, worker: accountsWorker, ledger: ledgerWriter, runtime: runtime,
                policies: loaded.policies, rules: loaded.configuration.networks)
        } catch {
            throw .system(error)
        }
        writerTask = ledgerWriter.start(saving: detector)
        // Each store is read by its own thread, at the same time.
        let verification = workers[1].spawn { () async -> StoreError? in
            do throws(StoreError) { try stores.accounts.verify() } catch { return error }
            return nil
        }
        do throws(StoreError) {
            self.loaded = try await ledgerWriter.load(now: runtime.now)
            try await detector.restore()
            if let error = await verification.value { throw error }
        } catch {
            await Accounting.end(ledgerWriter, writerTask, accounts, workers)
            throw .store(error)
        }
    }

    /// Commits what was decided, closes the stores, and ends the threads: when this returns, another may open the stores.
    package func close() async { await Accounting.end(ledgerWriter, writerTask, accounts, workers) }

    private static func end(
        _ ledgerWriter: LedgerWriter, _ writerTask: Task<Void, Never>, _ accounts: AccountDirectory,
        _ workers: [RuntimeExecutor]
    ) async {
        ledgerWriter.stop()
        await writerTask.value
        await ledgerWriter.close()
        await accounts.close()
        for worker in workers { (worker as? WorkerThread)?.stop() }
    }
}
