import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirGateway
import WeirRuntime

@Suite("A reload") struct ReloadTests {
    @Test("takes new limits, listeners and relays, and drops no session")
    func takes() async throws {
        let home = try Gate.Home(limits: "1 recipients per hour")
        let second = try Sink()
        try await Gate.run(home) { gate in
            let client = try gate.client()
            #expect(
                try client.message(to: ["a@example.com", "b@example.com"], body).recipients.map(\.code) == [250, 450])
            let port = try gate.port()
            try home.plan("home", limits: "3 recipients per hour")
            try home.write(settings: [
                "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: network }, "
                    + "{ name: more, address: \"127.0.0.1:0\", tls: none, accounts: network }]",
                "relays: [{ name: second, address: \"127.0.0.1:\(second.port)\", tls: none }]",
            ])
            let report = try await gate.administration.reload(by: gate.actor)
            #expect(
                report.changes == [
                    "listener more added", "relay second added", "relay relay removed", "plan home changed",
                ])
            #expect(try gate.port() == port, "the listener that did not change stays as it is")
            let answers = try client.message(to: ["a@example.com", "b@example.com", "c@example.com"], body)
            #expect(answers.recipients.map(\.code) == [250, 250, 450])
            #expect(second.recipients == 2 && home.relay.recipients == 1)
            #expect(
                try gate.client(from: "127.0.0.3", listener: "more").message(to: ["a@example.com"], body).delivered == 1
            )
            #expect(try await gate.administration.reload(by: gate.actor).changes == [])
        }
    }

    @Test("keeps what is known of a relay whose share alone changes, and asks a new one at once what it offers")
    func offers() async throws {
        let home = try Gate.Home()
        let second = try Sink()
        try await Gate.run(home) { gate in
            let client = try gate.client()
            #expect(try eventually { try Self.offersAll(client) })
            let known = "{ name: relay, address: \"127.0.0.1:\(home.relay.port)\", tls: none, connections: 7 }"
            try home.write(settings: ["relays: [\(known)]"])
            #expect(try await gate.administration.reload(by: gate.actor).changes.count == 1)
            #expect(try Self.offersAll(client))
            // It gets no mail that would tell.
            let backup = "{ name: second, address: \"127.0.0.1:\(second.port)\", tls: none, weight: 0 }"
            try home.write(settings: ["relays: [\(known), \(backup)]"])
            #expect(try await gate.administration.reload(by: gate.actor).changes.count == 1)
            #expect(try eventually { try Self.offersAll(client) })
        }
    }

    private static func offersAll(_ client: SMTPClient) throws -> Bool {
        let offered = try client.command("EHLO client.example").lines
        return ["8BITMIME", "SMTPUTF8", "DSN"].allSatisfy { offered.contains($0) }
    }

    @Test("closes a listener that is gone, while its sessions live on")
    func closes() async throws {
        let two = [
            "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: network }, "
                + "{ name: old, address: \"127.0.0.1:0\", tls: none, accounts: network }]"
        ]
        let home = try Gate.Home(settings: two)
        try await Gate.run(home) { gate in
            let client = try gate.client(listener: "old")
            let port = try gate.port("old")
            try home.write()
            #expect(try await gate.administration.reload(by: gate.actor).changes == ["listener old removed"])
            #expect(throws: (any Error).self) { try SMTPClient(port: port) }
            let answers = try client.message(to: ["a@example.com"], body)
            #expect(answers.delivered == 1, "\(answers)")
        }
    }

    /// What is wrong with the new configuration, and what the answer names.
    static let refusals: [(settings: [String], policies: [String: String], answer: String)] = [
        (["hostnam: other.example"], [:], "unknown key \"hostnam\": did you mean \"hostname\"?"),
        ([], ["home": "plan: home\nlimits: [5 recipients per eon]\n"], "policies/home.yaml:2:27: "),
        (["store: /nowhere"], [:], "store cannot change while weir runs: restart it, or take the change back"),
        (
            ["timezone: Europe/Berlin"], [:],
            "timezone cannot change while weir runs: restart it, or take the change back"
        ),
        (
            ["networks: [{ range: 127.0.0.0/8, each: 32, plan: other }]"],
            ["home": "plan: other\nlimits: [3 recipients per hour]\n"],
            "1 account is on plan home, which is no longer defined: keep the plan, or move them first "
                + "(weir account list --plan home)"
        ),
        (
            [
                "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: network }, "
                    + "{ name: no, address: \"192.0.2.1:25\", tls: none, accounts: network }]"
            ], ["home": "plan: home\nlimits: [1 recipients per hour]\n"],
            "listener no cannot listen on 192.0.2.1:25: Cannot assign requested address: this machine does not have the "
                + "address; ip addr lists those it has"
        ),
        (
            [
                "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: starttls, accounts: network }]",
                "tls: { certificate: none.pem, key: none.pem }",
            ], [:], "none.pem: No such file or directory"
        ),
    ]

    @Test("is refused whole when anything is wrong, and the old configuration goes on", arguments: refusals.indices)
    func refuses(index: Int) async throws {
        let refusal = ReloadTests.refusals[index]
        let home = try Gate.Home(limits: "3 recipients per hour")
        try await Gate.run(home) { gate in
            let client = try gate.client()
            #expect(try client.message(to: ["a@example.com"], body).delivered == 1)
            let addresses = gate.daemon.server.gateway.addresses
            try home.write(settings: refusal.settings)
            for (name, text) in refusal.policies { try home.folder.write(text, to: "policies/\(name).yaml") }
            do throws(AdminError) {
                _ = try await gate.administration.reload(by: gate.actor)
                Issue.record("it was taken")
            } catch {
                #expect(error.kind == .configuration)
                #expect(error.errors.contains { $0.detail.contains(refusal.answer) }, "\(error.errors)")
            }
            #expect(gate.daemon.server.gateway.addresses == addresses)
            #expect(try client.message(to: ["a@example.com", "b@example.com", "c@example.com"], body).delivered == 2)
            #expect(try gate.curl("/metrics").body.contains("weir_config_last_reload_successful 0\n"))
        }
    }

    @Test("that is refused leaves the way to the relays as it was")
    func refusedRelays() async throws {
        let relay = try Sink(offers: ["AUTH PLAIN"]) { event in
            guard case .command(let line) = event, line.hasPrefix("AUTH") else { return nil }
            return .reply("235 2.7.0 Welcome")
        }
        let home = try Gate.Home(relay: relay)
        try home.folder.write("secret\n", to: "relay.secret")
        let address = "name: relay, address: \"127.0.0.1:\(relay.port)\", tls: none"
        try home.write(settings: ["relays: [{ \(address), login: gate1, password_file: relay.secret }]"])
        try await Gate.run(home) { gate in
            let refusal = ReloadTests.refusals[5]
            try home.write(settings: refusal.settings + ["hostname: other.example", "relays: [{ \(address) }]"])
            await #expect(throws: AdminError.self) { try await gate.administration.reload(by: gate.actor) }
            relay.forget()
            // Each holds a connection of its own, so most are new.
            let clients = try (0..<5).map { _ in try gate.client() }
            for client in clients {
                try client.must("MAIL FROM:<s@client.example>")
                try client.must("RCPT TO:<a@example.com>")
            }
            let hellos = relay.commands.filter { $0.hasPrefix("EHLO") }
            #expect(!hellos.isEmpty && hellos.allSatisfy { $0 == "EHLO gate.example" }, "\(hellos)")
            #expect(relay.commands.count { $0.hasPrefix("AUTH PLAIN") } == hellos.count)
        }
    }

    @Test("that takes a listener away lets its sessions secure themselves still")
    func securesSessionsOfOld() async throws {
        let home = try Gate.Home()
        let certificate = try Authority(home.folder).issue(.none)
        let settings = ["tls: { certificate: \(certificate.certificate), key: \(certificate.key) }"]
        func listener(_ name: String) -> String {
            "listeners: [{ name: \(name), address: \"127.0.0.1:0\", tls: starttls, accounts: network }]"
        }
        try home.write(settings: settings + [listener("in")])
        try await Gate.run(home) { (gate) async throws in
            let script = """
                import os, smtplib, ssl, sys, time
                client = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
                client.ehlo()
                open(sys.argv[2], "w").close()
                while not os.path.exists(sys.argv[3]): time.sleep(0.01)
                client.starttls(context=ssl._create_unverified_context())
                print(client.ehlo()[0])
                """
            let (ready, go) = (home.folder.file("ready"), home.folder.file("go"))
            let output = home.folder.file("output")
            let client = try Program(
                "python3", ["-c", script, "\(try gate.port())", ready, go], output: output)
            #expect(eventually { FileManager.default.fileExists(atPath: ready) }, "\(text(of: output))")
            try home.write(settings: settings + [listener("renamed")])
            _ = try await gate.administration.reload(by: gate.actor)
            try home.folder.write("", to: "go")
            #expect(client.wait(seconds: 20) == .exited(0))
            #expect(text(of: output) == "250\n")
        }
    }

    @Test("that moves a listener to an address which covers its own says that this takes a restart, and so does check")
    func covered() async throws {
        let port = Ports.free()
        func listener(_ host: String) -> String {
            "listeners: [{ name: in, address: \"\(host):\(port)\", tls: none, accounts: network }]"
        }
        let home = try Gate.Home(settings: [listener("127.0.0.1")])
        try await Gate.run(home) { (gate) async throws in
            try home.write(settings: [listener("0.0.0.0")])
            let error = await #expect(throws: AdminError.self) {
                try await gate.administration.reload(by: gate.actor)
            }
            let told = "this gateway's own listener in at 127.0.0.1:\(port) has the port, and keeps it until a restart"
            #expect(error?.errors.contains { $0.detail.hasSuffix(told) } == true, "\(error?.errors ?? [])")
            let check = try Program.run(weir, ["check", "--config", home.path])
            #expect(check.status == 0, "\(check.errors)")
            #expect(check.errors.contains("the daemon listens on 127.0.0.1:\(port)"), "\(check.errors)")
        }
    }
}
