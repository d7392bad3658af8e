import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime
import WeirStore

@Suite("Callers of the API by token") struct TokenTests {
    /// A gateway whose token file names who is given.
    private static func home(_ callers: String...) throws -> Gate.Home {
        let home = try Gate.Home()
        let file = home.folder.file("admin.tokens")
        try home.write(settings: [
            "admin: { socket: \(home.folder.file("admin.sock")), address: \"127.0.0.1:0\", token_file: \(file) }"
        ])
        try write(callers, to: home)
        return home
    }

    /// Writes lines such as `desk suspend`; a caller's token is its name and `-secret`.
    private static func write(_ callers: [String], to home: Gate.Home) throws {
        let lines = callers.map { line in
            let words = line.split(separator: " ", maxSplits: 1)
            let digest = SHA256.digest(Array("\(words[0])-secret".utf8))
            let hex = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return "\(words[0]) \(hex) \(words.dropFirst().joined())\n"
        }
        try home.folder.write(lines.joined(), to: "admin.tokens")
    }

    /// The status of a request of `caller` to the admin address.
    private static func ask(_ gate: Gate, _ path: String, by caller: String, post body: String? = nil) throws -> String
    {
        let port = try #require(gate.daemon.port)
        var arguments = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer \(caller)-secret"]
        if let body { arguments += ["-H", "Content-Type: application/json", "-d", body] }
        return try Program.run("/usr/bin/curl", arguments + ["http://127.0.0.1:\(port)\(path)"]).output
    }

    @Test("each does what its line says, and the audit names it")
    func permissions() async throws {
        try await Gate.run(try TokenTests.home("eye", "desk suspend", "root admin")) { (gate) async throws in
            _ = try gate.client().message(to: ["a@example.com"], body)
            let path = "/v1/accounts/127.0.0.2%2F32"
            for caller in ["eye", "desk", "root"] { #expect(try TokenTests.ask(gate, path, by: caller) == "200") }
            #expect(try TokenTests.ask(gate, path, by: "nobody") == "401")
            let suspend = (path: "\(path)/suspend", why: #"{"why":"spam"}"#)
            #expect(try TokenTests.ask(gate, suspend.path, by: "eye", post: suspend.why) == "403")
            #expect(try TokenTests.ask(gate, suspend.path, by: "desk", post: suspend.why) == "200")
            #expect(try TokenTests.ask(gate, "/v1/reload", by: "desk", post: "{}") == "403")
            #expect(try TokenTests.ask(gate, "\(path)/release", by: "root", post: suspend.why) == "200")
            let audit = try await gate.daemon.server.accounting.accounts.withStore { store throws(StoreError) in
                try store.audit(of: "127.0.0.2/32")
            }
            #expect(audit.filter { $0.action == "account.state" }.map(\.actor) == ["token root", "token desk"])
        }
    }

    @Test("a reload reads them again, whole or not at all")
    func reload() async throws {
        let home = try TokenTests.home("desk read")
        try await Gate.run(home) { (gate) async throws in
            try TokenTests.write(["desk admin", "billing adjust"], to: home)
            #expect(try TokenTests.ask(gate, "/v1/status", by: "billing") == "401")
            let report = try await gate.administration.reload(by: gate.actor)
            #expect(report.changes == ["admin.token_file changed"])
            #expect(try TokenTests.ask(gate, "/v1/status", by: "billing") == "200")

            try TokenTests.write(["desk admin", "billing ajdust"], to: home)
            try home.plan("home", limits: "3 recipients per hour")
            let error = await #expect(throws: AdminError.self) {
                try await gate.administration.reload(by: gate.actor)
            }
            let place = home.folder.file("admin.tokens") + ":2:1: \"ajdust\" is no permission: did you mean adjust?"
            #expect(error?.errors.map(\.detail) == [place])
            #expect(try TokenTests.ask(gate, "/v1/status", by: "billing") == "200")
            let answers = try gate.client().message(to: (0..<10).map { "u\($0)@example.com" }, body)
            #expect(answers.delivered == 10, "the plan is the old one too")
        }
    }
}
