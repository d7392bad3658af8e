import Synchronization
import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirStore

/// What a server looks after at leisure: numbers that somebody has to fetch, and TLS keys that must not grow old.
///
/// Owned by its one task on the first loop; the slow parts run on the stores' own threads.
final class Housekeeping: Sendable {
    /// From one round to the next, in nanoseconds.
    static let interval: UInt64 = 10 * .second
    /// Rounds from one count of all accounts to the next.
    static let countRounds = 6
    /// Rounds from one renewal of the TLS contexts, and so of their ticket keys, to the next: a day.
    static let renewalRounds = Int(UInt64.day / interval)
    /// Accounts whose use is looked at under one hold of the ledger's lock.
    static let sliceMax = 200

    private let gateway: Gateway
    private let telemetry: Telemetry
    private let dropped: @Sendable () -> UInt64
    private let waiter: Waiter
    private let task = Mutex<Task<Void, Never>?>(nil)
    private let troubles = Mutex<[String]>([])

    /// `dropped` tells how many log lines have been dropped since the start.
    init(_ gateway: Gateway, dropped: @escaping @Sendable () -> UInt64) {
        self.gateway = gateway
        self.dropped = dropped
        telemetry = gateway.telemetry
        waiter = Waiter(on: gateway.runtime.loops[0])
    }

    /// What was found that needs somebody's attention, one sentence each.
    var alarms: [String] { troubles.withLock { $0 } }

    func start() {
        let (ledger, detector, herald) = (gateway.ledger, gateway.detector, gateway.herald)
        telemetry.metrics.detector.cached.sample { Int64(detector.counts.cached) }
        telemetry.metrics.detector.unsaved.sample { Int64(detector.counts.unsaved) }
        telemetry.metrics.operation.notificationsWaiting.sample { [weak herald] in Int64(herald?.waitingCount ?? 0) }
        telemetry.metrics.quota.tracked.sample { ledger.decide { book, _ in Int64(book.count) - 1 } }
        let running = gateway.runtime.loops[0].spawn { [self] in await run() }
        task.withLock { $0 = running }
    }

    func stop() async {
        waiter.interrupt()
        await task.withLock { $0 }?.value
    }

    private func run() async {
        let loop = gateway.runtime.loops[0]
        var told: UInt64 = 0
        var round = 0
        while !waiter.isInterrupted {
            let lost = dropped()
            telemetry.metrics.operation.logLinesDropped.add(lost - told)
            told = lost
            noteCertificates()
            if round % Housekeeping.countRounds == 0 {
                await countAccounts()
                await countUsage()
            }
            round += 1
            if round % Housekeeping.renewalRounds == 0 { gateway.renewTLS() }
            let due = loop.now + Housekeeping.interval
            while loop.now < due, !waiter.isInterrupted { await waiter.wait(until: due) }
        }
        waiter.retire()
    }

    private func noteCertificates() {
        let generation = gateway.generation
        for listener in generation.configuration.listeners {
            let label = telemetry.metrics.listener(listener.name)
            let end = generation.certificateEnds[listener.name] ?? 0
            telemetry.metrics.smtp.certificateNotAfter[label].set(Int64(clamping: end))
        }
    }

    /// Counts accounts by state, and looks for accounts on plans that are not defined.
    private func countAccounts() async {
        let counts: [AccountCount]
        do throws(StoreError) {
            counts = try await gateway.accounts.withStore { store throws(StoreError) in try store.counts() }
        } catch {
            return telemetry.log.error("accounts unreadable", ["reason": .string(error.description)])
        }
        let byState = telemetry.metrics.quota.byState
        for (state, label) in [
            (AccountState.flagged, MetricLabels.RestrictedState.flagged), (.suspended, .suspended),
            (.probation, .probation),
        ] {
            byState[label].set(Int64(counts.filter { $0.state == state }.map(\.count).reduce(0, +)))
        }
        let plans = gateway.generation.policies.plans
        var lost: [String] = []
        for count in counts where plans[count.plan] == nil {
            lost.append(
                "\(count.count) accounts are on plan \(count.plan), which is not defined: their mail is deferred.")
        }
        let isNew = troubles.withLock { troubles in
            defer { troubles = lost }
            return troubles != lost
        }
        if isNew { for trouble in lost { telemetry.log.error("plan unknown", ["reason": .string(trouble)]) } }
    }

    /// Sorts the accounts in memory into bands of use of each limit.
    private func countUsage() async {
        var bands: [Limit.Name: [Int64]] = [:]
        let ledger = gateway.ledger
        await gateway.accounts.forEachSlice(of: Housekeeping.sliceMax) { slice in
            let parties = slice.map(\.standing.parties)
            let counted = try? await gateway.accounts.withStore { _ throws(StoreError) in
                ledger.decide { book, moment in parties.map { book.usage(of: $0, at: moment) } }
            }
            for (account, usages) in zip(slice, counted ?? []) {
                var highest = MetricLabels.UsageBand.low
                for usage in usages where usage.scope == .account && usage.limit.window != .message {
                    let part = usage.allowed > 0 ? Double(usage.used) / Double(usage.allowed) : 1
                    let band: MetricLabels.UsageBand =
                        part < 0.5 ? .low : part < 0.8 ? .middle : part < 1 ? .high : .full
                    bands[usage.limit.name, default: [0, 0, 0, 0]][band.rawValue] += 1
                    if band.rawValue > highest.rawValue { highest = band }
                }
                account.isNearLimit.store(highest != .low, ordering: .relaxed)
            }
        }
        for name in Limit.Name.all {
            guard let counts = bands[name] else { continue }
            let label = telemetry.metrics.limit(name.description)
            for band in MetricLabels.UsageBand.allCases {
                telemetry.metrics.quota.byUsage[label, band].set(counts[band.rawValue])
            }
        }
    }
}

extension Gateway {
    /// Makes the TLS contexts anew from the files as they are now; where that fails the old ones stay.
    func renewTLS() {
        let former = generation
        do throws(ConfigurationErrors) {
            let material = try Material.load(former.loaded, mayCreate: false)
            state.withLock { state in
                guard state.generation === former else { return }
                state.generation = Generation(former, renewed: material)
            }
        } catch {
            telemetry.log.error(
                "certificate unreadable", ["reason": .string(error.errors.map(\.description).joined(separator: "; "))])
        }
    }
}
