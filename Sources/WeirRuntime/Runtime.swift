package import WeirBase

/// Everything that waits or touches the world, reached through one value: the real one, or the simulation.
///
/// `@unchecked Sendable`: subclasses hold what does not change after their initialiser, or lock it.
package class Runtime: @unchecked Sendable {
    /// Where sessions run; a session stays on the loop that accepted it.
    package let loops: [RuntimeExecutor]

    init(loops: [RuntimeExecutor]) { self.loops = loops }

    /// The gateway's own clock, which never steps.
    package var now: Instant { preconditionFailure("A subclass tells the time.") }

    /// Civil time, for calendars and for people.
    package var wall: WallTime { preconditionFailure("A subclass tells the time.") }

    /// Bits that no two calls share, for ids, jitter and weights; secrets come from ``randomOctets(_:)``.
    package func random() -> UInt64 { preconditionFailure("A subclass is random.") }

    /// Listens on `address`; `accept` is called on the loop that took a connection.
    package func listen(
        on address: SocketAddress, accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) -> any Listening { preconditionFailure("A subclass listens.") }

    /// Begins to connect, on a loop's own thread; ``Connection/finishConnect(until:)`` waits for it.
    package func connect(to address: SocketAddress, on loop: RuntimeExecutor) throws(SystemError) -> Transport {
        preconditionFailure("A subclass connects.")
    }

    /// The addresses of a host name or numeric address, in the resolver's order.
    package func resolve(_ host: String, port: UInt16, on loop: RuntimeExecutor) async throws(ResolverError)
        -> [SocketAddress]
    {
        preconditionFailure("A subclass resolves.")
    }

    /// A thread of its own for work that blocks.
    package func makeWorker(name: String) throws(SystemError) -> RuntimeExecutor {
        preconditionFailure("A subclass has workers.")
    }
}

/// A listening socket or its stand-in.
package protocol Listening: AnyObject, Sendable {
    var address: SocketAddress { get }
    /// Stops accepting; connections that were taken live on.
    func close() async
}

/// Why a host name has no addresses.
package struct ResolverError: Error, Equatable, Sendable {
    package let host: String
    package let reason: String

    package init(host: String, reason: String) {
        self.host = host
        self.reason = reason
    }
}
