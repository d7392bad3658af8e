package import WeirBase
import WeirQuota
package import WeirRuntime
package import WeirStore

/// The task that makes the ledger's rows durable, in groups, on the store's own thread.
///
/// A commit starts when the last has ended, and at least ``spacing`` after that began: under load the groups size themselves. Upkeep of the
/// store is done in slices between commits, and so is the saving of evidence.
///
/// `@unchecked Sendable`: the store is touched on the worker alone.
package final class LedgerWriter: @unchecked Sendable {
    private let store: LedgerStore
    private let worker: RuntimeExecutor
    private let waiter: Waiter
    package let ledger: Ledger
    private let events: LedgerEvents
    /// Rows whose commit failed: they go before all others, until they are durable.
    private var carried = Ledger.Batch()
    private var isStopping = false
    private let runtime: Runtime
    private var calendar = LocalCalendar()

    /// The least time from the start of one commit to the start of the next.
    static let spacing: UInt64 = 5 * .millisecond
    /// How long the writer waits after a commit that failed.
    static let retry: UInt64 = .second
    /// How often upkeep is looked for when there was none to do.
    static let upkeepInterval: UInt64 = .second
    /// Rows of one slice of upkeep.
    static let upkeepRows = 1_000

    package init(store: LedgerStore, worker: RuntimeExecutor, runtime: Runtime, events: LedgerEvents) {
        self.store = store
        self.worker = worker
        self.events = events
        self.runtime = runtime
        waiter = Waiter(on: worker)
        ledger = Ledger(runtime: runtime, writer: waiter)
    }

    /// Starts to commit, and to save what `detector` knows; the task ends after ``stop()``.
    package func start(saving detector: Detector? = nil) -> Task<Void, Never> {
        worker.spawn { await self.run(detector) }
    }

    /// Ends the writer after everything that was journalled is durable, and evidence is saved; from any thread.
    package func stop() {
        worker.post {
            self.isStopping = true
            self.waiter.signal()
        }
    }

    /// Closes the store, behind all that was asked of it before.
    package func close() async { await worker.spawn { self.store.close() }.value }

    /// Calls `body` with the store, on its thread.
    package func withStore<Result: Sendable>(
        _ body: @escaping @Sendable (LedgerStore) throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let task = worker.spawn { () async -> Swift.Result<Result, StoreError> in
            do throws(StoreError) {
                return .success(try body(self.store))
            } catch {
                self.noteFailure(error)
                return .failure(error)
            }
        }
        return try await task.value.get()
    }

    /// Ends the process where an error of either store says that nothing it writes any more can be relied on.
    func noteFailure(_ error: StoreError) {
        if case .fsyncFailed = error { events.storeLost(error) }
    }

    private func run(_ detector: Detector?) async {
        var nextUpkeep = worker.now
        while true {
            let began = worker.now
            ledger.takePending(into: &carried)
            guard !carried.isEmpty else {
                commitStories()
                save(detector, isLast: isStopping)
                if isStopping { return }
                nextUpkeep = upkeep() ? worker.now : worker.now + LedgerWriter.upkeepInterval
                await waiter.wait(until: nextUpkeep)
                continue
            }
            guard commit(began: began) else {
                if isStopping { return }
                await worker.sleep(until: worker.now + LedgerWriter.retry)
                continue
            }
            save(detector, isLast: false)
            if nextUpkeep <= worker.now {
                nextUpkeep = upkeep() ? worker.now : worker.now + LedgerWriter.upkeepInterval
            }
            await worker.sleep(until: began + LedgerWriter.spacing)
        }
    }

    private func commit(began: Instant) -> Bool {
        let stories = ledger.takeStories()
        do throws(StoreError) {
            try store.append(carried.rows, carried.observations, stories: stories)
        } catch {
            ledger.giveBack(stories)
            if case .fsyncFailed = error { events.storeLost(error) } else { ledger.failed(error.condition) }
            events.commitFailed(error)
            return false
        }
        events.committed(carried.count, worker.now.since(began))
        carried.rows.removeAll(keepingCapacity: true)
        carried.observations.removeAll(keepingCapacity: true)
        ledger.committed(upTo: carried.last)
        return true
    }

    /// Stories never have a commit of their own while there are rows: that would double the commits of a refused client.
    private func commitStories() {
        let stories = ledger.takeStories()
        guard !stories.isEmpty else { return }
        do throws(StoreError) {
            try store.append([], stories: stories)
        } catch {
            ledger.giveBack(stories)
            noteFailure(error)
            events.commitFailed(error)
        }
    }

    /// Saves evidence where that is due.
    private func save(_ detector: Detector?, isLast: Bool) {
        guard let detector, isLast || detector.isSaveDue else { return }
        do throws(StoreError) {
            try detector.save(into: store)
            events.evidenceSaved(nil)
        } catch {
            noteFailure(error)
            events.evidenceSaved(error)
        }
    }

    /// Returns whether there is more to do.
    private func upkeep() -> Bool {
        do throws(StoreError) {
            let now = worker.now
            let today = calendar.refresh(now: now, wall: runtime.wall).day.first
            return try store.maintain(now: now, today: today, budget: LedgerWriter.upkeepRows)
        } catch {
            noteFailure(error)
            events.commitFailed(error)
            return false
        }
    }
}

