internal import CAres
internal import CLinux
internal import Glibc
package import WeirBase

/// A listening socket, shared by every loop: each takes what comes to it.
///
/// `@unchecked Sendable`: the descriptor and the closures do not change; each loop has an ``Acceptor`` of its own.
package final class ListeningSocket: Listening, @unchecked Sendable {
    let descriptor: Int32
    package let address: SocketAddress
    private let acceptors: [(loop: EventLoop, acceptor: Acceptor)]

    /// Binds, listens, and begins to accept on every loop. Port 0 takes a free one, which ``address`` then tells.
    package convenience init(
        _ address: SocketAddress, loops: [EventLoop],
        accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) throws(SystemError) {
        let family = address.ip.isIPv4 ? AF_INET : AF_INET6
        let descriptor = try SystemError.check("socket", clinux_socket(family, Int32(SOCK_STREAM.rawValue)))
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard address.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else {
            throw ListeningSocket.abandon(descriptor, "bind")
        }
        guard listen(descriptor, ListeningSocket.backlog) == 0 else {
            throw ListeningSocket.abandon(descriptor, "listen")
        }
        self.init(listening: descriptor, loops: loops, accept: accept)
    }

    /// Takes over a listening descriptor, such as one that systemd passed.
    package init(
        listening descriptor: Int32, loops: [EventLoop],
        accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void
    ) {
        self.descriptor = descriptor
        address = SocketAddress { getsockname(descriptor, $0, $1) } ?? .unspecified
        acceptors = loops.map { ($0, Acceptor(descriptor: descriptor, loop: $0, accept: accept)) }
        for (loop, acceptor) in acceptors { loop.post { acceptor.open() } }
    }

    /// Connections that may wait to be accepted; the kernel's own bound (net.core.somaxconn) applies too.
    static let backlog: Int32 = 4096

    /// Stops accepting on every loop, then closes the socket.
    package func close() async {
        for (loop, acceptor) in acceptors {
            await loop.spawn { acceptor.close() }.value
        }
        Glibc.close(descriptor)
    }

    private static func abandon(_ descriptor: Int32, _ call: String) -> SystemError {
        let error = SystemError(call: call, errno: errno)
        Glibc.close(descriptor)
        return error
    }
}

/// One loop's share of a listening socket.
///
/// `@unchecked Sendable`: used on its loop's thread alone after it was made.
private final class Acceptor: DescriptorObserver, @unchecked Sendable {
    private let descriptor: Int32
    private unowned let loop: EventLoop
    private let accept: @Sendable (Transport, RuntimeExecutor) -> Void
    /// Given up for a moment when descriptors run out, so that a connection can be taken and closed at once.
    private var reserve: Int32 = -1
    private var isOpen = false
    /// It does not look at the socket for a moment.
    private var isPausing = false

    init(descriptor: Int32, loop: EventLoop, accept: @escaping @Sendable (Transport, RuntimeExecutor) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        self.accept = accept
    }

    func open() {
        setReserve()
        // A loop that cannot watch the socket leaves it to the others.
        isOpen = watch()
    }

    private func watch() -> Bool { (try? loop.register(descriptor, observer: self, listening: true)) != nil }

    private func setReserve() { if reserve < 0 { reserve = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) } }

    func close() {
        guard isOpen else { return }
        isOpen = false
        if !isPausing { loop.unregister(descriptor, staysOpen: true) }
        if reserve >= 0 { Glibc.close(reserve) }
        reserve = -1
    }

    /// Connections taken at one go, so that sessions get their turn in a flood.
    private static let batch = 32

    func descriptorReady(_ readiness: Readiness) {
        for _ in 0..<Acceptor.batch where isOpen && !isPausing {
            var accepted: Int32 = -1
            let peer = SocketAddress {
                accepted = clinux_accept(descriptor, $0, $1)
                return accepted
            }
            guard accepted >= 0 else {
                if errno == EMFILE || errno == ENFILE { refuseOne() }
                if errno == EINTR || errno == ECONNABORTED { continue }
                return
            }
            // A descriptor that cannot be watched is closed by the initialiser: the peer sees the end.
            guard let transport = try? SocketTransport(descriptor: accepted, peer: peer ?? .unspecified, loop: loop)
            else { continue }
            accept(transport, loop)
        }
    }

    /// Out of descriptors: takes one connection and closes it, so that the socket does not stay readable for ever.
    ///
    /// Where another thread was quicker to take what was given up, the loop looks away for a moment: it would be called without end.
    private func refuseOne() {
        if reserve >= 0 { Glibc.close(reserve) }
        reserve = -1
        let refused = clinux_accept(descriptor, nil, nil)
        if refused >= 0 { Glibc.close(refused) }
        setReserve()
        if reserve < 0 { pause() }
    }

    /// How long a loop that cannot even refuse looks away, in nanoseconds.
    private static let pause: UInt64 = .second / 10

    private func pause() {
        isPausing = true
        loop.unregister(descriptor, staysOpen: true)
        loop.spawn { [self] in
            await loop.sleep(until: loop.now + Acceptor.pause)
            isPausing = false
            guard isOpen else { return }
            setReserve()
            isOpen = watch()
        }
    }
}
