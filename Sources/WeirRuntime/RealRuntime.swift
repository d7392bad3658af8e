internal import Glibc
import Synchronization
package import WeirBase

/// The machine's own clock, network, threads and random numbers.
///
/// `@unchecked Sendable`: nothing changes after the initialiser.
package final class RealRuntime: Runtime, @unchecked Sendable {
    private let clock: AnchoredClock
    private let eventLoops: [EventLoop]
    private let draws = Atomic(randomOctets(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
    /// Sockets that the service manager passed and that nobody has asked for yet.
    private let passed = Mutex<[(address: SocketAddress, descriptor: Int32)]>([])
    /// By loop; each is touched by its loop's thread alone.
    private let resolvers: [Resolver]

    /// Starts `loops` event loops, each with its thread.
    package init(loops count: Int, clock: AnchoredClock, dns: DNSSettings = DNSSettings()) throws(SystemError) {
        self.clock = clock
        var loops: [EventLoop] = []
        for index in 0..<count {
            let loop = try EventLoop(clock: clock)
            try loop.start(name: "weir-loop-\(index)")
            loops.append(loop)
        }
        eventLoops = loops
        resolvers = loops.map { Resolver(loop: $0, settings: dns) }
        super.init(loops: loops)
    }

    /// Ends the loops after what they are doing.
    package func stop() {
        for loop in eventLoops { loop.stop() }
    }

    package override var now: Instant { clock.now }
    package override var wall: WallTime { clock.wall }

    /// SplitMix64 over a counter that starts at random: for ids, jitter and weights, never for secrets.
    package override func random() -> UInt64 {
        var bits = draws.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }

    package override func listen(
        on address: SocketAddress, accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) -> any Listening {
        if let descriptor = takePassed(address) {
            return ListeningSocket(listening: descriptor, loops: eventLoops, accept: accept)
        }
        return try ListeningSocket(address, loops: eventLoops, accept: accept)
    }

    /// Takes listening sockets that the service manager passed; ``listen(on:accept:)`` uses each where its address is asked for.
    package func adopt(_ sockets: [ServiceManager.Socket]) {
        passed.withLock { passed in
            for socket in sockets {
                guard let address = SocketAddress({ getsockname(socket.descriptor, $0, $1) }) else { continue }
                passed.append((address, socket.descriptor))
            }
        }
    }

    /// The sockets that were passed and that nobody has asked for.
    package var unusedSockets: [SocketAddress] { passed.withLock { $0.map(\.address) } }

    /// A passed socket of this address; one of [::] takes IPv4 as well, as service managers bind it.
    private func takePassed(_ address: SocketAddress) -> Int32? {
        passed.withLock { passed in
            let any = SocketAddress(IPAddress(high: 0, low: 0), port: address.port)
            let isAny = address == SocketAddress(ipv4: 0, port: address.port)
            let index = passed.firstIndex { $0.address == address } ?? passed.firstIndex { isAny && $0.address == any }
            return index.map { passed.remove(at: $0).descriptor }
        }
    }

    package override func connect(to address: SocketAddress, on loop: RuntimeExecutor) throws(SystemError) -> Transport
    {
        guard let loop = loop as? EventLoop else { preconditionFailure("not a loop of this runtime") }
        return try SocketTransport.connect(to: address, loop: loop)
    }

    package override func resolve(
        _ host: String, port: UInt16, on loop: RuntimeExecutor
    ) async throws(ResolverError) -> [SocketAddress] {
        if let address = IPAddress(host) { return [SocketAddress(address, port: port)] }
        guard let index = eventLoops.firstIndex(where: { $0 === loop }) else {
            preconditionFailure("not a loop of this runtime")
        }
        return try await resolvers[index].resolve(host).map { SocketAddress($0, port: port) }
    }

    package override func makeWorker(name: String) throws(SystemError) -> RuntimeExecutor {
        try WorkerThread(clock: clock, name: name)
    }
}