/// What the writer tells of its work: for metrics, the log, and the end of the process.
package struct LedgerEvents: Sendable {
    package var committed: @Sendable (_ rows: Int, _ nanoseconds: UInt64) -> Void
    package var commitFailed: @Sendable (StoreError) -> Void
    /// Evidence was saved, or why it was not.
    package var evidenceSaved: @Sendable (StoreError?) -> Void
    /// A sync has failed: the next commit would lie, so the process must end here.
    package var storeLost: @Sendable (StoreError) -> Void

    package init(
        committed: @escaping @Sendable (_ rows: Int, _ nanoseconds: UInt64) -> Void = { _, _ in },
        commitFailed: @escaping @Sendable (StoreError) -> Void = { _ in },
        evidenceSaved: @escaping @Sendable (StoreError?) -> Void = { _ in },
        storeLost: @escaping @Sendable (StoreError) -> Void
    ) {
        self.committed = committed
        self.commitFailed = commitFailed
        self.evidenceSaved = evidenceSaved
        self.storeLost = storeLost
    }
}

extension LedgerWriter {
    /// Reads what the store has of the open windows into memory; once, before the first decision.
    package func load(now: Instant) async throws(StoreError) -> LoadReport {
        // Two days hold every window, in every time zone.
        let first = Slot(Instant(nanoseconds: now.nanoseconds - min(now.nanoseconds, 2 * .day)))
        let ledger = ledger
        let moment = ledger.decide { _, moment in moment }
        var report = LoadReport()
        var counting: Task<Void, Never>?
        repeat {
            let former = report
            let (next, rows) = try await withStore { store throws(StoreError) in
                var rows: [(slot: Slot, subject: SubjectID, amount: Amount)] = []
                let next = try store.load(
                    since: first, now: Slot(now), continuing: former, subjects: LedgerWriter.subjectsLoaded
                ) { rows.append(($0, $1, $2)) }
                return (next, rows)
            }
            report = next
            await counting?.value
            // One part is counted while the next is read, where there are loops.
            counting = (runtime.loops.first ?? worker).spawn {
                ledger.decide { book, _ in _ = book.load(rows, at: moment) }
            }
        } while !report.isWhole
        await counting?.value
        return report
    }

    /// Subjects that are loaded together: so many tallies stay in a processor's cache.
    private static let subjectsLoaded: UInt32 = 4_096
}

extension StoreError {
    /// What mail is told while the store has this error.
    var condition: Ledger.Condition {
        if case .full = self { .full } else { .failing }
    }
}
