import Glibc

/// A Unix socket that receives datagrams: what a service manager listens on.
package final class DatagramSocket: Sendable {
    private let descriptor: Int32

    /// Binds to a path, or with `@` to an abstract name.
    package init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = Array(path.utf8)
        if name.first == UInt8(ascii: "@") { name[0] = 0 } else { name.append(0) }
        let address = withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } + name
        let result = address.withUnsafeBytes { octets in
            octets.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress, socklen_t(octets.count)) }
        }
        guard result == 0 else {
            throw Program.Failure(description: "bind to \(path): \(String(cString: strerror(errno)))")
        }
        var time = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// The next datagram; empty when none comes within thirty seconds.
    package func receive() -> String {
        var octets = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &octets, octets.count, 0)
        return String(decoding: octets[..<max(0, count)], as: UTF8.self)
    }
}
