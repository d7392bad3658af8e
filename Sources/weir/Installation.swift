import Glibc
import WeirAdmin
import WeirConfiguration
import WeirGateway
import WeirRuntime
import WeirStore

/// Where this machine's weir has its things, by options, environment, configuration and defaults.
struct Installation: Sendable {
    static let defaultConfiguration = "/etc/weir/weir.yaml"
    static let defaultSocket = "/run/weir/admin.sock"

    /// The configuration file.
    let configuration: String
    /// Whether somebody named it; the default's absence is nobody's mistake.
    private let isNamed: Bool
    private let socketOption: String?

    init(configuration: String?, socket: String?) {
        self.configuration = configuration ?? Installation.defaultConfiguration
        isNamed = configuration != nil
        socketOption = socket
    }

    /// The configuration, or all that is wrong with it; where there is none, how to name one.
    func load() throws(ConfigurationErrors) -> LoadedConfiguration {
        do throws(ConfigurationErrors) {
            return try Configuration.load(configuration)
        } catch {
            guard access(configuration, F_OK) != 0 else { throw error }
            throw ConfigurationErrors(
                error.errors.map { ConfigurationError($0.place, $0.message, hint: "--config names another file") })
        }
    }

    /// The daemon's socket: `--socket`, else WEIR_SOCKET, else what the configuration says, else the default.
    var socket: String {
        namedSocket ?? LocalStore.socket(configuration: configuration) ?? Installation.defaultSocket
    }

    private var namedSocket: String? {
        if let socketOption { return socketOption }
        guard let variable = getenv("WEIR_SOCKET"), variable.pointee != 0 else { return nil }
        return String(cString: variable)
    }

    /// The running daemon; throws ``AdminError/Kind/unreachable`` when there is none.
    func daemon() throws(AdminError) -> any Administration {
        try checkNamed()
        let client = UnixHTTPClient(path: socket)
        do throws(AdminError) {
            try client.probe()
        } catch {
            throw error.kind == .unreachable && namedSocket == nil ? explained(error) : error
        }
        return RemoteAdministration(client)
    }

    /// A configuration that was named is there, and is right where it has to say where the daemon listens.
    private func checkNamed() throws(AdminError) {
        guard isNamed, socketOption == nil || access(configuration, F_OK) != 0 else { return }
        do throws(ConfigurationErrors) {
            _ = try load()
        } catch {
            throw AdminError(
                .configuration, "The configuration that --config names is wrong.",
                errors: error.errors.map { AdminError.Detail(detail: $0.description) })
        }
    }

    /// Nobody answers where the configuration should have said: where it is wrong, that is what to mend.
    private func explained(_ error: AdminError) -> AdminError {
        guard access(configuration, F_OK) == 0 else { return error }
        do throws(ConfigurationErrors) {
            _ = try Configuration.load(configuration)
            return error
        } catch let wrong {
            return AdminError(
                .configuration, "\(error.detail) The configuration, which is wrong, does not say where else to look.",
                errors: wrong.errors.map { AdminError.Detail(detail: $0.description) })
        }
    }

    /// The running daemon, or else the store itself, for what works without a daemon.
    func administration() async throws(AdminError) -> any Administration {
        do { return try daemon() } catch {
            guard error.kind == .unreachable else { throw error }
            if let local = try await LocalStore.open(configuration: configuration) { return local }
            throw AdminError(
                .unreachable, "\(error.detail) Nor is there \(configuration) to find the store by; see --config.")
        }
    }
}

/// What the command line takes from the configuration and the store when it has to do without a daemon.
enum LocalStore {
    /// The configuration's `admin.socket`, nil where it cannot be read or says nothing.
    static func socket(configuration: String) -> String? {
        try? Configuration.load(configuration).configuration.admin.socket
    }

    /// Administration of the store itself under its lock; nil where there is no configuration to name one.
    static func open(configuration: String) async throws(AdminError) -> (any Administration)? {
        guard access(configuration, F_OK) == 0 else { return nil }
        let loaded: LoadedConfiguration
        do throws(ConfigurationErrors) {
            loaded = try Configuration.load(configuration)
        } catch {
            throw AdminError(
                .configuration, "No daemon runs, and the configuration that names the store is wrong.",
                errors: error.errors.map { AdminError.Detail(detail: $0.description) })
        }
        LocalCalendar.setZone(loaded.configuration.timezone)
        do throws(StartError) {
            return try await open(loaded)
        } catch {
            if case .store(let cause) = error { throw AdminError(cause) }
            throw AdminError(.fault, error.description)
        }
    }

    private static func open(_ loaded: LoadedConfiguration) async throws(StartError) -> any Administration {
        let stores: Accounting.Stores
        let runtime: RealRuntime
        let hasher: RuntimeExecutor
        do throws(StoreError) {
            stores = try Accounting.Stores(loaded.configuration.store)
        } catch {
            throw .store(error)
        }
        do throws(SystemError) {
            runtime = try RealRuntime(loops: 0, clock: stores.clock)
            hasher = try runtime.makeWorker(name: "weir-hash")
        } catch {
            throw .system(error)
        }
        // What is changed is durable when the call returns, so nothing has to be closed at the end.
        let accounting = try await Accounting(stores, on: runtime, loaded, events: LedgerEvents { _ in _exit(75) })
        return GatewayAdministration(accounting, hasher: hasher)
    }
}
