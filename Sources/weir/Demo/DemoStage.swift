import Glibc
import WeirAdmin
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirRuntime

/// The gateway of the demonstration with its relay, all of it real, on free ports of loopback.
final class DemoStage: Sendable {
    let daemon: AdminDaemon
    let relay: DemoRelay
    let folder: TemporaryFolder
    /// What is not the gateway's runs here: the relay, and those who send.
    let world: RealRuntime
    let submission: SocketAddress
    let office: SocketAddress
    private let tls: TLSContext
    private let log: LogWriter
    private let logFile: Int32

    var administration: GatewayAdministration { daemon.administration }
    var socket: String { "\(folder.path)/admin.sock" }

    /// Starts everything; what was begun is ended again where something fails.
    init(in folder: TemporaryFolder, clock: AnchoredClock) async throws {
        self.folder = folder
        let certificate = try SelfSignedCertificate.make(
            names: ["127.0.0.1", "127.0.0.2", "localhost"], directory: folder.path)
        world = try RealRuntime(loops: 1, clock: clock)
        relay = try DemoRelay(certificate)
        tls = try TLSContext(authorities: .file(certificate.certificate))
        let listening = try relay.listen(on: world)
        try folder.write("weir.yaml", DemoStage.configuration(relay: listening.address))
        for (name, text) in DemoCast.plans { try folder.write("policies/\(name).yaml", text + "\n") }
        logFile = try folder.open("weir.log", O_WRONLY | O_CREAT)
        log = try LogWriter(descriptor: logFile, format: .json, clock: clock)
        let loaded = try Configuration.load("\(folder.path)/weir.yaml")
        var options = Server.Options()
        options.loops = 2
        options.log = log
        let server = try await Server(loaded, options)
        do {
            daemon = try AdminDaemon(server, loaded)
        } catch {
            await server.stop()
            throw error
        }
        let addresses = server.gateway.addresses
        guard let submission = addresses["submission"], let office = addresses["office"] else {
            preconditionFailure("the configuration names both listeners")
        }
        self.submission = submission
        self.office = office
        try await addCast()
    }

    /// By import, as subscribers who have been there for long come: the detector is stricter with who was added one by one.
    private func addCast() async throws(AdminError) {
        let rows = DemoCast.members.map { member in
            // At the least cost: passwords that everybody may know.
            let hash = member.password.flatMap { PasswordHash.make(Array($0.utf8), cost: 1)?.text }
            return "\(member.login),\(member.plan),\(hash == nil ? "127.0.0.0/8" : ""),\(hash ?? "")"
        }
        let text = (["login,plan,networks,password_hash"] + rows).joined(separator: "\n")
        let file = try AccountFile(Array(text.utf8))
        _ = try await administration.importAccounts(file, dryRun: false, by: Actor(name: "demo"))
    }

    /// How a member of the cast gets in.
    func door(of member: DemoCast.Member) -> DemoClient.Door {
        guard let password = member.password else { return DemoClient.Door(address: office, tls: tls) }
        return DemoClient.Door(address: submission, login: (member.login, password), tls: tls)
    }

    /// Ends the gateway, then the rest.
    func stop() async {
        await daemon.stop()
        world.stop()
        log.stop()
        close(logFile)
    }

    private static func configuration(relay: SocketAddress) -> String {
        """
        # What weir demo runs with; see Policies/weir.yaml for every key.
        hostname: gate.demo.example
        store: store
        policies: [policies/*.yaml]
        contact: abuse@demo.example
        tls: { certificate: certificate.pem, key: certificate.key }
        listeners:
          - { name: submission, address: "127.0.0.1:0", tls: starttls, accounts: login }
          - { name: office, address: "127.0.0.2:0", tls: none, accounts: network }
        relays:
          - { name: relay, address: "\(relay)", tls: required, ca: certificate.pem }
        delivery: proxy
        admin: { socket: admin.sock, address: "127.0.0.1:0" }
        timeouts: { drain: 2s }

        """
    }
}
