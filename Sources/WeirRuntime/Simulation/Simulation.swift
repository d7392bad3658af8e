package import WeirBase

/// The simulated twin of the machine: one thread, a virtual clock, and a seed that decides all that is left to chance.
///
/// One seed replays bit for bit, as long as the code inside starts its tasks with ``RuntimeExecutor/spawn(_:)`` and asks
/// nobody but its ``Runtime`` for the time, the network and random numbers. Computation takes no virtual time: the clock moves
/// to the next timer or arrival when nothing is ready.
///
/// `@unchecked Sendable`: it is used on the thread that made it; the scheduler traps on any other.
package final class Simulation: Runtime, @unchecked Sendable {
    package let seed: UInt64
    /// When the virtual time began.
    package let start: Instant
    package let network: SimulatedNetwork
    /// The resolver's answers by host name. An unlisted name does not exist.
    package var hosts: [String: Result<[IPAddress], ResolverError>] = [:]

    private let scheduler: Scheduler
    private var numbers: SeededRandom
    private var pauses: SeededRandom
    /// What the wall clock is ahead of ``now``, or behind it, in nanoseconds.
    private var wallOffset: Int64 = 0

    /// 2027-01-15 08:00 UTC.
    package static let epoch = Instant(nanoseconds: 1_800_000_000 * .second)

    package init(seed: UInt64, loops: Int = 2, epoch: Instant = Simulation.epoch, plan: FaultPlan = .none) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        start = epoch
        let scheduler = Scheduler(epoch: epoch, random: random.fork())
        self.scheduler = scheduler
        network = SimulatedNetwork(scheduler: scheduler, random: random.fork(), plan: plan)
        numbers = random.fork()
        pauses = random.fork()
        super.init(loops: (0..<loops).map { scheduler.makeExecutor(name: "loop \($0)") })
    }

    deinit {
        scheduler.abandon()
        network.abandon()
    }

    /// A hash over every decision, delivery and written octet so far.
    package var trace: Trace { scheduler.trace }

    /// Has every event of the network told, in a line each: compare the stories of two runs whose traces differ.
    package func narrate(_ narrator: ((_ at: Instant, _ event: String) -> Void)?) {
        scheduler.narrator = narrator.map { narrator in { [unowned scheduler] in narrator(scheduler.now, $0) } }
    }

    // MARK: - Time and chance

    package override var now: Instant {
        scheduler.check()
        return scheduler.now
    }

    package override var wall: WallTime {
        let nanoseconds = now.nanoseconds
        let size = wallOffset.magnitude
        guard wallOffset < 0 else { return WallTime(nanoseconds: (now + size).nanoseconds) }
        return WallTime(nanoseconds: nanoseconds > size ? nanoseconds - size : 0)
    }

    /// Sets the wall clock forward, or back if `nanoseconds` is negative; ``now`` does not notice.
    package func stepWall(by nanoseconds: Int64) { wallOffset += nanoseconds }

    package override func random() -> UInt64 {
        scheduler.check()
        return numbers.next()
    }

    /// Suspends the calling task for a while that the seed decides: a slow disk, a long computation.
    package func pause(atMost span: UInt64 = 20 * .millisecond) async {
        guard let executor = scheduler.current else { preconditionFailure("only a task of the simulation pauses") }
        await executor.sleep(until: now + pauses.within(0...span))
    }

    // MARK: - The network

    package override func listen(
        on address: SocketAddress, accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) -> any Listening {
        try network.listen(on: address, executors: loops, accept: accept)
    }

    /// Listens as another machine: a relay, whose connections are served on `executor`.
    package func listen(
        on address: SocketAddress, as executor: RuntimeExecutor,
        accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) -> any Listening {
        try network.listen(on: address, executors: [executor], accept: accept)
    }

    package override func connect(to address: SocketAddress, on loop: RuntimeExecutor) throws(SystemError) -> Transport
    {
        connect(to: address, from: SocketAddress(ipv4: 0x7F00_0001, port: 0))
    }

    /// Connects as another machine: a subscriber, whose address is `source`; port 0 takes any.
    package func connect(to address: SocketAddress, from source: SocketAddress) -> SimulatedTransport {
        network.connect(to: address, from: source)
    }

    package override func resolve(
        _ host: String, port: UInt16, on loop: RuntimeExecutor
    ) async throws(ResolverError) -> [SocketAddress] {
        if let address = IPAddress(host) { return [SocketAddress(address, port: port)] }
        await loop.sleep(until: now + network.random.within(network.plan.delay))
        if network.random.chance(network.plan.resolveFailure) {
            throw ResolverError(host: host, reason: "the name server does not answer")
        }
        guard let answer = hosts[host] else { throw ResolverError(host: host, reason: "no such host") }
        return try answer.get().map { SocketAddress($0, port: port) }
    }

    package override func makeWorker(name: String) throws(SystemError) -> RuntimeExecutor { makeExecutor(name: name) }

    /// An executor of its own: a worker, or the machine of a subscriber or relay.
    package func makeExecutor(name: String) -> SimulatedExecutor {
        scheduler.check()
        return scheduler.makeExecutor(name: name)
    }

    // MARK: - Driving

    /// Runs `body` as a task on the first loop, and everything else with it, until that task ends.
    ///
    /// What other tasks have not finished by then goes on with the next call. Throws what `body` throws, or a
    /// ``SimulationFailure`` when nothing can happen any more, or too much has.
    package func run<Success: Sendable>(
        within span: UInt64 = .day, steps: Int = 10_000_000,
        _ body: sending @escaping () async throws -> Success
    ) throws -> Success {
        let outcome = Outcome<Success>()
        loops[0].spawn {
            do { outcome.result = .success(try await body()) } catch { outcome.result = .failure(error) }
        }
        let limit = now + span
        for _ in 0..<steps {
            if let result = outcome.result { return try result.get() }
            if scheduler.runOne() { continue }
            guard let next = scheduler.next else { throw failure(.deadlock) }
            guard next <= limit else { throw failure(.timeOut) }
            scheduler.advance(to: next)
        }
        throw failure(.stepsOut)
    }

    private func failure(_ kind: SimulationFailure.Kind) -> SimulationFailure {
        SimulationFailure(
            kind: kind, seed: seed, after: now.since(start), plan: network.plan, open: network.open.map(\.description))
    }
}

/// `@unchecked Sendable`: written by a task of the simulation and read by its driver, which are one thread.
private final class Outcome<Success>: @unchecked Sendable {
    var result: Result<Success, any Error>?
}

/// Why a simulation could not go on.
package struct SimulationFailure: Error, CustomStringConvertible {
    package enum Kind: String, Sendable {
        case deadlock = "nothing is ready and no timer runs: a task waits for ever, or has escaped"
        case timeOut = "the virtual time is up"
        case stepsOut = "too many steps were taken"
    }

    package let kind: Kind
    package let seed: UInt64
    /// Nanoseconds of virtual time that had passed.
    package let after: UInt64
    package let plan: FaultPlan
    /// Every end of a connection that was still open.
    package let open: [String]

    package var description: String {
        let head = "\(kind.rawValue) (seed \(seed), after \(after) ns, \(plan))"
        return ([head] + open).joined(separator: "\n  open: ")
    }
}
