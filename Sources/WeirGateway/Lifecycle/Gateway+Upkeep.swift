import Synchronization
import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime

/// What is done again and again: probing relays that rest, closing what is idle, forgetting what counts no more.
extension Gateway {
    /// One loop's task of upkeep, and the way to end it.
    struct Upkeep {
        let waiter: Waiter
        let task: Task<Void, Never>
    }

    /// From one round of upkeep to the next, in nanoseconds.
    static let upkeepInterval: UInt64 = 500 * .millisecond
    /// Rounds from one sweep of idle relay connections to the next.
    static let sweepRounds = 10
    /// Subjects that one round looks at to forget those of whom nothing counts.
    static let evictionMax = 2_000
    /// Rounds from one saving of the day's scores to the next: half a minute.
    static let scoreRounds = 60
    /// Rounds from one look at old verdicts to the next: a quarter of an hour.
    static let verdictRounds = 1_800
    /// Rounds until an account that nobody uses is forgotten, at most twice over: a quarter of an hour.
    static let idleRounds = 1_800
    /// How long a start waits for relays that do not answer, in nanoseconds.
    static let probePatience: UInt64 = 5 * .second

    /// Starts a task on every loop; ``drain()`` ends them.
    package func startUpkeep() {
        for index in runtime.loops.indices {
            let waiter = Waiter(on: runtime.loops[index])
            let task = runtime.loops[index].spawn { [self] in await keep(index, waiter) }
            upkeep.withLock { $0.append(Upkeep(waiter: waiter, task: task)) }
        }
    }

    package func endUpkeep() async {
        let tasks = upkeep.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        for upkeep in tasks { upkeep.waiter.interrupt() }
        for upkeep in tasks { await upkeep.task.value }
    }

    private func keep(_ index: Int, _ waiter: Waiter) async {
        let loop = runtime.loops[index]
        let operation = telemetry.metrics.operation
        let lag = operation.loopLag[operation.loop(index)]
        var round = 0
        while !waiter.isInterrupted {
            let due = loop.now + Gateway.upkeepInterval
            await waiter.wait(until: due)
            guard loop.now >= due else { continue }
            lag.observe(loop.now.since(due))
            round += 1
            if round % Gateway.sweepRounds == 0 { sweep(pools[index]) }
            guard index == 0 else { continue }
            probeThoseDue()
            generation.scanner?.probeIfRested(on: loop)
            climateWatch.look(at: detector.alarm, telemetry)
            noteClock()
            if round % Gateway.scoreRounds == 0 { await saveScores() }
            if round % Gateway.verdictRounds == 0 { await expireVerdicts() }
            ledger.decide { book, moment in _ = book.evict(atMost: Gateway.evictionMax, at: moment) }
            accounts.forgetIdle(rounds: Gateway.idleRounds)
        }
        waiter.retire()
    }

    private func noteClock() {
        guard let step = clockWatch.look(now: runtime.now, wall: runtime.wall) else { return }
        telemetry.metrics.operation.clockSteps.add()
        telemetry.log.error("clock stepped", ["reason": .string(step.sentence)])
    }

    private func sweep(_ pool: RelayPool) {
        let relays = generation.relays.all
        pool.sweep { relay in relays.contains { $0 === relay } }
    }

    /// Begins to probe every relay whose rest is over, or that is new.
    func probeThoseDue() {
        let now = runtime.now
        for (index, relay) in generation.relays.all.enumerated() where relay.isProbeDue(at: now) {
            startProbe(relay, on: index % runtime.loops.count)
        }
    }

    /// Connects to every relay once, so that EHLO can tell what they offer; waits a while for those that do not answer.
    package func probeRelays() async {
        let loop = runtime.loops[0]
        let waiter = Waiter(on: loop)
        let probes = generation.relays.all.compactMap { startProbe($0, on: 0, then: waiter) }
        let relays = generation.relays.all
        guard !probes.isEmpty else { return }
        let deadline = loop.now + Gateway.probePatience
        await loop.spawn { [self] in
            while relays.contains(where: isProbing), loop.now < deadline { await waiter.wait(until: deadline) }
        }.value
    }

    private func isProbing(_ relay: RelayState) -> Bool { probing.withLock { $0.contains(ObjectIdentifier(relay)) } }

    /// Probes a relay on a loop, unless that is under way; wakes `other` when it is done.
    @discardableResult
    private func startProbe(_ relay: RelayState, on index: Int, then other: Waiter? = nil) -> Task<Void, Never>? {
        guard probing.withLock({ $0.insert(ObjectIdentifier(relay)).inserted }) else { return nil }
        let loop = runtime.loops[index]
        let pool = pools[index]
        return loop.spawn { [self] in
            let waiter = Waiter(on: loop)
            await pool.probe(relay, waiter: waiter)
            waiter.retire()
            _ = probing.withLock { $0.remove(ObjectIdentifier(relay)) }
            other?.wake()
        }
    }
}
