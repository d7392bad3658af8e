internal import Glibc
import WeirBase
package import WeirConfiguration
package import WeirRuntime
package import WeirStore

/// Why a gateway could not start; each in one message with a way out.
package enum StartError: Error, Sendable {
    /// Files that the configuration names.
    case configuration(ConfigurationErrors)
    case store(StoreError)
    case listen(ListenError)
    case system(SystemError)
    /// The admin server, in words of its own.
    case admin(String)

    /// The exit status, as in sysexits.
    package var exitStatus: Int32 {
        switch self {
        case .configuration: 78
        case .store(let error): error.exitStatus
        case .listen(let error): error.cause.errno == EACCES ? 77 : 69
        case .system: 71
        case .admin: 69
        }
    }
}

extension StartError: CustomStringConvertible {
    /// One line for each thing that is wrong.
    package var description: String {
        switch self {
        case .configuration(let errors): errors.description
        case .store(let error): error.explanation
        case .listen(let error): error.description
        case .system(let error): "the system does not let it start: \(error)"
        case .admin(let reason): "the admin server does not start: \(reason)"
        }
    }
}

/// A listener that could not be opened.
package struct ListenError: Error, Sendable {
    package let listener: String
    package let address: String
    package let cause: SystemError
    /// The gateway's own listener, name and address, that has the port already.
    package private(set) var holder: String?

    init(listener: String, address: String, cause: SystemError) {
        self.listener = listener
        self.address = address
        self.cause = cause
    }

    /// The same error of a gateway that listens already at `own`.
    func held(by own: [(name: String, address: SocketAddress)], wanting address: SocketAddress) -> ListenError {
        guard cause.errno == EADDRINUSE, let present = own.first(where: { $0.address.overlaps(address) }) else {
            return self
        }
        var error = self
        error.holder = "\(present.name) at \(present.address)"
        return error
    }

    /// What to do about an address that cannot be listened on; nil: nothing that is known.
    package static func wayOut(_ code: Int32, orElse change: String) -> String? {
        switch code {
        case EADDRINUSE: "another program listens there; find it with ss -ltnp, stop it, or \(change)"
        case EADDRNOTAVAIL: "this machine does not have the address; ip addr lists those it has"
        case EACCES:
            "ports below 1024 need root or CAP_NET_BIND_SERVICE; with systemd, AmbientCapabilities=CAP_NET_BIND_SERVICE"
        default: nil
        }
    }
}

extension ListenError: CustomStringConvertible {
    package var description: String {
        let hint =
            holder.map { "this gateway's own listener \($0) has the port, and keeps it until a restart" }
            ?? ListenError.wayOut(cause.errno, orElse: "give the listener another address")
        let reason = "listener \(listener) cannot listen on \(address): \(SystemError.text(cause.errno))"
        return hint.map { "\(reason): \($0)" } ?? reason
    }
}

extension StoreError {
    /// The exit status, as in sysexits.
    package var exitStatus: Int32 {
        switch self {
        case .heldByAnother, .full: 75
        case .unreachable(_, _, let code): code == EACCES || code == EPERM ? 77 : 74
        case .damaged, .foreign, .newerVersion, .olderVersion, .incomplete: 65
        case .fsyncFailed, .closed, .other: 74
        case .refused: 65
        }
    }

    /// What is wrong, and the way out of it.
    package var explanation: String {
        switch self {
        case .heldByAnother(let path, let pid) where pid > 0:
            "\(path) is held by process \(pid), a weir that runs already: stop it, or name another store"
        case .heldByAnother(let path, _): "\(path) is held by another process: stop it, or name another store"
        case .unreachable(let path, "mkdir", ENOENT):
            "\(path): \(SystemError.text(ENOENT)): only the last folder is made; make those above it, or name another store"
        case .unreachable(let path, let call, let code):
            "\(path): \(call): \(SystemError.text(code)): the store's folder must be writable for the user that weir runs as"
        case .full(let failure): "the store's disk is full: \(failure): make room and try again"
        case .damaged, .foreign, .newerVersion, .olderVersion, .incomplete, .fsyncFailed, .closed, .refused, .other:
            description
        }
    }
}
