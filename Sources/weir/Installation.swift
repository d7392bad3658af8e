import Glibc
import WeirAdmin
import WeirConfiguration
import WeirGateway
import WeirRuntime

/// Where this machine's weir has its things, by options, environment, configuration and defaults.
struct Installation: Sendable {
    static let defaultConfiguration = "/etc/weir/weir.yaml"

    /// What was read of the configuration.
    typealias Reading = Result<LoadedConfiguration, ConfigurationErrors>

    /// The configuration file.
    let configuration: String
    /// Whether somebody named it; the default's absence is nobody's mistake.
    private let isNamed: Bool
    /// `--socket`, else WEIR_SOCKET; nil: the configuration says where the daemon listens.
    private let socket: String?

    init(configuration: String?, socket: String?) {
        self.configuration = configuration ?? Installation.defaultConfiguration
        isNamed = configuration != nil
        let variable = getenv("WEIR_SOCKET").map { String(cString: $0) } ?? ""
        self.socket = socket ?? (variable.isEmpty ? nil : variable)
    }

    private var isThere: Bool { access(configuration, F_OK) == 0 }

    /// The configuration, or all that is wrong with it; where there is none, how to name one.
    func load() throws(ConfigurationErrors) -> LoadedConfiguration {
        do throws(ConfigurationErrors) {
            return try Configuration.load(configuration)
        } catch {
            guard !isThere else { throw error }
            throw ConfigurationErrors(
                error.errors.map { ConfigurationError($0.place, $0.message, hint: "--config names another file") })
        }
    }

    /// The configuration where it has to say where the daemon listens, or was named and is not there; else nil.
    private func reading() -> Reading? {
        socket == nil || isNamed && !isThere ? read() : nil
    }

    private func read() -> Reading {
        do throws(ConfigurationErrors) { return .success(try load()) } catch { return .failure(error) }
    }

    /// The running daemon; throws ``AdminError/Kind/unreachable`` when there is none.
    func daemon() throws(AdminError) -> any Administration { try daemon(knowing: reading()) }

    /// The same by what was read of the configuration already.
    func daemon(knowing reading: Reading?) throws(AdminError) -> any Administration {
        if isNamed, case .failure(let wrong)? = reading {
            throw AdminError("The configuration that --config names is wrong.", wrong)
        }
        let client = UnixHTTPClient(path: socket ?? reading?.socket ?? Configuration.Admin.standardSocket)
        do throws(AdminError) {
            try client.probe()
        } catch {
            // Nobody answers where the configuration should have said: where it is wrong, that is what to mend.
            guard error.kind == .unreachable, case .failure(let wrong)? = reading, isThere else { throw error }
            throw AdminError(
                "\(error.detail) The configuration, which is wrong, does not say where else to look.", wrong)
        }
        return RemoteAdministration(client)
    }

    /// The running daemon, or else the store itself, for what works without a daemon.
    func administration() async throws -> any Administration {
        let reading = reading()
        do throws(AdminError) {
            return try daemon(knowing: reading)
        } catch {
            guard error.kind == .unreachable else { throw error }
            guard isThere else {
                throw AdminError(
                    .unreachable, "\(error.detail) Nor is there \(configuration) to find the store by; see --config.")
            }
        }
        let loaded: LoadedConfiguration
        do throws(ConfigurationErrors) {
            loaded = try (reading ?? read()).get()
        } catch {
            throw AdminError("No daemon runs, and the configuration that names the store is wrong.", error)
        }
        return try await Installation.open(loaded)
    }

    /// Administration of the store itself, under its lock.
    private static func open(_ loaded: LoadedConfiguration) async throws -> any Administration {
        LocalCalendar.setZone(loaded.configuration.timezone)
        let stores = try Accounting.Stores(loaded.configuration.store)
        let runtime = try RealRuntime(loops: 0, clock: stores.clock)
        let hasher = try runtime.makeWorker(name: "weir-hash")
        // What is changed is durable when the call returns, so nothing has to be closed at the end.
        let accounting = try await Accounting(
            stores, on: runtime, loaded, events: LedgerEvents { Server.end(because: $0) })
        return GatewayAdministration(accounting, hasher: hasher)
    }
}

extension Result<LoadedConfiguration, ConfigurationErrors> {
    fileprivate var socket: String? { try? get().configuration.admin.socket }
}

extension AdminError {
    fileprivate init(_ detail: String, _ wrong: ConfigurationErrors) {
        self.init(.configuration, detail, errors: wrong.errors.map { Detail(detail: $0.description) })
    }
}
