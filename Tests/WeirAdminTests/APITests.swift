import Foundation
import Testing
import WeirAdmin

@Suite("The API over HTTP")
struct APITests {
    private let json = "Content-Type: application/json"

    @Test("an account is made, changed, limited, suspended, released, given a token and removed")
    func life() async throws {
        try await AdminServer.run { server in
            let remote = server.remote
            let actor = Actor(name: "ignored")
            let made = try await remote.add(
                "alice@isp.example", .init(plan: "residential", password: "p", networks: ["192.0.2.1"]), by: actor)
            #expect(made.hasPassword && made.networks == ["192.0.2.1"] && made.limits[0].used == 250)
            #expect(made.limits[0].freesAt?.text == "2026-11-23T08:15:00Z")
            let changed = try await remote.change(
                "alice@isp.example",
                .init(plan: "business", customer: .set("ACME"), password: .clear, addNetworks: ["2001:db8::/56"]),
                by: actor)
            #expect(changed.plan == "business" && changed.customer == "ACME" && !changed.hasPassword)
            #expect(changed.networks == ["192.0.2.1", "2001:db8::/56"])
            let limited = try await remote.limit(
                "alice@isp.example", name: nil,
                .init(text: "5000 recipients per day", until: .init(text: "2026-12-01"), why: "newsletter"), by: actor)
            #expect(limited.limits[0].allowed == 5_000)
            #expect(limited.limits[0].override?.until?.text == "2026-12-01T00:00:00Z")
            #expect(
                try await remote.unlimit("alice@isp.example", name: "recipients-per-day", by: actor).limits[0].allowed
                    == 1_000)
            #expect(try await remote.suspend("alice@isp.example", why: "spam", by: actor).stateReason == "spam")
            #expect(try await remote.accounts(.init(state: .suspended)).accounts.map(\.login) == ["alice@isp.example"])
            #expect(try await remote.release("alice@isp.example", why: "cleaned", by: actor).state == .normal)
            #expect(try await remote.reset("alice@isp.example", why: "sorry", by: actor).limits[0].used == 0)
            #expect(try await remote.usage("alice@isp.example").limits[0].used == 0)
            #expect(try await remote.issueToken("alice@isp.example", by: actor).token == "c2VjcmV0")
            try await remote.remove("alice@isp.example", by: actor)
            await #expect(throws: AdminError.noSuchAccount("alice@isp.example")) {
                try await remote.account("alice@isp.example")
            }
            #expect(server.administration.audit.allSatisfy { !$0.hasPrefix("ignored ") }, "peer credentials decide")
        }
    }

    @Test("a list comes in pages, in order, each account once")
    func pages() async throws {
        try await AdminServer.run { server in
            for number in 0..<7 {
                _ = try await server.remote.put("user\(number)", .init(plan: "residential"), by: Actor(name: ""))
            }
            var logins: [String] = []
            var query = AccountQuery(limit: 3)
            repeat {
                let page = try await server.remote.accounts(query)
                logins += page.accounts.map(\.login)
                query.cursor = page.next
            } while query.cursor != nil
            #expect(logins == (0..<7).map { "user\($0)" })
        }
    }

    @Test("a filter without a value is none")
    func emptyFilters() async throws {
        try await AdminServer.run { server in
            _ = try await server.remote.put("a", .init(plan: "residential"), by: Actor(name: ""))
            let all = try server.curl("/v1/accounts?state=&plan=&over=&limit=&cursor=")
            #expect(all.status == 200 && all.body.contains("\"login\":\"a\""), "\(all)")
        }
    }

    @Test(
        "an import is tried or done as it is asked for, and anything else is refused",
        arguments: [
            ("?dry_run=true", 200, false), ("?dry_run=false", 200, true), ("", 200, true), ("?dry_run=1", 400, false),
            ("?dry_run=", 400, false), ("?dry-run=true", 400, false), ("?dry_run=false&dry_run=true", 400, false),
        ])
    func dryRun(query: String, status: Int, isDone: Bool) async throws {
        try await AdminServer.run { server in
            let answer = try server.curl(
                "/v1/import\(query)", "-H", "Content-Type: text/csv", "--data-binary", "login,plan\na,residential\n")
            #expect(answer.status == status, "\(answer)")
            #expect(try server.curl("/v1/accounts/a").status == (isDone ? 200 : 404))
        }
    }

    @Test("a login may hold what a path may not", arguments: ["a/b", "ünï@isp.example", "100%", "a?b#c&d+e"])
    func logins(login: String) async throws {
        try await AdminServer.run { server in
            _ = try await server.remote.put(login, .init(plan: "residential"), by: Actor(name: ""))
            #expect(try await server.remote.account(login).login == login)
        }
    }

    @Test("a wrong request says what is wrong with it")
    func problems() async throws {
        try await AdminServer.run { server in
            let unknown = try server.curl("/v1/accounts/a", "-X", "PUT", "-H", json, "-d", #"{"plan":"x","paln":1}"#)
            #expect(unknown.status == 400)
            #expect(unknown.fields.contains("application/problem+json"))
            #expect(
                try unknown.json()["detail"] as? String ?? ""
                    == #"Unknown key "paln"; known are customer, mail, networks, password, plan."#)

            let wrong = try server.curl(
                "/v1/accounts/a", "-X", "PUT", "-H", json, "-d", #"{"plan":1.5,"networks":["192.0.2.1",2]}"#)
            #expect(wrong.status == 422)
            let errors = try wrong.json()["errors"] as? [[String: Any]] ?? []
            #expect(errors.compactMap { $0["pointer"] as? String } == ["/plan", "/networks/1"])

            let networks = try server.curl(
                "/v1/accounts/a", "-X", "PUT", "-H", json, "-d",
                #"{"plan":"residential","networks":["192.0.2.0/24","1.2.3"],"password":""}"#)
            #expect(networks.status == 422)
            let places = try networks.json()["errors"] as? [[String: Any]] ?? []
            #expect(places.compactMap { $0["pointer"] as? String } == ["/password", "/networks/1"])
            let mail = try server.curl(
                "/v1/accounts/a", "-X", "PATCH", "-H", json, "-d", #"{"mail":"a b@isp.example"}"#)
            #expect(mail.status == 422)
            #expect(
                try mail.json()["detail"] as? String
                    == #"/mail must be a mail address such as subscriber@example.net, not "a b@isp.example"."#)
            let login = try server.curl(
                "/v1/accounts/a%20b", "-X", "PUT", "-H", json, "-d", #"{"plan":"residential"}"#)
            #expect(login.status == 422)

            let notJSON = try server.curl("/v1/accounts/a", "-X", "PUT", "-H", json, "-d", "{")
            #expect(notJSON.status == 400)
            let unsaid = try server.curl("/v1/accounts/a", "-X", "PUT", "-d", "{}")
            #expect(unsaid.status == 415)
            let missing = try server.curl("/v1/accounts/nobody")
            #expect(missing.status == 404)
            #expect(try missing.json()["type"] as? String == "urn:weir:problem:no-such-account")
            #expect(try missing.json()["instance"] as? String == "/v1/accounts/nobody")
            let nowhere = try server.curl("/v2/accounts")
            #expect(nowhere.status == 404)
            let method = try server.curl("/v1/reload")
            #expect(method.status == 405 && method.fields.contains("Allow: POST\r\n"))
            let query = try server.curl("/v1/accounts?state=gone")
            #expect(query.status == 400)
            let twice = try server.curl("/v1/accounts/b", "-X", "POST", "-H", json, "-d", #"{"plan":"residential"}"#)
            #expect(twice.status == 201)
            let again = try server.curl("/v1/accounts/b", "-X", "POST", "-H", json, "-d", #"{"plan":"residential"}"#)
            #expect(again.status == 409)
            for path in ["/v1/%zz", "/v1/accounts/%ff", "/v1/accounts/a%00b"] {
                let target = try server.curl(path)
                #expect(target.status == 400)
                #expect(target.fields.contains("Content-Type: application/problem+json"), "\(target.fields)")
                #expect(try target.json()["type"] as? String == "urn:weir:problem:bad-request")
            }
        }
    }

    @Test(
        "a body is one object that names each key once, and is nested so deep and no deeper",
        arguments: [
            (#"{"plan":"p","plan":"q"}"#, #"The key \"plan\" is given twice"#),
            (#"{"plan" :"p","pl\u0061n":"q"}"#, #"The key \"plan\" is given twice"#),
            (#"{"plan":"a\":b","x":{"y":1,"y":2}}"#, "Unknown key"),
            (#"{"plan":"[[[[[[[[[[[[[[[[[[\"{","x":"# + nested(15) + "}", "Unknown key"),
            (#"{"plan":"p","x":"# + nested(16) + "}", "nested deeper than 16"), (nested(400_000), "nested deeper"),
            (String(repeating: "]", count: 50), "not JSON"),
        ])
    func depth(body: String, message: String) async throws {
        try await AdminServer.run { server in
            let octets = Array(body.utf8)
            let answer = try UnixHTTPClient(path: server.socket).send(
                "PUT", "/v1/accounts/a", contentType: "application/json", body: octets)
            #expect(answer.status == 400)
            #expect(String(decoding: answer.body, as: UTF8.self).contains(message))
        }
    }

    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }

    @Test("a refused reload gives every fault, and an exit status of its own")
    func reload() async throws {
        try await AdminServer.run { server in
            let error = await #expect(throws: AdminError.self) { try await server.remote.reload(by: Actor(name: "")) }
            #expect(error?.kind == .configuration && error?.kind.exitStatus == 78)
            #expect(error?.errors.first?.detail.contains("weir.yaml:3:7") == true)
        }
    }

    @Test("an import is all or nothing, and names its lines")
    func imports() async throws {
        try await AdminServer.run { server in
            let bad = try AccountFile(Array("login,plan\na,residential\nb,gold\n".utf8))
            let error = await #expect(throws: AdminError.self) {
                try await server.remote.importAccounts(bad, dryRun: false, by: Actor(name: ""))
            }
            #expect(error?.errors == [.init(line: 3, detail: "there is no plan gold")])
            let good = try AccountFile(Array("login,plan\na,residential\nb,business\n".utf8))
            _ = try await server.remote.importAccounts(good, dryRun: true, by: Actor(name: ""))
            #expect(try await server.remote.accounts(.init()).accounts.isEmpty)
            #expect(try await server.remote.importAccounts(good, dryRun: false, by: Actor(name: "")).added == 2)
            #expect(try await server.remote.accounts(.init()).accounts.count == 2)
        }
    }

    @Test("over TCP a stranger sees health, metrics and the status page, and nothing else")
    func strangers() async throws {
        try await AdminServer.run { server in
            for path in ["/", "/healthz", "/readyz", "/metrics"] {
                #expect(try server.curl(path, tcp: true).status == 200, "\(path)")
            }
            for path in ["/v1/status", "/v1/accounts", "/v1/accounts/x"] {
                let answer = try server.curl(path, tcp: true)
                #expect(answer.status == 401 && answer.fields.contains("WWW-Authenticate: Bearer"), "\(path)")
            }
            let reload = try server.curl("/v1/reload", tcp: true, "-X", "POST")
            #expect(reload.status == 401)
            let head = try server.curl("/healthz", tcp: true, "-I")
            #expect(head.status == 200 && head.fields.contains("Content-Length: 3\r\n"))
            #expect(try server.curl("/", tcp: true).body.contains("gate1.&lt;isp&gt;.example"))
            server.administration.notReady(["no relay was reached yet"])
            let ready = try server.curl("/readyz", tcp: true)
            #expect(ready.status == 503 && ready.body == "no relay was reached yet\n")
        }
    }

    @Test(
        "a token may do what its scopes say",
        arguments: [
            ("eye", 200, 403, 403, 403), ("billing", 200, 200, 403, 403), ("desk", 200, 403, 200, 403),
            ("all", 200, 200, 200, 422), ("wrong", 401, 401, 401, 401),
        ])
    func tokens(name: String, read: Int, adjust: Int, suspend: Int, admin: Int) async throws {
        try await AdminServer.run { server in
            _ = try await server.remote.put("a", .init(plan: "residential"), by: Actor(name: ""))
            let token = "Authorization: Bearer \(name)-secret"
            func status(_ path: String, _ arguments: String...) throws -> Int {
                guard arguments.count > 1 else {
                    return try server.curl(path, tcp: true, "-H", token, "-X", arguments[0]).status
                }
                return try server.curl(
                    path, tcp: true, "-H", token, "-X", arguments[0], "-H", json, "-d", arguments[1]
                ).status
            }
            #expect(try status("/v1/accounts/a", "GET") == read)
            #expect(try status("/v1/accounts/a", "PATCH", #"{"plan":"business"}"#) == adjust)
            #expect(try status("/v1/accounts/a/suspend", "POST", #"{"why":"spam"}"#) == suspend)
            #expect(try status("/v1/reload", "POST") == admin)
            if name == "desk" { #expect(server.administration.audit.last == "token desk suspend a") }
        }
    }

    @Test(
        "a name that is not the server's own is not served",
        arguments: [
            ("evil.example", 421), ("gate1.isp.example:9587", 401), ("localhost:1", 401), ("127.0.0.1", 401),
            ("[::1]:9587", 401), ("GATE1.isp.example", 401),
        ])
    func hosts(host: String, status: Int) async throws {
        try await AdminServer.run { server in
            let answer = try server.curl("/v1/status", tcp: true, "-H", "Host: \(host)")
            #expect(answer.status == status)
            for path in ["/healthz", "/readyz", "/metrics"] {
                #expect(try server.curl(path, tcp: true, "-H", "Host: \(host)").status == 200, "for everyone")
            }
        }
    }
}
