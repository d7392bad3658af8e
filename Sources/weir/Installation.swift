import Glibc
import WeirAdmin

/// Where this machine's weir has its things, by options, environment, configuration and defaults.
struct Installation: Sendable {
    static let defaultConfiguration = "/etc/weir/weir.yaml"
    static let defaultSocket = "/run/weir/admin.sock"

    /// The configuration file.
    let configuration: String
    private let socketOption: String?

    init(configuration: String?, socket: String?) {
        self.configuration = configuration ?? Installation.defaultConfiguration
        socketOption = socket
    }

    /// The daemon's socket: `--socket`, else WEIR_SOCKET, else what the configuration says, else the default.
    var socket: String {
        if let socketOption { return socketOption }
        if let variable = getenv("WEIR_SOCKET"), variable.pointee != 0 { return String(cString: variable) }
        return LocalStore.socket(configuration: configuration) ?? Installation.defaultSocket
    }

    /// The running daemon; throws ``AdminError/Kind/unreachable`` when there is none.
    func daemon() throws(AdminError) -> any Administration {
        let client = UnixHTTPClient(path: socket)
        try client.probe()
        return RemoteAdministration(client)
    }

    /// The running daemon, or else the store itself, for what works without a daemon.
    func administration() async throws(AdminError) -> any Administration {
        do { return try daemon() } catch {
            guard error.kind == .unreachable, let local = try await LocalStore.open(configuration: configuration) else {
                throw error
            }
            return local
        }
    }
}

/// What the command line takes from the configuration and the store when it has to do without a daemon.
enum LocalStore {
    /// The configuration's `admin.socket`, nil where it cannot be read or says nothing.
    static func socket(configuration: String) -> String? { nil }

    /// Administration of the store itself under its lock; nil when this build has none.
    static func open(configuration: String) async throws(AdminError) -> (any Administration)? { nil }
}
