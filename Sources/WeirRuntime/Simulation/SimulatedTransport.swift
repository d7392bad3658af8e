internal import Glibc
package import WeirBase

/// One end of a simulated connection, with a socket's manners.
///
/// As with edge-triggered epoll, the observer hears of every arrival, and of room to write after a write found none. Octets
/// before the end are readable; a reset discards them. Closing with octets unread resets, as Linux does.
package final class SimulatedTransport: Transport {
    private let network: SimulatedNetwork
    private let localAddress: SocketAddress
    private let peerAddress: SocketAddress
    private let incoming: Pipe
    private let outgoing: Pipe
    /// Hears every octet that this end reads or writes, for whoever checks what passes.
    package var tap: ((Tapped) -> Void)?
    private var isConnected: Bool
    private var error: Int32?
    private(set) var isClosed = false

    /// What a wiretap hears; the octets are lent.
    package enum Tapped {
        case read(UnsafeRawBufferPointer)
        case wrote(UnsafeRawBufferPointer)
        /// This end closed the connection.
        case closed
    }

    init(
        network: SimulatedNetwork, local: SocketAddress, peer: SocketAddress, incoming: Pipe, outgoing: Pipe,
        isConnected: Bool
    ) {
        self.network = network
        localAddress = local
        peerAddress = peer
        self.incoming = incoming
        self.outgoing = outgoing
        self.isConnected = isConnected
        super.init()
        incoming.reader = self
        outgoing.writer = self
    }

    deinit {
        if !isClosed { close() }
    }

    package override var peer: SocketAddress { peerAddress }
    package override var local: SocketAddress { localAddress }

    package override var shortReadsDrain: Bool { true }

    package override func finishConnect() -> ProgressResult {
        if let error {
            return .failed(TransportFailure(reason: SystemError(call: "connect", errno: error).description))
        }
        return isConnected ? .done : .wouldBlock
    }

    package override func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        precondition(!isClosed, "recv on a transport that was closed")
        if let error { return .failed(SystemError(call: "recv", errno: error)) }
        let count = incoming.take(into: buffer)
        if count > 0 {
            tap?(.read(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
            return .octets(count)
        }
        return incoming.hasEnded ? .end : .wouldBlock
    }

    package override func write(_ buffer: UnsafeRawBufferPointer) -> TransferResult {
        precondition(!isClosed, "send on a transport that was closed")
        if let error { return .failed(SystemError(call: "send", errno: error)) }
        guard isConnected else { return .wouldBlock }
        if outgoing.isFinished { return .failed(SystemError(call: "send", errno: EPIPE)) }
        let count = outgoing.send(buffer)
        guard count > 0 else { return .wouldBlock }
        tap?(.wrote(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
        return .octets(count)
    }

    package override func close() {
        guard !isClosed else { return }
        isClosed = true
        tap?(.closed)
        if isBroken { return }
        if incoming.unread > 0 { outgoing.sendReset() } else { outgoing.finish() }
    }

    package override func reset() {
        guard !isClosed else { return }
        isClosed = true
        tap?(.closed)
        if !isBroken { outgoing.sendReset() }
    }

    /// Sends the end, and goes on reading: what a subscriber's program may do.
    package func halfClose() { outgoing.finish() }

    /// Its process has ended: the peer sees what it sees of a close, and who still holds this end finds it broken.
    func orphan() {
        guard !isClosed, !isBroken else { return }
        tap?(.closed)
        tap = nil
        if incoming.unread > 0 { outgoing.sendReset() } else { outgoing.finish() }
        fail(ECONNRESET)
    }

    // MARK: - The network's side

    var isBroken: Bool { error != nil }

    /// The connection stands.
    func establish() {
        isConnected = true
        tell()
    }

    /// The connection is broken, or never came to be.
    func fail(_ number: Int32) {
        guard !isClosed, error == nil else { return }
        error = number
        network.scheduler.narrate("way \(outgoing.number): its writer fails, \(SystemError.text(number))")
        incoming.discard()
        tell()
    }

    /// Tells the owner how things stand.
    func tell() {
        guard !isClosed else { return }
        let readable = incoming.unread > 0 || incoming.hasEnded
        observer?.transportReady(
            Readiness(
                readable: readable || isBroken, writable: isConnected && outgoing.room > 0 || isBroken,
                ending: incoming.hasEnded || isBroken))
    }
}

extension SimulatedTransport: CustomStringConvertible {
    /// Who is connected to whom, and what lies between them.
    package var description: String {
        let state = isBroken ? "broken" : isConnected ? "connected" : "connecting"
        return
            "\(localAddress) to \(peerAddress): \(state), \(incoming.unread) octets unread, room for \(outgoing.room)"
    }
}
