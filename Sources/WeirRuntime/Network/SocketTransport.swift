internal import CAres
internal import CLinux
internal import Glibc
package import WeirBase

/// A TCP socket of one event loop.
package final class SocketTransport: Transport, DescriptorObserver {
    private let loop: EventLoop
    private let descriptor: Int32
    private let peerAddress: SocketAddress
    private var isClosed = false

    /// Takes over a connected, non-blocking descriptor.
    init(descriptor: Int32, peer: SocketAddress, loop: EventLoop) throws(SystemError) {
        self.loop = loop
        self.descriptor = descriptor
        peerAddress = peer
        super.init()
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        do {
            try loop.register(descriptor, observer: self)
        } catch {
            isClosed = true
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Begins to connect; ``finishConnect()`` tells when it stands.
    static func connect(to address: SocketAddress, loop: EventLoop) throws(SystemError) -> SocketTransport {
        let family = address.ip.isIPv4 ? AF_INET : AF_INET6
        let descriptor = try SystemError.check("socket", clinux_socket(family, Int32(SOCK_STREAM.rawValue)))
        let result = address.withSockaddr { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let error = SystemError(call: "connect", errno: errno)
            Glibc.close(descriptor)
            throw error
        }
        return try SocketTransport(descriptor: descriptor, peer: address, loop: loop)
    }

    deinit {
        if !isClosed { close() }
    }

    package override var peer: SocketAddress { peerAddress }

    package override var shortReadsDrain: Bool { true }

    package override var local: SocketAddress {
        SocketAddress { getsockname(descriptor, $0, $1) } ?? SocketAddress.unspecified
    }

    package override func finishConnect() -> ProgressResult {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        guard error == 0 else {
            return .failed(TransportFailure(reason: SystemError(call: "connect", errno: error).description))
        }
        return SocketAddress { getpeername(descriptor, $0, $1) } == nil ? .wouldBlock : .done
    }

    package override func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .octets(count) }
            if count == 0 { return .end }
            if errno != EINTR { return errno == EAGAIN ? .wouldBlock : failure("recv") }
        }
    }

    package override func write(_ buffer: UnsafeRawBufferPointer) -> TransferResult {
        while true {
            let count = send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .octets(count) }
            if errno != EINTR { return errno == EAGAIN ? .wouldBlock : failure("send") }
        }
    }

    /// EBADF and EFAULT mean that this program is wrong about its own descriptors or memory.
    private func failure(_ call: String) -> TransferResult {
        let number = errno
        precondition(number != EBADF && number != EFAULT, "\(call) on a descriptor that is not ours")
        return .failed(SystemError(call: call, errno: number))
    }

    package override func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.unregister(descriptor)
        Glibc.close(descriptor)
    }

    package override func reset() {
        guard !isClosed else { return }
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    func descriptorReady(_ readiness: Readiness) { observer?.transportReady(readiness) }
}
