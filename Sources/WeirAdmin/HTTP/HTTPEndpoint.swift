import Glibc
import WeirGateway
import WeirRuntime

/// Why the admin server could not start, in words for the operator.
package struct HTTPServerError: Error, Hashable, CustomStringConvertible {
    package var description: String
}

/// Where an ``HTTPServer`` listens.
package enum HTTPEndpoint: Hashable, Sendable {
    /// A Unix socket that its owner and group may connect to; its folder must exist.
    case unixSocket(path: String)
    /// A literal IPv4 or IPv6 address; port 0 takes any that is free.
    case tcp(address: String, port: UInt16)

    /// Opens the listening socket; the caller closes it.
    func listen() throws(HTTPServerError) -> Int32 {
        switch self {
        case .unixSocket(let path): try HTTPEndpoint.listen(path: path)
        case .tcp(let address, let port): try HTTPEndpoint.listen(address: address, port: port)
        }
    }

    private static let backlog: Int32 = 128

    /// A stale socket is replaced; one that somebody answers on is an error.
    private static func listen(path: String) throws(HTTPServerError) -> Int32 {
        guard let address = UnixAddress(path) else {
            throw HTTPServerError(description: "\(path): longer than a socket's path may be")
        }
        try clear(path, address)
        let descriptor = socket(AF_UNIX, streamType, 0)
        guard descriptor >= 0 else { throw failure(path, "socket") }
        // Made for its owner alone, opened to the group when it is there: nobody else ever gets in between,
        // and the process' umask, which other threads share, stays as it is.
        guard fchmod(descriptor, 0o600) == 0, address.bind(descriptor) == 0 else {
            throw closing(descriptor, failure(path, "bind"))
        }
        guard chmod(path, 0o660) == 0, Glibc.listen(descriptor, backlog) == 0 else {
            throw closing(descriptor, failure(path, "listen"))
        }
        return descriptor
    }

    private static func clear(_ path: String, _ address: UnixAddress) throws(HTTPServerError) {
        guard try isSocket(path) else { return }
        let probe = socket(AF_UNIX, streamType, 0)
        guard probe >= 0 else { throw failure(path, "socket") }
        defer { close(probe) }
        if address.connect(probe) == 0 || errno == EAGAIN {
            throw HTTPServerError(description: "another weir answers on \(path)")
        }
        guard errno == ECONNREFUSED else { throw failure(path, "connect") }
        guard unlink(path) == 0 else { throw failure(path, "unlink") }
    }

    /// Whether there is a socket, which would be replaced; throws where there is something else, which never is.
    static func isSocket(_ path: String) throws(HTTPServerError) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return false }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw HTTPServerError(description: "\(path): exists and is no socket; remove it or choose another path")
        }
        return true
    }

    private static func listen(address: String, port: UInt16) throws(HTTPServerError) -> Int32 {
        let name = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, String(port), &hints, &list) == 0, let first = list?.pointee else {
            throw HTTPServerError(description: "\(name): not an IP address and a port")
        }
        defer { freeaddrinfo(list) }
        let descriptor = socket(first.ai_family, streamType, 0)
        guard descriptor >= 0 else { throw failure(name, "socket") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, first.ai_addr, first.ai_addrlen) == 0, Glibc.listen(descriptor, backlog) == 0 else {
            let code = errno
            let reason = "admin.address: cannot listen on \(name): \(SystemError.text(code))"
            let way = ListenError.wayOut(code, orElse: "choose another address").map { ": \($0)" } ?? ""
            throw closing(descriptor, HTTPServerError(description: reason + way))
        }
        return descriptor
    }

    /// The port that a TCP listener has.
    static func port(of descriptor: Int32) -> UInt16? {
        var storage = sockaddr_in6()  // the port lies in the same place in sockaddr_in
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        let family = Int32(storage.sin6_family)
        guard status == 0, family == AF_INET || family == AF_INET6 else { return nil }
        return UInt16(bigEndian: storage.sin6_port)
    }

    private static let streamType =
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)

    private static func failure(_ place: String, _ call: String) -> HTTPServerError {
        HTTPServerError(description: "\(place): \(call): \(SystemError.text(errno))")
    }

    private static func closing(_ descriptor: Int32, _ error: HTTPServerError) -> HTTPServerError {
        close(descriptor)
        return error
    }
}

/// The address of a Unix socket by its path.
struct UnixAddress {
    private var address = sockaddr_un()

    /// Nil when the path is empty, holds a NUL, or does not fit.
    init?(_ path: String) {
        let octets = Array(path.utf8)
        guard !octets.isEmpty, !octets.contains(0), octets.count < MemoryLayout.size(ofValue: address.sun_path) else {
            return nil
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
    }

    func bind(_ descriptor: Int32) -> Int32 { withAddress { Glibc.bind(descriptor, $0, $1) } }
    func connect(_ descriptor: Int32) -> Int32 { withAddress { Glibc.connect(descriptor, $0, $1) } }

    private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
