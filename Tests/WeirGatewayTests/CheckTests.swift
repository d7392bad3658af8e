import Foundation
import TestKit
import Testing
import WeirRuntime

@Suite("weir without a daemon") struct CheckTests {
    /// Runs a verb for a gateway's files.
    private func run(_ home: Gate.Home, _ arguments: String...) throws -> Program.Outcome {
        try Program.run(weir, arguments + ["--config", home.path, "--socket", home.folder.file("admin.sock")])
    }

    @Test("check says in short what is right, and changes nothing")
    func sound() throws {
        let home = try Gate.Home()
        let outcome = try run(home, "check")
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        #expect(
            outcome.output == """
                configuration: 2 files, 1 plan
                store: \(home.folder.file("store")) will be made at the first start
                listeners: 1, nothing else on their ports
                relay relay: answers

                """)
        #expect(!FileManager.default.fileExists(atPath: home.folder.file("store")))
        #expect(!FileManager.default.fileExists(atPath: home.folder.file("hash.key")))
    }

    // Resolvers never ask anybody for a name in .onion.
    /// The keys that are wrong, and the lines that say so; FOLDER stands for the gateway's, PORT for one that is taken.
    static let faults: [(settings: [String], lines: [String])] = [
        (
            ["hostname: gate.example", "hostnam: gate.example", "timeouts: { drain: soon }"],
            [
                "FOLDER/weir.yaml:10:1: unknown key \"hostnam\": did you mean \"hostname\"?",
                "FOLDER/weir.yaml:11:20: expected a duration from 0s to 1h, such as 30s or 5m for \"timeouts.drain\", found \"soon\"",
            ]
        ),
        (
            [
                "relays: [{ name: a, address: \"relay.onion:25\", tls: none }]",
                "listeners: [{ name: in, address: \"127.0.0.1:PORT\", tls: none, accounts: network }]",
            ],
            [
                "FOLDER/weir.yaml:10:34: listener in cannot listen on 127.0.0.1:PORT: Address already in use: another program "
                    + "listens there; find it with ss -ltnp, stop it, or give the listener another address",
                "FOLDER/weir.yaml:9:30: relay a, resolve: relay.onion: Domain name not found: getent hosts asks the same; is "
                    + "the name spelt right?",
            ]
        ),
        (
            [
                "tls: { certificate: chain.pem, key: key.pem }",
                "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: starttls, accounts: login }]",
                "relays: [{ name: a, address: \"127.0.0.1:25\", tls: required, login: gate, password_file: a.secret }]",
            ],
            [
                "FOLDER/weir.yaml:9:21: FOLDER/chain.pem: No such file or directory: tls: names a PEM certificate chain and "
                    + "its private key",
                "FOLDER/weir.yaml:11:89: FOLDER/a.secret: No such file or directory: password_file: of relay a",
            ]
        ),
    ]

    @Test("check says all that is wrong at once, with its place and a way out", arguments: faults.indices)
    func faulty(index: Int) throws {
        let taken = try Sink()
        let fault = CheckTests.faults[index]
        let home = try Gate.Home(
            settings: fault.settings.map { $0.replacingOccurrences(of: "PORT", with: String(taken.port)) })
        let outcome = try run(home, "check")
        #expect(outcome.status == 78)
        let lines = fault.lines.map {
            $0.replacingOccurrences(of: "FOLDER", with: home.folder.path)
                .replacingOccurrences(of: "PORT", with: String(taken.port))
        }
        #expect(Set(outcome.errors.split(separator: "\n").map(String.init)) == Set(lines))
    }

    @Test("check beside a running gateway asks it about the store, and finds accounts on plans that are gone")
    func beside() async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { (gate) async throws in
            _ = try gate.client().message(to: ["a@example.com"], body)
            #expect(try run(home, "check").output.contains("store: held by the daemon that runs, 1 account\n"))
            try home.folder.write("plan: other\nlimits: [1 recipients per hour]\n", to: "policies/home.yaml")
            try home.write(settings: ["networks: [{ range: 127.0.0.0/8, each: 32, plan: other }]"])
            let outcome = try run(home, "check")
            #expect(outcome.status == 78)
            #expect(
                outcome.errors.contains("1 account is on plan home, which is no longer defined: keep the plan, or move")
            )
        }
    }

    @Test("accounts are kept and looked at without a daemon, usage included")
    func local() async throws {
        let home = try Gate.Home()
        #expect(try run(home, "account", "add", "anna", "--plan", "home", "--network", "127.0.0.2/32").status == 0)
        try await Gate.run(home) { (gate) async throws in
            _ = try gate.client().message(to: ["a@example.com", "b@example.com"], body)
            #expect(try run(home, "account", "show", "anna").output.contains("account\t2\t0\t10"))
        }
        #expect(try run(home, "account", "show", "anna").output.contains("account\t2\t0\t10"))
        #expect(try run(home, "account", "reset", "anna", "--why", "test", "--yes").status == 0)
        #expect(try run(home, "account", "suspend", "ANNA", "--why", "spam").status == 0)
        try await Gate.run(home) { (gate) async throws in
            #expect(try await gate.used(by: "anna") == 0)
            #expect(try gate.client().message(to: ["a@example.com"], body).recipients.map(\.code) == [550])
        }
        let mistakes: [(arguments: [String], message: String)] = [
            (["add", "berta", "--plan", "hone"], "there is no plan \"hone\"; did you mean home?"),
            (["add", "berta", "--plan", "home", "--network", "10.0.0.1/8"], "the network is 10.0.0.0/8"),
            (
                ["limit", "anna", "many recipients", "--why", "x"],
                "\"many recipients\" is no limit: a limit begins with"
            ),
        ]
        for (arguments, message) in mistakes {
            let outcome = try Program.run(weir, ["account"] + arguments + ["--config", home.path])
            #expect(outcome.status == 65 && outcome.errors.contains(message), "\(outcome.errors)")
        }
        let mute = try run(home, "account", "add", "carl", "--plan", "home")
        #expect(mute.output == "carl added to plan home\n" && mute.errors.contains("cannot send yet"))
        let prefix = try run(home, "account", "add", "127.0.0.5/32", "--plan", "home")
        #expect(prefix.errors.contains("is its mail, by the range 127.0.0.0/8 of networks:"), "\(prefix.errors)")
        #expect(try run(home, "account", "show", "127.0.0.5/32").output.contains("by range\t127.0.0.0/8\n"))
        #expect(try run(home, "account", "add", "192.0.2.5/32", "--plan", "home").errors.contains("cannot send yet"))
        #expect(try run(home, "account", "show", "192.0.2.5/32").output.contains("\tnothing, and cannot send\n"))
        let unreachable = try run(home, "status")
        #expect(unreachable.status == 69)
        let nobody = try run(home, "account", "show", "berta")
        #expect(nobody.status == 67 && nobody.errors == "weir: There is no account berta.\n")
    }

    @Test("a daemon that is not found because the configuration is wrong is no daemon that does not run")
    func brokenConfiguration() async throws {
        let home = try Gate.Home()
        try await Gate.run(home) { (gate) async throws in
            try home.write(settings: ["hostname: no host"])
            for verb in ["reload", "status"] {
                let outcome = try Program.run(weir, [verb, "--config", home.path])
                #expect(outcome.status == 78 && outcome.errors.contains("\(home.path):"), "\(outcome.errors)")
            }
            let network = try run(home, "account", "add", "anna", "--plan", "home", "--network", "10.0.0.1/8")
            #expect(network.status == 65 && network.errors.contains("the network is 10.0.0.0/8"), "\(network.errors)")
        }
    }

    @Test("where there is no configuration, it is said how to name one")
    func nowhere() throws {
        let folder = try TemporaryFolder()
        let file = folder.file("none.yaml")
        for verb in ["check", "serve"] {
            let outcome = try Program.run(weir, [verb, "--config", file])
            #expect(outcome.status == 78)
            #expect(
                outcome.errors == "\(file): cannot be read: No such file or directory: --config names another file\n")
        }
        let outcome = try Program.run(
            weir, ["account", "list", "--config", file, "--socket", folder.file("none.sock")])
        #expect(outcome.status == 69 && outcome.errors.contains("Nor is there \(file)"))
    }

    @Test("a large import ends in time and is whole, with a daemon and without")
    func imports() async throws {
        let home = try Gate.Home()
        let rows = (0..<10_000).map { "user\($0)@isp.example,home" }
        let file = try home.folder.write("login,plan\n" + rows.joined(separator: "\n") + "\n", to: "accounts.csv")
        #expect(try run(home, "account", "import", file).output == "10000 added, 0 changed, 0 as before\n")
        try await Gate.run(home) { (gate) async throws in
            #expect(try run(home, "account", "import", file).output == "0 added, 0 changed, 10000 as before\n")
            let bad = try home.folder.write("login,plan\nanna,home\nbert,hone\n", to: "bad.csv")
            let outcome = try run(home, "account", "import", bad)
            #expect(outcome.status == 65)
            #expect(
                outcome.errors
                    == "weir: 1 line is wrong; nothing was imported.\n  line 3: there is no plan \"hone\"; did you mean home?\n"
            )
        }
    }
}
