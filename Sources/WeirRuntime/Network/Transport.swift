package import WeirBase

/// What one read or write came to.
package enum TransferResult: Equatable, Sendable {
    /// So many octets went through, at least one.
    case octets(Int)
    /// Nothing now; ``TransportObserver`` hears when to try again.
    case wouldBlock
    /// The peer has sent all it will (reads only).
    case end
    case failed(SystemError)
}

/// What a handshake or a connect came to.
package enum ProgressResult: Equatable, Sendable {
    case done
    case wouldBlock
    case failed(TransportFailure)
}

/// Why a connection could not be made or secured, in words for the log.
package struct TransportFailure: Error, Equatable, Sendable {
    package let reason: String

    package init(reason: String) { self.reason = reason }
}

/// Octets to and from a peer, without waiting: a socket, TLS over another transport, or the simulation's.
///
/// Owned by one executor and touched by its thread alone, so deliberately not `Sendable`.
package class Transport {
    /// Hears when something may be read or written again; set by the owner.
    package final weak var observer: (any TransportObserver)?

    package init() {}

    package var peer: SocketAddress { preconditionFailure("A subclass knows its peer.") }
    package var local: SocketAddress { preconditionFailure("A subclass knows its own address.") }
    /// What TLS agreed on, or nil in clear.
    package var security: TLSDescription? { nil }

    /// After an outgoing connect: whether it stands.
    package func finishConnect() -> ProgressResult { .done }
    /// Goes on with a TLS handshake, if this transport has one.
    package func handshake() -> ProgressResult { .done }

    package func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        preconditionFailure("A subclass reads.")
    }

    package func write(_ buffer: UnsafeRawBufferPointer) -> TransferResult {
        preconditionFailure("A subclass writes.")
    }

    /// Whether a read that gave less than was asked for has taken all there is: then ``TransportObserver`` tells of more.
    package var shortReadsDrain: Bool { false }

    /// Closes; what was written still goes out. Once.
    package func close() { preconditionFailure("A subclass closes.") }

    /// Closes and resets: what was written may be lost, the peer sees an error.
    package func reset() { close() }
}

/// The owner of a transport, told on its executor's thread.
package protocol TransportObserver: AnyObject {
    func transportReady(_ readiness: Readiness)
}

/// What a TLS handshake agreed on.
package struct TLSDescription: Equatable, Sendable {
    /// "TLSv1.3" and the like.
    package var version: String
    package var cipher: String

    package init(version: String, cipher: String) {
        self.version = version
        self.cipher = cipher
    }
}
