import Foundation
import Glibc
import Synchronization

/// Ports that nothing listens on, and that nobody was given before.
package enum Ports {
    private static let given = Mutex<Set<UInt16>>([])

    package static func free() -> UInt16 {
        while true {
            let listener = try? Socket.listening()
            guard let port = listener?.port, given.withLock({ $0.insert(port).inserted }) else { continue }
            return port
        }
    }

    /// Whether something listens there within the time.
    package static func opens(_ port: UInt16, within seconds: Double = 20) -> Bool {
        eventually(within: seconds) { (try? Socket(connectedTo: port)) != nil }
    }
}

/// A blocking TCP socket on loopback, with its input in lines.
package final class Socket: @unchecked Sendable {  // One thread uses it at a time; close() from another ends its waits.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        init(_ call: String) { description = "\(call): \(String(cString: strerror(errno)))" }
    }

    private let descriptor: Int32
    private var input: [UInt8] = []
    private var start = 0

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { Glibc.close(descriptor) }

    /// Connects to a port of 127.0.0.1, from an address of 127.0.0.0/8.
    package init(connectedTo port: UInt16, from source: String? = nil, receiveBuffer: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("socket") }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        if var receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4) }
        timeout(seconds: 30)
        if let source, Socket.with(source, 0, { bind(descriptor, $0, $1) }) != 0 { throw Failure("bind") }
        if Socket.with("127.0.0.1", port, { connect(descriptor, $0, $1) }) != 0 { throw Failure("connect") }
    }

    /// Listens on a free port of 127.0.0.1.
    package static func listening() throws -> Socket {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure("socket") }
        let listener = Socket(descriptor: descriptor)
        guard with("127.0.0.1", 0, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 1024) == 0 else {
            throw Failure("listen")
        }
        return listener
    }

    private static func with(
        _ address: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var storage = sockaddr_in()
        storage.sin_family = sa_family_t(AF_INET)
        storage.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &storage.sin_addr)
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Its own port.
    package var port: UInt16 {
        var storage = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: storage.sin_port)
    }

    /// The next connection; nil once the listener is closed.
    package func accept() -> Socket? {
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { return nil }
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        var one: Int32 = 1
        setsockopt(accepted, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        return Socket(descriptor: accepted)
    }

    /// Bounds each wait from now on.
    package func timeout(seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    package func send(_ octets: [UInt8]) throws {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure("send") }
            sent += count
        }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// The next line, its LF and a CR before it removed; nil at the end.
    package func line() throws -> [UInt8]? {
        var searched = start
        while true {
            // The C library's search: ours is slow in a build for debugging.
            let found = input.withUnsafeBytes { octets in
                octets.baseAddress.flatMap { base in
                    memchr(base + searched, 0x0A, octets.count - searched).map { UnsafeRawPointer($0) - base }
                }
            }
            if let end = found {
                let hasReturn = end > start && input[end - 1] == 0x0D
                defer { start = end + 1 }
                return Array(input[start..<(hasReturn ? end - 1 : end)])
            }
            searched = input.count - start
            if try !fill() { return nil }
        }
    }

    /// All that comes until the peer closes.
    package func rest() -> [UInt8] {
        while (try? fill()) == true {}
        defer { start = input.count }
        return Array(input[start...])
    }

    private func fill() throws -> Bool {
        input.removeFirst(start)
        start = 0
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw Failure("recv") }
        input += buffer.prefix(count)
        return count > 0
    }

    /// Ends both directions; waits on it end, and the descriptor goes with the last reference.
    package func close() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Breaks it off: the peer sees a reset.
    package func reset() {
        var abort = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
    }
}
