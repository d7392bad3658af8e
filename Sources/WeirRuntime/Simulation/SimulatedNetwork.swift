internal import Glibc
package import WeirBase

/// The simulated internet: who listens where, and connections between endpoints.
///
/// `@unchecked Sendable`: the scheduler traps on any thread but its own.
package final class SimulatedNetwork: @unchecked Sendable {
    /// How connections behave from now on; those that stand keep the plan they were made under.
    package var plan: FaultPlan
    /// Plans of single destinations, by the address that is connected to.
    package var plans: [SocketAddress: FaultPlan] = [:]

    let scheduler: Scheduler
    var random: SeededRandom
    private var listeners: [SocketAddress: SimulatedListener] = [:]
    private var nextPort: UInt16 = 32_768
    private var pipes: UInt64 = 0
    private var ends: [End] = []
    private var sweepAt = 64

    private struct End {
        weak var transport: SimulatedTransport?
        var isOpen: Bool { transport.map { !$0.isClosed } ?? false }
    }

    init(scheduler: Scheduler, random: SeededRandom, plan: FaultPlan) {
        self.scheduler = scheduler
        self.random = random
        self.plan = plan
    }

    /// Every end of a connection that is not closed.
    package var open: [SimulatedTransport] { ends.compactMap { $0.isOpen ? $0.transport : nil } }

    /// Lets go of everybody who listens, for they refer to the network.
    func abandon() { listeners = [:] }

    // MARK: - Listening

    func listen(
        on address: SocketAddress, executors: [RuntimeExecutor],
        accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) -> SimulatedListener {
        let bound = address.port == 0 ? address.with(port: takePort()) : address
        guard listeners[bound] == nil else { throw SystemError(call: "bind", errno: EADDRINUSE) }
        let listener = SimulatedListener(address: bound, network: self, executors: executors, accept: accept)
        listeners[bound] = listener
        return listener
    }

    func remove(_ listener: SimulatedListener) {
        if listeners[listener.address] === listener { listeners[listener.address] = nil }
    }

    /// Stops accepting at once.
    func stopListening(_ listener: any Listening) {
        if let listener = listener as? SimulatedListener { remove(listener) }
    }

    private func listener(at address: SocketAddress) -> SimulatedListener? {
        listeners[address]
            ?? listeners[address.ip.isIPv4 ? .unspecified.with(port: address.port) : .anyIPv6(address.port)]
    }

    private func takePort() -> UInt16 {
        nextPort = nextPort == .max ? 32_768 : nextPort + 1
        return nextPort
    }

    // MARK: - Connecting

    /// Linux gives up on a connect without answer after so long (six retries).
    private static let connectSpanMax: UInt64 = 127 * .second

    func connect(to address: SocketAddress, from source: SocketAddress) -> SimulatedTransport {
        let plan = plans[address] ?? plan
        let there = makePipe(plan)
        let back = makePipe(plan)
        let local = source.port == 0 ? source.with(port: takePort()) : source
        let client = SimulatedTransport(
            network: self, local: local, peer: address, incoming: back, outgoing: there, isConnected: false)
        keep(client)
        scheduler.narrate("way \(there.number) from \(local) to \(address), way \(back.number) back")
        if random.chance(plan.connectTimeout) {
            scheduler.at(scheduler.now + SimulatedNetwork.connectSpanMax) { [weak client] in client?.fail(ETIMEDOUT) }
            return client
        }
        let isRefused = random.chance(plan.refuse)
        scheduler.at(scheduler.now + random.within(plan.delay)) { [weak client] in
            guard let client, !client.isClosed else { return }
            let answer = self.scheduler.now + self.random.within(plan.delay)
            guard !isRefused, let listener = self.listener(at: address) else {
                return self.scheduler.at(answer) { [weak client] in client?.fail(ECONNREFUSED) }
            }
            back.opens(at: answer)
            let server = SimulatedTransport(
                network: self, local: address, peer: local, incoming: there, outgoing: back, isConnected: true)
            self.keep(server)
            self.scheduler.at(answer) { [weak client] in client?.establish() }
            listener.take(server)
        }
        return client
    }

    private func makePipe(_ plan: FaultPlan) -> Pipe {
        pipes += 1
        return Pipe(number: pipes, network: self, plan: plan)
    }

    private func keep(_ transport: SimulatedTransport) {
        ends.append(End(transport: transport))
        guard ends.count >= sweepAt else { return }
        ends.removeAll { !$0.isOpen }
        sweepAt = 2 * ends.count + 64
    }
}

/// Stands where a listening socket would; each connection goes to an executor that the seed picks.
///
/// `@unchecked Sendable`: the scheduler traps on any thread but its own.
package final class SimulatedListener: Listening, @unchecked Sendable {
    package let address: SocketAddress
    private let network: SimulatedNetwork
    private let executors: [RuntimeExecutor]
    private let accept: @Sendable (Transport, RuntimeExecutor) -> Void

    init(
        address: SocketAddress, network: SimulatedNetwork, executors: [RuntimeExecutor],
        accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) {
        self.address = address
        self.network = network
        self.executors = executors
        self.accept = accept
    }

    package func close() async { network.remove(self) }

    func take(_ transport: SimulatedTransport) {
        let executor = executors[network.random.below(executors.count)]
        nonisolated(unsafe) let transport = transport  // Goes to its executor, and nobody else keeps it.
        executor.post { [accept] in accept(transport, executor) }
    }
}

extension SocketAddress {
    fileprivate func with(port: UInt16) -> SocketAddress { SocketAddress(ip, port: port) }

    fileprivate static func anyIPv6(_ port: UInt16) -> SocketAddress {
        SocketAddress(IPAddress(high: 0, low: 0), port: port)
    }
}
