import Foundation
import TestKit
import Testing
import WeirAdmin

@Suite("The command line")
struct CommandLineTests {
    private func run(_ arguments: [String], input: String = "", socket: String? = nil) throws -> Program.Outcome {
        var environment = ["USER": "tester"]
        environment["WEIR_SOCKET"] = socket ?? "/nonexistent/admin.sock"
        return try Program.run(weir, arguments, input: input, environment: environment)
    }

    @Test(
        "a wrong command line ends with 64 and says what to type",
        arguments: [
            ([], "a verb is missing; weir help lists them"),
            (["acount", "list"], "there is no verb \"acount\"; did you mean weir account?"),
            (["account"], "account needs one of add, show, list"),
            (["account", "shwo", "x"], "did you mean weir account show?"),
            (["account", "add", "x", "--plam", "y"], "did you mean --plan?"),
            (["account", "add", "x"], "needs --plan PLAN"),
            (["account", "add", "--plan"], "--plan needs a value: PLAN"),
            (["account", "show"], "account show needs LOGIN"),
            (["account", "show", "a", "b"], "account show takes no \"b\""),
            (["account", "show", "a", "--json=1"], "--json takes no value"),
            (["account", "set", "a"], "account set needs something to set"),
            (["account", "set", "a", "--plan", "x", "--plan", "y"], "--plan is given twice"),
            (["account", "list", "--over", "much"], "--over is no \"much\"; it is a percentage, such as 80%"),
            (["account", "list", "--state", "gone"], "it is one of normal, flagged, suspended, probation"),
            (
                ["account", "limit", "a", "5 messages per day", "--until", "soon", "--why", "x"],
                "--until is no \"soon\""
            ),
            (["account", "remove", "a"], "cannot be undone; add --yes"),
            (["account", "reset", "a", "--why", "x"], "cannot be undone; add --yes"),
            (["account", "suspend", "a", "--why", ""], "--why must not be empty"),
            (["account", "suspend", "a", "--why", "--json"], "--why needs a value: TEXT"),
            (["account", "add", "", "--plan", "x"], "LOGIN must not be empty"),
            (["account", "limit", "a", "", "--why", "x"], "LIMIT must not be empty"),
            (["status", "--socket", ""], "--socket must not be empty"),
            (["status", "--config="], "--config must not be empty"),
            (
                ["account", "limit", "a", "5 messages per day", "--until", "9999-12-31", "--why", "x"],
                "it is a time before 2540"
            ),
            (["help", "stauts"], "did you mean weir help status?"),
            (["help", "accounts"], "did you mean weir help account?"),
            (["help", "weir.yml"], "did you mean weir help weir.yaml?"),
        ] as [([String], String)])
    func usage(arguments: [String], message: String) throws {
        let result = try run(arguments)
        #expect(result.status == 64)
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test("help names every verb, and each verb has its own")
    func help() throws {
        let overview = try run(["help"])
        #expect(overview.status == 0 && overview.errors.isEmpty)
        let verbs = overview.output.split(separator: "\n").filter { $0.hasPrefix("  ") }.map { line in
            line.split(separator: " ").prefix { $0.allSatisfy { $0.isLetter } }.map(String.init)
        }
        for verb in [["serve"], ["check"], ["demo"], ["status"], ["reload"], ["version"], ["account", "import"]] {
            #expect(verbs.contains { $0.starts(with: verb) }, "\(verb)")
        }
        let one = try run(["help", "account", "limit"])
        let same = try run(["account", "limit", "--help"])
        #expect(one.output.contains("weir account limit LOGIN LIMIT [--until DATE] --why TEXT"))
        #expect(one.output == same.output)
        #expect(try run(["version"]).output.split(separator: "\n").count == 1)
    }

    @Test("without a daemon it ends with 69 and says where it looked")
    func unreachable() throws {
        let result = try run(["status"])
        #expect(result.status == 69)
        #expect(result.errors.contains("No weir answers on /nonexistent/admin.sock"))
    }

    @Test("every verb about accounts does its work, in plain lines")
    func accounts() async throws {
        try await AdminServer.run { server in
            func expect(
                _ arguments: [String], _ output: String, status: Int32 = 0, errors: String = "", input: String = "",
                at location: SourceLocation = #_sourceLocation
            ) throws {
                let result = try run(arguments, input: input, socket: server.socket)
                #expect(result.output == output, sourceLocation: location)
                #expect(result.status == status, "\(result.errors)", sourceLocation: location)
                #expect(result.errors == errors, sourceLocation: location)
            }
            let login = "alice@isp.example"
            try expect(
                ["account", "add", login, "--plan", "residential", "--password-file", "-", "--network", "192.0.2.1"],
                "\(login) added to plan residential\n", input: "secret\n")
            try expect(
                ["account", "add", login, "--plan", "residential"], "", status: 65,
                errors: "weir: There is an account \(login) already.\n")
            try expect(
                ["account", "add", "bob", "--plan", "gold"], "", status: 65,
                errors: "weir: There is no plan gold.\n  plan: is none of residential, business\n")
            try expect(
                ["account", "set", login, "--plan", "business", "--customer=ACME", "--add-network", "2001:db8::/56"],
                "\(login) changed\n")
            try expect(
                ["account", "limit", login, "5000 recipients per day", "--until", "2026-12-01", "--why", "sale"],
                "\(login) has 5000 recipients per day\n")
            try expect(
                ["account", "show", login],
                """
                login\t\(login)
                plan\tbusiness
                customer\tACME
                state\tnormal
                networks\t192.0.2.1 2001:db8::/56
                signs in by\tpassword
                limit\trecipients-per-day\t1000 recipients per day\taccount\t250\t2\t5000\t2026-11-23T08:15:00Z\t\
                sale, until 2026-12-01T00:00:00Z

                """)
            try expect(["account", "list"], "\(login)\tbusiness\tACME\tnormal\t5%\n")
            try expect(
                ["account", "list", "--json"],
                "{\"accounts\":[{\"customer\":\"ACME\",\"login\":\"\(login)\",\"plan\":\"business\","
                    + "\"state\":\"normal\",\"used_percent\":5}]}\n")
            try expect(
                ["account", "unlimit", login, "recipients-per-day"],
                "\(login) has its plan's recipients-per-day again\n")
            try expect(
                ["account", "suspend", login, "--why", "spam"],
                "\(login) suspended; undo with weir account release\n")
            try expect(["account", "release", login, "--why", "clean"], "\(login) released; it is normal\n")
            try expect(
                ["account", "release", login, "--why", "clean"],
                "\(login) was neither suspended nor flagged; it is normal\n")
            try expect(["account", "reset", login, "--why", "sorry", "--yes"], "\(login) starts from 0\n")
            try expect(
                ["account", "token", login], "c2VjcmV0\n", errors: "Keep it now: it is not shown again.\n")
            try expect(["account", "remove", login, "--yes"], "\(login) removed\n")
            try expect(
                ["account", "show", login], "", status: 67, errors: "weir: There is no account \(login).\n")
        }
    }

    @Test("an import names the bad lines, those it finds itself and those the daemon finds")
    func imports() async throws {
        try await AdminServer.run { server in
            let bad = try run(["account", "import", "-"], input: "login,plan\n,x\n\"a\"b,y\n", socket: server.socket)
            #expect(bad.status == 65)
            #expect(bad.errors.contains("2 lines are wrong; nothing was imported."))
            #expect(bad.errors.contains("  line 2: ") && bad.errors.contains("  line 3: "))
            let unknown = try run(["account", "import", "-"], input: "login,plan\na,gold\n", socket: server.socket)
            #expect(unknown.status == 65 && unknown.errors.contains("line 2: there is no plan gold"))
            let dry = try run(
                ["account", "import", "-", "--dry-run"], input: "login,plan\na,business\n", socket: server.socket)
            #expect(dry.output == "would be: 1 added, 0 changed, 0 as before\n")
            let good = try run(["account", "import", "-"], input: "login,plan\na,business\n", socket: server.socket)
            #expect(good.output == "1 added, 0 changed, 0 as before\n")
            let absent = try run(["account", "import", "/nonexistent.csv"], socket: server.socket)
            #expect(absent.status == 65 && absent.errors == "weir: /nonexistent.csv: No such file or directory.\n")
        }
    }

    @Test("status and reload say what the daemon says")
    func gateway() async throws {
        try await AdminServer.run { server in
            let status = try run(["--socket", server.socket, "status"])
            #expect(status.output.contains("alarm\trelay smarthost-a is down\n"))
            #expect(
                status.output.contains("relay\tsmarthost-a\trelay-a.isp.example:25\tdown\t0/100\tconnection refused\n"))
            let json = try run(["status", "--json"], socket: server.socket)
            let api = try server.curl("/v1/status")
            #expect(json.output == api.body + "\n")
            let reload = try run(["reload"], socket: server.socket)
            #expect(reload.status == 78)
            #expect(reload.errors.contains("weir.yaml:3:7: unknown key"))
        }
    }

