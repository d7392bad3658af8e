import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirRuntime

/// A gateway in this process, on ports that the system chose, before a relay that takes everything; with its administration.
final class Gate: Sendable {
    let daemon: AdminDaemon
    let home: Home
    let log: CollectedLog

    /// The folder of a gateway's files, which outlives the gateway.
    struct Home: Sendable {
        let folder: TemporaryFolder
        let relay: Sink

        init(relay: Sink? = nil, limits: String = "10 recipients per hour", settings: [String] = []) throws {
            folder = try TemporaryFolder()
            self.relay = try relay ?? Sink()
            try plan("home", limits: limits)
            try write(settings: settings)
        }

        func plan(_ name: String, limits: String) throws {
            try folder.write("plan: \(name)\nlimits: [\(limits)]\n", to: "policies/\(name).yaml")
        }

        /// Writes weir.yaml; `replacing` are the lines of keys that differ from the usual ones.
        func write(settings: [String] = []) throws {
            let usual = [
                "hostname: gate.example", "store: \(folder.file("store"))", "policies: [policies/*.yaml]",
                "contact: abuse@isp.example", "delivery: proxy",
                "networks: [{ range: 127.0.0.0/8, each: 32, plan: home }]",
                "admin: { socket: \(folder.file("admin.sock")), address: \"127.0.0.1:0\" }",
                "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: network }]",
                "relays: [{ name: relay, address: \"127.0.0.1:\(relay.port)\", tls: none }]",
                "timeouts: { drain: 1s }",
            ]
            let kept = usual.filter { line in
                !settings.contains { $0.prefix { $0 != ":" } == line.prefix { $0 != ":" } }
            }
            try folder.write((kept + settings).joined(separator: "\n") + "\n", to: "weir.yaml")
        }

        var path: String { folder.file("weir.yaml") }
    }

    init(_ home: Home) async throws {
        self.home = home
        log = CollectedLog()
        let loaded = try Configuration.load(home.path)
        var options = Server.Options()
        options.loops = 2
        options.log = log
        let server = try await Server(loaded, options)
        do { daemon = try AdminDaemon(server, loaded) } catch {
            await server.stop()
            throw error
        }
    }

    /// Runs `body` with a gateway, and stops it whatever happens.
    static func run(_ home: Home, _ body: (Gate) async throws -> Void) async throws {
        let gate = try await Gate(home)
        do { try await body(gate) } catch {
            await gate.daemon.stop()
            throw error
        }
        await gate.daemon.stop()
    }

    var administration: GatewayAdministration { daemon.administration }
    let actor = Actor(name: "tests")

    func port(_ listener: String = "in") throws -> UInt16 {
        guard let address = daemon.server.gateway.addresses[listener] else {
            throw AdminError(.notFound, "no listener \(listener)")
        }
        return address.port
    }

    /// A client that has said EHLO; each address of 127.0.0.0/8 is an account of plan home.
    func client(from source: String = "127.0.0.2", listener: String = "in") throws -> SMTPClient {
        let client = try SMTPClient(port: port(listener), from: source)
        try client.hello()
        return client
    }

    /// A client that has said EHLO by `name`, and has logged in.
    func session(
        _ login: String, _ secret: String, from source: String = "127.0.0.2", name: String = "client.example"
    ) throws -> SMTPClient {
        let client = try SMTPClient(port: port(), from: source)
        try client.hello(name)
        let reply = try client.login(login, secret)
        guard reply.code == 235 else { throw SMTPClient.Refused(command: "AUTH", reply: reply) }
        return client
    }

    /// Waits until the store has an account in a state, which is where administrators look, and which nobody else waits for.
    func becomes(_ state: WeirAdmin.AccountState, _ login: String) throws {
        let words = "\"state\":\"\(state.rawValue)\""
        let isSo = try eventually { try curl("/v1/accounts/\(login)").body.contains(words) }
        #expect(isSo, "\(login) does not become \(state.rawValue)")
    }

    func used(_ limit: String = "recipients-per-hour", by login: String = "127.0.0.2/32") async throws -> Int64? {
        try await administration.usage(login).limits.first { $0.name == limit }?.used
    }

    /// Asks until there is something, four seconds long.
    static func awaited<Value>(_ ask: () async throws -> Value?) async throws -> Value {
        for _ in 0..<200 {
            if let value = try await ask() { return value }
            try await Task.sleep(for: .milliseconds(20))
        }
        return try #require(try await ask())
    }

    /// A request with curl, over the socket; status and body.
    func curl(_ path: String, _ arguments: String...) throws -> (status: String, body: String) {
        let outcome = try Program.run(
            "/usr/bin/curl",
            ["-s", "--unix-socket", home.folder.file("admin.sock"), "-w", "\n%{http_code}"] + arguments
                + ["http://localhost\(path)"])
        let lines = outcome.output.split(separator: "\n")
        return (String(lines.last ?? ""), lines.dropLast().map { "\($0)\n" }.joined())
    }
}

let body = "Subject: test\r\n\r\nHello."
