internal import Glibc
package import WeirBase

/// One process within a simulation, with loops, workers and sockets of its own, which ``kill()`` ends as a kernel does.
///
/// What its tasks do after that reaches nobody: they find every socket broken, and run to their end.
///
/// `@unchecked Sendable`: the scheduler traps on any thread but its own.
package final class SimulatedProcess: Runtime, @unchecked Sendable {
    package let simulation: Simulation
    package private(set) var isKilled = false
    /// Hears of each connection that it makes.
    package var onConnect: ((SimulatedTransport) -> Void)?
    private let address: SocketAddress
    private var listeners: [Listener] = []
    private var sockets: [Socket] = []
    private var sweepAt = 64

    private struct Listener {
        weak var listening: (any Listening)?
    }

    private struct Socket {
        weak var transport: SimulatedTransport?
    }

    /// A process whose connections come from `address`, whatever its port.
    package init(in simulation: Simulation, name: String, loops: Int, address: SocketAddress) {
        self.simulation = simulation
        self.address = SocketAddress(address.ip, port: 0)
        super.init(loops: (0..<loops).map { simulation.makeExecutor(name: "\(name) loop \($0)") })
    }

    /// Ends its sockets at once: what was written goes out, and nothing more ever does.
    package func kill() {
        guard !isKilled else { return }
        isKilled = true
        for listener in listeners.compactMap(\.listening) { simulation.network.stopListening(listener) }
        listeners = []
        for socket in sockets { socket.transport?.orphan() }
        sockets = []
    }

    package override var now: Instant { simulation.now }
    package override var wall: WallTime { simulation.wall }
    package override func random() -> UInt64 { simulation.random() }

    package override func listen(
        on address: SocketAddress, accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) -> any Listening {
        guard !isKilled else { throw SystemError(call: "listen", errno: ENETDOWN) }
        let listener = try simulation.network.listen(on: address, executors: loops) { [weak self] transport, loop in
            guard let self, !isKilled else { return transport.reset() }
            keep(transport)
            accept(transport, loop)
        }
        listeners.append(Listener(listening: listener))
        return listener
    }

    package override func connect(to address: SocketAddress, on loop: RuntimeExecutor) throws(SystemError) -> Transport
    {
        guard !isKilled else { throw SystemError(call: "connect", errno: ENETDOWN) }
        let transport = simulation.connect(to: address, from: self.address)
        keep(transport)
        onConnect?(transport)
        return transport
    }

    private func keep(_ transport: Transport) {
        guard let transport = transport as? SimulatedTransport else { return }
        sockets.append(Socket(transport: transport))
        guard sockets.count >= sweepAt else { return }
        sockets.removeAll { $0.transport == nil }
        sweepAt = 2 * sockets.count + 64
    }

    package override func resolve(
        _ host: String, port: UInt16, on loop: RuntimeExecutor
    ) async throws(ResolverError) -> [SocketAddress] {
        try await simulation.resolve(host, port: port, on: loop)
    }

    package override func makeWorker(name: String) throws(SystemError) -> RuntimeExecutor {
        simulation.makeExecutor(name: name)
    }
}
