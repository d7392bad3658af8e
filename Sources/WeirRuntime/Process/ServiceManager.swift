internal import CAres
internal import CLinux
internal import Glibc

/// systemd, or whatever started this process and speaks its protocol: told how it goes, asked for sockets.
///
/// Source: sd_notify(3), sd_listen_fds(3).
package struct ServiceManager: Sendable {
    package enum State: Equatable, Sendable {
        /// Started, or done with a reload.
        case ready
        case reloading
        case stopping
        /// One line for people.
        case status(String)
        /// Alive; due at least twice each ``ServiceManager/watchdogMicroseconds``.
        case watchdog
    }

    /// A listening socket that was passed: its name in the unit, and its descriptor, non-blocking and closed on exec.
    package struct Socket: Equatable, Sendable {
        package let name: String
        package let descriptor: Int32
    }

    private let address: [UInt8]?
    /// The longest silence that the manager bears, in microseconds; nil if it does not mind.
    package let watchdogMicroseconds: UInt64?

    /// Reads NOTIFY_SOCKET and WATCHDOG_USEC; without them nothing is told.
    package init(environment: (String) -> String? = environmentValue) {
        address = environment("NOTIFY_SOCKET").flatMap(ServiceManager.address)
        let isMeant = environment("WATCHDOG_PID").map { $0 == "\(getpid())" } ?? true
        watchdogMicroseconds = isMeant ? environment("WATCHDOG_USEC").flatMap { UInt64($0) } : nil
    }

    /// Tells the manager; what it does not take at once is lost, for nobody here waits for it.
    package func notify(_ states: State...) {
        guard let address, !states.isEmpty else { return }
        let descriptor = clinux_socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue))
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let message = Array(states.map(ServiceManager.text).joined(separator: "\n").utf8)
        address.withUnsafeBytes { octets in
            octets.withMemoryRebound(to: sockaddr.self) {
                _ = sendto(
                    descriptor, message, message.count, Int32(MSG_NOSIGNAL), $0.baseAddress, socklen_t(octets.count))
            }
        }
    }

    private static func text(_ state: State) -> String {
        switch state {
        case .ready: "READY=1"
        case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(clinux_monotonic() / 1_000)"
        case .stopping: "STOPPING=1"
        case .status(let text): "STATUS=" + String(text.map { $0.isNewline ? " " : $0 })
        case .watchdog: "WATCHDOG=1"
        }
    }

    /// A socket's path, or with `@` its abstract name, as the octets of a `sockaddr_un`.
    private static func address(_ path: String) -> [UInt8]? {
        var name = Array(path.utf8)
        guard let first = name.first, name.count < 108, !name.contains(0) else { return nil }
        switch first {
        case UInt8(ascii: "@"): name[0] = 0
        case UInt8(ascii: "/"): name.append(0)
        default: return nil
        }
        return withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } + name
    }

    // MARK: - Sockets

    /// Sockets that one start may pass.
    static let socketsMax = 64
    /// SD_LISTEN_FDS_START.
    private static let firstDescriptor: Int32 = 3

    /// The sockets that were passed to this process, in the unit's order; none if they were meant for another.
    ///
    /// Called once, early: the variables are removed, so that no child takes them for its own.
    package static func takeSockets(
        environment: (String) -> String? = environmentValue, first: Int32? = nil
    ) -> [Socket] {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
        guard environment("LISTEN_PID") == "\(getpid())",
            let count = environment("LISTEN_FDS").flatMap({ Int32($0) }), (1...Int32(socketsMax)).contains(count)
        else { return [] }
        let names = environment("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        return (0..<count).map { index in
            let descriptor = (first ?? firstDescriptor) + index
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            let name = Int(index) < names.count ? String(names[Int(index)]) : "unknown"
            return Socket(name: name, descriptor: descriptor)
        }
    }

    /// A variable of this process's environment.
    package static func environmentValue(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