    @Test("on a terminal there is a table, and a question before what cannot be undone")
    func terminal() async throws {
        try await AdminServer.run { server in
            _ = try await server.remote.put("alice", .init(plan: "residential"), by: Actor(name: ""))
            func onTerminal(_ command: String, typing: String) throws -> Program.Outcome {
                try Program.run(
                    "/usr/bin/script",
                    ["-qec", "\(weir) --socket \(server.socket) \(command)", "/dev/null"],
                    input: typing)
            }
            let list = try onTerminal("account list", typing: "")
            #expect(
                list.output
                    == "LOGIN  PLAN         CUSTOMER  STATE   USED\r\nalice  residential            normal  25%\r\n")
            let kept = try onTerminal("account remove alice", typing: "no\n")
            #expect(kept.status == 65 && kept.output.contains("Nothing was changed."))
            let removed = try onTerminal("account remove alice", typing: "yes\n")
            #expect(removed.status == 0 && removed.output.contains("alice removed"))
        }
    }

    @Test("a password is one line of a file, never empty", arguments: ["", "\n", "two\nlines\n", "nul\0\n"])
    func passwords(content: String) async throws {
        try await AdminServer.run { server in
            let result = try run(
                ["account", "add", "a", "--plan", "business", "--password-file", "-"], input: content,
                socket: server.socket)
            #expect(result.status == 65)
            #expect(server.administration.audit.isEmpty)
        }
    }
}
