import Glibc
import WeirBase
package import WeirConfiguration
package import WeirGateway
import WeirRuntime

/// A running gateway with its administrators' doors: the socket, and the address if there is one.
package final class AdminDaemon: Sendable {
    package let server: Server
    package let administration: GatewayAdministration
    /// The port of `admin.address`, also where the system chose it.
    package let port: UInt16?
    private let doors: [HTTPServer]
    /// The threads that make answers and that hash passwords: neither holds up a loop, nor the other.
    private let clerk: RuntimeExecutor
    private let hasher: RuntimeExecutor

    /// What this program is, as `weir version`, the status and the metrics say it.
    package static let version = "0.1.0"

    /// Opens the doors of a gateway that has started.
    package init(_ server: Server, _ loaded: LoadedConfiguration) throws(StartError) {
        self.server = server
        let metrics = server.telemetry.metrics
        metrics.configuration.build.set([AdminDaemon.version, "", "6.3"])
        let settings = loaded.configuration.admin
        do throws(SystemError) {
            clerk = try server.runtime.makeWorker(name: "weir-admin")
            hasher = try server.runtime.makeWorker(name: "weir-hash")
        } catch {
            throw .system(error)
        }
        let gatekeeper: Gatekeeper
        do throws(ConfigurationErrors) {
            gatekeeper = Gatekeeper(tokens: try AdminDaemon.tokens(loaded))
        } catch {
            throw .configuration(error)
        }
        administration = GatewayAdministration(
            server.accounting, hasher: hasher,
            daemon: GatewayAdministration.Daemon(
                server: server, version: AdminDaemon.version,
                reload: { actor throws(AdminError) in
                    try await AdminDaemon.reload(server, gatekeeper, by: actor)
                }))
        AdminDaemon.note(loaded, in: metrics, succeeded: true)
        let router = Router(
            routes: AdminRoutes(administration, metrics: metrics).all, gatekeeper: gatekeeper,
            hosts: [loaded.configuration.hostname], metrics: metrics.operation)
        var doors: [HTTPServer] = []
        do {
            if let folder = AdminDaemon.folder(of: settings.socket) { try AdminDaemon.make(folder) }
            doors.append(try HTTPServer(on: .unixSocket(path: settings.socket), executor: clerk, responder: router))
            if let group = settings.group { try AdminDaemon.give(settings.socket, to: group) }
            if let address = settings.address {
                let endpoint = HTTPEndpoint.tcp(address: address.ip.description, port: address.port)
                doors.append(try HTTPServer(on: endpoint, executor: clerk, responder: router))
            }
        } catch {
            let opened = doors
            clerk.spawn { for door in opened { await door.stop() } }
            throw .admin("\(error)")
        }
        self.doors = doors
        port = doors.last?.port
    }

    /// Closes the doors, then stops the gateway.
    package func stop() async {
        for door in doors { await door.stop() }
        await server.stop()
        for worker in [clerk, hasher] { (worker as? WorkerThread)?.stop() }
    }

    // MARK: - Reload

    private static func reload(
        _ server: Server, _ gatekeeper: Gatekeeper, by actor: Actor
    ) async throws(AdminError) -> ReloadReport {
        let metrics = server.telemetry.metrics
        do throws(AdminError) {
            let (loaded, changes) = try await take(server, gatekeeper)
            note(loaded, in: metrics, succeeded: true)
            server.telemetry.log.info(
                "reloaded",
                [
                    "actor": .string(actor.name), "digest": .string(loaded.digest), "changes": .int(changes.count),
                ])
            return ReloadReport(changes: changes)
        } catch {
            metrics.configuration.lastReloadSuccessful.set(0)
            metrics.configuration.reloads[.refused].add()
            let reasons = [error.detail] + error.errors.map(\.detail)
            server.telemetry.log.error(
                "reload refused",
                ["actor": .string(actor.name), "reason": .string(reasons.joined(separator: "; "))])
            throw error
        }
    }

    private static func take(
        _ server: Server, _ gatekeeper: Gatekeeper
    ) async throws(AdminError) -> (LoadedConfiguration, [String]) {
        let loaded: LoadedConfiguration
        let tokens: [AdminToken]
        let material: Material
        do throws(ConfigurationErrors) {
            loaded = try Configuration.load(server.path)
            tokens = try AdminDaemon.tokens(loaded)
            material = try Material.load(loaded, mayCreate: false)
        } catch {
            throw .configuration(error.errors.map(\.description))
        }
        do throws(ReloadError) {
            var changes = try await server.gateway.reload(loaded, material)
            if tokens != gatekeeper.tokens { changes.append("admin.token_file changed") }
            gatekeeper.tokens = tokens
            return (loaded, changes)
        } catch {
            if case .busy = error { throw AdminError(.temporary, "\(error).") }
            throw .configuration(error.description.split(separator: "\n").map(String.init))
        }
    }

    private static func note(_ loaded: LoadedConfiguration, in metrics: GatewayMetrics, succeeded: Bool) {
        metrics.configuration.lastReloadSuccessful.set(1)
        metrics.configuration.lastReloadSuccess.set(Int64(time(nil)))
        metrics.configuration.reloads[.success].add()
        metrics.configuration.digest.set([loaded.digest])
    }

    // MARK: - Doors

    /// Who may use the API over the network.
    package static func tokens(_ loaded: LoadedConfiguration) throws(ConfigurationErrors) -> [AdminToken] {
        guard let file = loaded.configuration.admin.tokenFile else { return [] }
        return try AdminToken.load(file, named: loaded.place(of: ["admin.token_file"]))
    }

    /// The socket's folder, which is made where only that is missing, as /run is empty after a boot.
    private static func folder(of socket: String) -> String? {
        guard let slash = socket.lastIndex(of: "/"), slash != socket.startIndex else { return nil }
        return String(socket[..<slash])
    }

    private static func make(_ folder: String) throws(HTTPServerError) {
        if mkdir(folder, 0o750) != 0, errno != EEXIST { throw noFolder(folder, errno) }
    }

    private static func noFolder(_ folder: String, _ code: Int32) -> HTTPServerError {
        HTTPServerError(description: "\(folder): \(SystemError.text(code)): admin.socket needs this folder")
    }

    private static func give(_ socket: String, to group: String) throws(HTTPServerError) {
        guard chown(socket, uid_t.max, try number(of: group)) == 0 else {
            let reason = SystemError.text(errno)
            throw HTTPServerError(description: "admin.group: \(socket) cannot be given to group \(group): \(reason)")
        }
    }

    private static func number(of group: String) throws(HTTPServerError) -> gid_t {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var text = [CChar](repeating: 0, count: 16_384)
        guard getgrnam_r(group, &entry, &text, text.count, &found) == 0, found != nil else {
            throw HTTPServerError(
                description: "admin.group: there is no group \(group); make it with groupadd \(group)")
        }
        return entry.gr_gid
    }

    /// What would keep the socket from being opened, at the key that says so.
    package struct Fault: Sendable {
        package let key: String
        package let reason: String
        /// Another user's rights may suffice.
        package var mayBeRights = false
    }

    /// Looks at what the socket needs, and changes nothing.
    package static func faults(in settings: Configuration.Admin) -> [Fault] {
        var faults: [Fault] = []
        if let folder = folder(of: settings.socket), access(folder, F_OK) != 0,
            let code = System.obstacle(toFolder: folder)
        {
            faults.append(
                Fault(
                    key: "admin.socket", reason: noFolder(folder, code).description, mayBeRights: code == EACCES))
        }
        do throws(HTTPServerError) {
            _ = try HTTPEndpoint.isSocket(settings.socket)
        } catch {
            faults.append(Fault(key: "admin.socket", reason: error.description))
        }
        do throws(HTTPServerError) {
            if let group = settings.group { _ = try number(of: group) }
        } catch {
            faults.append(Fault(key: "admin.group", reason: error.description))
        }
        return faults
    }
}

extension AdminError {
    /// A configuration that was refused, with each thing that is wrong with it.
    fileprivate static func configuration(_ reasons: [String]) -> AdminError {
        AdminError(
            .configuration, "The new configuration was refused; the old one stays in force.",
            errors: reasons.map { Detail(detail: $0) })
    }
}
