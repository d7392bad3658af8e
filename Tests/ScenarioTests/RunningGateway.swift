import Foundation
import Synchronization
import TestKit
import WeirRuntime

/// The real daemon, with folders, ports, a certificate and accounts of its own.
final class RunningGateway: Sendable {
    /// An account that may send.
    struct Account: Sendable {
        var login: String
        /// An application password, whose SHA-256 is in the store.
        var password: String?
        /// Of a password that people make.
        var hash: String?
        var networks: [String] = []
        var plan = "standard"
    }

    struct Relay: Sendable {
        var address: String
        var tls = "none"
        /// Further keys.
        var settings: [String] = []

        init(_ port: UInt16) { address = "127.0.0.1:\(port)" }
        init(address: String, tls: String, settings: [String] = []) {
            (self.address, self.tls, self.settings) = (address, tls, settings)
        }
    }

    struct Setup: Sendable {
        var relays: [Relay]
        /// By plan.
        var limits: [String: [String]] = ["standard": ["100 recipients per message"]]
        var accounts: [Account] = []
        /// Every address of it is an account on plan "standard".
        var range = "127.0.0.0/8"
        /// Further top-level keys of the configuration, and of every plan.
        var settings: [String] = []
        var planSettings: [String] = []
        /// Further files beside the configuration, by name.
        var files: [String: String] = [:]

        init(relays: [Relay], limits: [String]? = nil, accounts: [Account] = []) {
            self.relays = relays
            self.accounts = accounts
            if let limits { self.limits["standard"] = limits }
        }
    }

    /// What the daemon's certificate is for.
    static let name = "localhost"

    let folder: TemporaryFolder
    let configuration: String
    let submission = Ports.free()
    let submissions = Ports.free()
    /// AUTH in clear.
    let local = Ports.free()
    /// Accounts by source address, each of 127.0.0.0/8 on plan "standard"; STARTTLS is offered.
    let subscribers = Ports.free()
    /// The same, refusing lone LFs.
    let strict = Ports.free()
    let admin = Ports.free()
    private let daemon: Mutex<Program?>

    /// Writes everything, and starts the daemon unless told not to.
    init(_ setup: Setup, starts: Bool = true) throws {
        folder = try TemporaryFolder()
        daemon = Mutex(nil)
        _ = try SelfSignedCertificate.make(
            names: [RunningGateway.name, "127.0.0.1"], directory: folder.path, file: "gateway")
        configuration = folder.file("weir.yaml")
        try folder.write(yaml(setup), to: "weir.yaml")
        for (plan, limits) in setup.limits {
            let lines = ["plan: \(plan)", "limits:"] + limits.map { "  - \($0)" } + setup.planSettings
            try folder.write(lines.joined(separator: "\n") + "\n", to: "policies/\(plan).yaml")
        }
        for (name, text) in setup.files { try folder.write(text, to: name) }
        try add(setup.accounts)
        if starts { try start() }
    }

    deinit { daemon.withLock { $0 }?.kill() }

    var certificate: String { folder.file("gateway.pem") }
    var store: String { folder.file("store") }
    /// Everything the daemon wrote, to both of its outputs, since its last start.
    var log: String { text(of: folder.file("log")) }
    var socket: String { folder.file("admin.sock") }
    var pid: Int32 { daemon.withLock { $0?.pid } ?? 0 }
    var isRunning: Bool { daemon.withLock { $0?.isRunning } ?? false }

    /// The most memory it has had so far, in octets.
    var memoryPeak: Int {
        let line = text(of: "/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) << 10
    }

    /// What /metrics says, each series without its value.
    func series() throws -> Set<String> {
        let page = try Program.run("curl", ["-sS", "--fail", "http://127.0.0.1:\(admin)/metrics"])
        guard page.status == 0 else { throw Program.Failure(description: page.errors) }
        return Set(
            page.output.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { String($0.prefix { $0 != " " }) })
    }

    // MARK: - Starting and stopping

    /// Starts the daemon; through `launcher`, a command that ends as the program that the arguments behind its own name.
    func start(through launcher: [String] = [], environment: [String: String] = [:]) throws {
        let command = launcher + [TestKit.weir, "serve", "--config", configuration]
        let program = try Program(
            command[0], Array(command.dropFirst()), output: folder.file("log"), environment: environment)
        daemon.withLock { $0 = program }
        let ports = [submission, submissions, local, subscribers, strict]
        let isUp = eventually(within: 20) {
            ports.allSatisfy { (try? Socket(connectedTo: $0)) != nil } || !program.isRunning
        }
        guard isUp, program.isRunning else { throw Program.Failure(description: "weir serve did not start: \(log)") }
    }

    /// SIGKILL.
    func kill() { daemon.withLock { $0 }?.kill() }

    /// SIGTERM; how it ended.
    func stop() -> Program.End? { daemon.withLock { $0 }?.stop(seconds: 45) }

    /// Runs another verb against this gateway.
    func weir(_ arguments: String...) throws -> Program.Outcome {
        try Program.run(TestKit.weir, arguments + ["--config", configuration, "--socket", socket])
    }

    // MARK: - Files

    private func yaml(_ setup: Setup) -> String {
        let listeners = [
            ("submission", submission, ["tls: starttls", "accounts: login"]),
            ("submissions", submissions, ["tls: implicit", "accounts: login"]),
            ("local", local, ["tls: none", "accounts: login", "plaintext_auth: true"]),
            ("subscribers", subscribers, ["tls: starttls", "accounts: network"]),
            ("strict", strict, ["tls: none", "accounts: network", "bare_newline: reject"]),
        ]
        var lines = [
            "hostname: gate.example", "store: store", "policies: [policies/*.yaml]", "contact: abuse@isp.example",
            "tls: { certificate: gateway.pem, key: gateway.key }", "delivery: proxy",
            "networks: [{ range: \(setup.range), each: 32, plan: standard }]",
            "admin: { socket: admin.sock, address: 127.0.0.1:\(admin) }", "listeners:",
        ]
        for (name, port, settings) in listeners {
            let settings = ["name: \(name)", "address: 127.0.0.1:\(port)"] + settings
            lines.append("  - { \(settings.joined(separator: ", ")) }")
        }
        lines.append("relays:")
        for (index, relay) in setup.relays.enumerated() {
            let settings = ["name: relay\(index)", "address: \(relay.address)", "tls: \(relay.tls)"] + relay.settings
            lines.append("  - { \(settings.joined(separator: ", ")) }")
        }
        return (lines + setup.settings).joined(separator: "\n") + "\n"
    }

    /// Imports the accounts as an administrator does.
    private func add(_ accounts: [Account]) throws {
        guard !accounts.isEmpty else { return }
        let lines = accounts.map { account in
            let digest = account.password.map {
                SHA256.digest(Array($0.utf8)).map { byte in String(format: "%02x", byte) }
            }
            let hash = account.hash ?? digest.map { "{SHA256}" + $0.joined() } ?? ""
            return "\(account.login),\(account.plan),\(account.networks.joined(separator: " ")),\(hash)"
        }
        let text = (["login,plan,networks,password_hash"] + lines).joined(separator: "\n")
        let outcome = try weir("account", "import", try folder.write(text + "\n", to: "accounts.csv"))
        guard outcome.status == 0 else { throw Program.Failure(description: "import: \(outcome.errors)") }
    }
}
