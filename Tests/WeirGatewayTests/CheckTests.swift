import Foundation
import TestKit
import Testing
import WeirGateway
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

    @Test("check makes no store, and leaves one of an earlier release as it is")
    func leavesStoresAlone() async throws {
        let home = try Gate.Home()
        let store = home.folder.file("store")
        try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: false)
        let empty = try run(home, "check")
        #expect(empty.output.contains("store: \(store) holds none yet: the first start makes it\n"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: store) == [])

        #expect(try run(home, "account", "add", "anna", "--plan", "home").status == 0)
        #expect(try run(home, "check").output.contains("store: sound, 1 account\n"))
        try FileManager.default.removeItem(atPath: "\(store)/lock")
        let earlier = "ALTER TABLE complaint DROP COLUMN message; PRAGMA user_version = 5"
        func ask(_ statements: String) throws -> String {
            let script = """
                import sqlite3, sys
                store = sqlite3.connect(sys.argv[1])
                print(*[store.execute(statement).fetchone() for statement in sys.argv[2:]])
                """
            let words = statements.split(separator: "; ").map(String.init)
            return try Program.run("python3", ["-c", script, "\(store)/accounts.db"] + words).output
        }
        _ = try ask(earlier)
        let older = try run(home, "check")
        #expect(older.status == 0, "\(older.errors)")
        #expect(older.output.contains("store: \(store)/accounts.db is of an earlier release: serve brings it up to"))
        #expect(try ask("PRAGMA user_version") == "(5,)\n")
        #expect(!FileManager.default.fileExists(atPath: "\(store)/lock"))
        try await Gate.run(home) { (_) async throws in
            #expect(try run(home, "account", "show", "anna").status == 0)
        }
        #expect(try ask("PRAGMA user_version") == "(6,)\n")

        // The root of what nothing reads before the first machine.
        var ledger = try Data(contentsOf: URL(fileURLWithPath: "\(store)/ledger.db"))
        ledger[ledger.count - 4_096] = 0x55
        try ledger.write(to: URL(fileURLWithPath: "\(store)/ledger.db"))
        let damaged = try run(home, "check")
        #expect(damaged.status == 78 && damaged.errors.contains("\(store)/ledger.db is damaged: "), "\(damaged)")

        try FileManager.default.removeItem(atPath: "\(store)/ledger.db")
        let half = try run(home, "check")
        #expect(half.status == 78 && half.errors.contains("\(store)/ledger.db is missing, one half of the store"))
        #expect(!FileManager.default.fileExists(atPath: "\(store)/ledger.db"))
        let error = await #expect(throws: StartError.self) { try await Gate(home) }
        #expect(error?.description.contains("\(store)/ledger.db is missing, one half of the store") == true)
        #expect(!FileManager.default.fileExists(atPath: "\(store)/ledger.db"))
    }

    @Test("a store without its accounts is refused, and what a first start that was killed leaves is completed")
    func halfAStore() async throws {
        let home = try Gate.Home()
        let store = home.folder.file("store")
        func accountsAreGone() throws {
            for end in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: "\(store)/accounts.db\(end)")
            }
            #expect(!FileManager.default.fileExists(atPath: "\(store)/accounts.db"))
        }
        func isRefused(_ file: String) async throws {
            let told = "\(store)/\(file) is missing, one half of the store"
            let half = try run(home, "check")
            #expect(half.status == 78 && half.errors.contains(told), "\(half)")
            let error = await #expect(throws: StartError.self) { try await Gate(home) }
            #expect(error?.description.contains(told) == true && error?.exitStatus == 65)
            let list = try run(home, "account", "list")
            #expect(list.status == 65 && list.errors.contains(told), "\(list)")
        }
        try await Gate.run(home) { (_) async throws in }
        try accountsAreGone()
        let unused = try run(home, "check")
        #expect(unused.status == 0 && unused.output.contains("holds none yet"), "\(unused)")
        try await Gate.run(home) { (gate) async throws in
            #expect(try gate.client().message(to: ["a@example.com"], body).delivered == 1)
        }
        try accountsAreGone()
        try await isRefused("accounts.db")
        // Neither does a file that is there and empty count, as a failed copy leaves it.
        try home.folder.write("", to: "store/accounts.db")
        try await isRefused("accounts.db")
        try accountsAreGone()
        try FileManager.default.removeItem(atPath: "\(store)/ledger.db")
        try await Gate.run(home) { (_) async throws in }
        try home.folder.write("", to: "store/ledger.db")
        try await isRefused("ledger.db")
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
                "store: FOLDER/none/store", "admin: { group: no-such-group, socket: FOLDER/weir.yaml }",
                "hash_key_file: FOLDER",
            ],
            [
                "FOLDER/weir.yaml:9:8: FOLDER/none/store: No such file or directory: only the last folder is made; make "
                    + "those above it, or name another store",
                "FOLDER/weir.yaml:10:40: FOLDER/weir.yaml: exists and is no socket; remove it or choose another path",
                "FOLDER/weir.yaml:10:17: admin.group: there is no group no-such-group; make it with groupadd no-such-group",
                "FOLDER/weir.yaml:11:16: FOLDER: Is a directory: hash_key_file: is a file of random octets, made at the "
                    + "first start if absent",
            ]
        ),
        (
            ["admin: { token_file: none, socket: FOLDER/none/below/admin.sock, address: \"127.0.0.1:0\" }"],
            [
                "FOLDER/weir.yaml:10:36: FOLDER/none/below: No such file or directory: admin.socket needs this folder",
                "FOLDER/weir.yaml:10:22: FOLDER/none: cannot be read: No such file or directory: token_file: has a line "
                    + "for each caller of the API",
            ]
        ),
        (
            ["policies: [policies]"],
            [
                "FOLDER/weir.yaml:10:12: FOLDER/policies: cannot be read: it is not a regular file: policies: names files, "
                    + "as policies/*.yaml does"
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
        let home = try Gate.Home()
        func filled(_ lines: [String]) -> [String] {
            lines.map {
                $0.replacingOccurrences(of: "FOLDER", with: home.folder.path)
                    .replacingOccurrences(of: "PORT", with: String(taken.port))
            }
        }
        try home.write(settings: filled(fault.settings))
        let outcome = try run(home, "check")
        #expect(outcome.status == 78)
        #expect(Set(outcome.errors.split(separator: "\n").map(String.init)) == Set(filled(fault.lines)))
        let json = try run(home, "check", "--json")
        #expect(json.status == 78 && json.errors.isEmpty)
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let problems = try #require(report["problems"] as? [[String: Any]])
        let told = problems.map { problem in
            let place = "\(problem["file"] ?? ""):\(problem["line"] ?? ""):\(problem["column"] ?? "")"
            return "\(place): \(problem["message"] ?? "")" + ((problem["hint"] as? String).map { ": \($0)" } ?? "")
        }
        #expect(Set(told) == Set(filled(fault.lines)))
        #expect(problems.allSatisfy { $0["severity"] as? String == "error" } && report["sound"] as? Bool == false)
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

    @Test("check beside a daemon that does not answer it leaves store and ports alone")
    func refusing() throws {
        let home = try Gate.Home()
        #expect(try run(home, "account", "add", "anna", "--plan", "home").status == 0)
        // Whoever has the socket, and is not the daemon that is asked for.
        let script = """
            import socket, sys
            door = socket.socket(socket.AF_UNIX)
            door.bind(sys.argv[1])
            door.listen()
            while True:
                caller = door.accept()[0]
                if caller.recv(4096):
                    caller.sendall(b"HTTP/1.1 403 Forbidden\\r\\nContent-Length: 0\\r\\n\\r\\n")
                caller.close()
            """
        let socket = home.folder.file("admin.sock")
        let stranger = try Program("python3", ["-c", script, socket])
        defer { stranger.stop() }
        try #require(eventually { FileManager.default.fileExists(atPath: socket) })
        let outcome = try run(home, "check")
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains(": the daemon cannot be asked: "), "\(outcome)")
        #expect(outcome.errors.hasSuffix(" (warning)\n"))
        #expect(!outcome.output.contains("store: ") && !outcome.output.contains("listeners: "), "\(outcome)")
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
        let history = try Program.run(
            weir, ["account", "history", "anna", "--config", home.path, "--json"], environment: ["USER": "somebody"])
        #expect(history.output.contains("\"actor\":\"\(NSUserName())\"") && !history.output.contains("\"uid "))
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
            let variable = ["WEIR_SOCKET": home.folder.file("admin.sock")]
            let named = try Program.run(weir, ["status", "--config", home.path], environment: variable)
            #expect(named.status == 0, "the file is not asked: \(named.errors)")
            let network = try run(home, "account", "add", "anna", "--plan", "home", "--network", "10.0.0.1/8")
            #expect(network.status == 65 && network.errors.contains("the network is 10.0.0.0/8"), "\(network.errors)")
        }
    }

    @Test("a store that cannot be opened ends every verb as it ends serve")
    func brokenStore() throws {
        let home = try Gate.Home()
        #expect(try run(home, "account", "add", "anna", "--plan", "home").status == 0)
        let file = home.folder.file("store/accounts.db")
        try Data(repeating: 0x2A, count: 8_192).write(to: URL(fileURLWithPath: file))
        for verb in [["serve"], ["account", "list"], ["why", "anna"]] {
            let outcome = try Program.run(weir, verb + ["--config", home.path])
            #expect(outcome.status == 65, "\(verb)")
            #expect(outcome.errors.hasPrefix("weir: \(file) is damaged: "), "\(outcome.errors)")
        }
        try home.write(settings: ["store: \(home.path)"])
        for verb in [["serve"], ["account", "list"]] {
            let outcome = try Program.run(weir, verb + ["--config", home.path])
            #expect(outcome.status == 74, "\(verb)")
            #expect(outcome.errors.hasPrefix("weir: \(home.path)/lock: open: Not a directory"), "\(outcome.errors)")
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
        let verbs = ["account list", "status", "why anna", "status --socket \(folder.file("none.sock"))"]
        for verb in verbs {
            let outcome = try Program.run(weir, verb.split(separator: " ").map(String.init) + ["--config", file])
            #expect(outcome.status == 78)
            #expect(outcome.errors.contains("  \(file): cannot be read: No such file"), "\(outcome.errors)")
        }
    }

    @Test("results that cannot be written are an error, and nobody misses those that nobody reads")
    func lostResults() throws {
        let home = try Gate.Home()
        #expect(try run(home, "account", "add", "anna", "--plan", "home").status == 0)
        let files = "--config \(home.path) --socket \(home.folder.file("admin.sock"))"
        let events = ["A", "B", "C"].map { country in
            #"{"n":1,"t":1,"k":"msg","a":"bob","ip":"192.0.2.1","cc":"\#(country)","rc":["x"],"up":{"r":["250"]}}"#
        }
        let trace = try home.folder.write(events.joined(separator: "\n"), to: "trace")
        let known = try home.folder.write(
            #"{"bob": {"plan": "consumer", "ident": "user", "day0": 0}}"#, to: "accounts")
        let replay = "detector replay \(trace) --accounts \(known) --rule three-countries --decisions"
        for verb in [
            "account list \(files)", "account token anna \(files)", "check \(files)", "help", "version", "\(replay) -",
        ] {
            let command = "\(weir) \(verb)"
            let lost = try Program.run("/bin/sh", ["-c", "\(command) >/dev/full"])
            #expect(lost.status == 74, "\(verb)")
            #expect(
                lost.errors.hasSuffix(
                    "weir: standard output: No space left on device: what the verb prints is lost\n"))
            let unread = try Program.run("/bin/bash", ["-c", "\(command) | true; exit ${PIPESTATUS[0]}"])
            #expect([0, 141].contains(unread.status) && !unread.errors.contains("standard output"), "\(verb)")
        }
        let full = try Program.run("/bin/sh", ["-c", "\(weir) \(replay) /dev/full"])
        #expect(full.status == 74 && full.errors.hasPrefix("weir: /dev/full: No space left on device: "), "\(full)")
    }

    @Test("a new account's customer or mail that is empty is none, with a daemon and without")
    func emptyOptions() async throws {
        let home = try Gate.Home()
        func add(_ login: String) throws {
            let added = try run(home, "account", "add", login, "--plan", "home", "--customer", "", "--mail", "")
            #expect(added.status == 0, "\(added)")
            let shown = try run(home, "account", "show", login).output
            #expect(!shown.contains("customer") && !shown.contains("mail"), "\(shown)")
        }
        try add("anna")
        try await Gate.run(home) { (_) async throws in try add("bert") }
    }

    @Test("an admin address that is taken is told with its key and a way out")
    func takenAdminAddress() async throws {
        let taken = try Socket.listening()
        let home = try Gate.Home()
        let socket = home.folder.file("admin.sock")
        try home.write(settings: ["admin: { socket: \(socket), address: \"127.0.0.1:\(taken.port)\" }"])
        let error = await #expect(throws: StartError.self) { try await Gate(home) }
        #expect(
            error?.description
                == "the admin server does not start: admin.address: cannot listen on 127.0.0.1:\(taken.port): Address "
                + "already in use: another program listens there; find it with ss -ltnp, stop it, or choose another address"
        )
    }

    @Test("an argument is text", arguments: ["$'a\\xffb'", "$'\\xc0\\x80'"])
    func notText(login: String) throws {
        let home = try Gate.Home()
        let outcome = try Program.run(
            "/bin/bash", ["-c", "\(weir) account add \(login) --plan home --config \(home.path)"])
        #expect(outcome.status == 64 && outcome.errors == "weir: an argument is not UTF-8 text\n")
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
