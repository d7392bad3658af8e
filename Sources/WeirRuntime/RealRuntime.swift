internal import COpenSSL
package import WeirTime

/// The machine's own clock, network, threads and random numbers.
///
/// `@unchecked Sendable`: nothing changes after the initialiser.
package final class RealRuntime: Runtime, @unchecked Sendable {
    private let clock: AnchoredClock
    private let eventLoops: [EventLoop]
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

    package override func random() -> UInt64 {
        var bits: UInt64 = 0
        let result = withUnsafeMutableBytes(of: &bits) {
            RAND_bytes($0.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32($0.count))
        }
        precondition(result == 1, "the system has no random numbers")
        return bits
    }

    package override func listen(
        on address: SocketAddress, accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) -> any Listening {
        try ListeningSocket(address, loops: eventLoops, accept: accept)
    }

    package override func connect(to address: SocketAddress, on loop: RuntimeExecutor) throws(SystemError) -> Transport
    {
        guard let loop = loop as? EventLoop else { preconditionFailure("not a loop of this runtime") }
        return try SocketTransport.connect(to: address, loop: loop)
    }

    package override func resolve(
        _ host: String, port: UInt16, on loop: RuntimeExecutor
    ) async throws(ResolverError) -> [SocketAddress] {
        if let address = SocketAddress(numeric: host, port: port) { return [address] }
        guard let index = eventLoops.firstIndex(where: { $0 === loop }) else {
            preconditionFailure("not a loop of this runtime")
        }
        return try await resolvers[index].resolve(host).map {
            SocketAddress(high: $0.high, low: $0.low, port: port)
        }
    }

    package override func makeWorker(name: String) throws(SystemError) -> RuntimeExecutor {
        try WorkerThread(clock: clock, name: name)
    }
}
