import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirRuntime

@Suite("Administration of a running gateway") struct AdministrationTests {
    @Test("the audit's metric counts its rows, and none of what only might have been")
    func auditRows() async throws {
        try await Gate.run(try Gate.Home()) { gate in
            let rows = gate.daemon.server.telemetry.metrics.operation.auditEvents
            let definition = AccountDefinition(plan: "home", networks: ["192.0.2.1", "192.0.2.2"])
            _ = try await gate.administration.add("ann", definition, by: gate.actor)
            #expect(rows.current == 3)
            _ = try await gate.administration.change("ann", AccountChange(plan: "home"), by: gate.actor)
            let file = try AccountFile(Array("login,plan\nbob,home\n".utf8))
            _ = try await gate.administration.importAccounts(file, dryRun: true, by: gate.actor)
            #expect(rows.current == 3)
            _ = try await gate.administration.importAccounts(file, dryRun: false, by: gate.actor)
            #expect(rows.current == 4)
        }
    }

    @Test("a limit of its own holds from the next recipient on, and its plan's again when it is taken back")
    func limits() async throws {
        let home = try Gate.Home(limits: "2 recipients per hour")
        try await Gate.run(home) { gate in
            let client = try gate.client()
            let three = ["a@example.com", "b@example.com", "c@example.com"]
            #expect(try client.message(to: three, body).recipients.map(\.code) == [250, 250, 450])
            let override = LimitOverride(text: "5 recipients per hour", why: "a wedding")
            let account = try await gate.administration.limit("127.0.0.2/32", name: nil, override, by: gate.actor)
            let limit = account.limits.first { $0.name == "recipients-per-hour" }
            #expect(limit?.allowed == 5 && limit?.used == 2 && limit?.override?.why == "a wedding")
            #expect(try client.message(to: three, body).delivered == 3)
            for name in ["5 recipients per hour", "recipients per hour", "Recipients-Per-Hour"] {
                _ = try await gate.administration.limit("127.0.0.2/32", name: name, override, by: gate.actor)
                _ = try await gate.administration.unlimit("127.0.0.2/32", name: name, by: gate.actor)
            }
            #expect(try client.message(to: three, body).recipients.map(\.code) == [450, 450, 450])
        }
    }

    @Test("a reset forgives the account, not its customer and not the gateway, and lasts")
    func reset() async throws {
        let home = try Gate.Home()
        try home.folder.write("customers: default\nlimits: [100 recipients per hour]\n", to: "policies/customers.yaml")
        try home.folder.write("gateway: limits\nlimits: [1000 recipients per hour]\n", to: "policies/gateway.yaml")
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add(
                "anna", AccountDefinition(plan: "home", customer: "acme", networks: ["127.0.0.2/32"]), by: gate.actor)
            _ = try gate.client().message(to: ["a@example.com", "b@example.com"], body)
            let limits = try await gate.administration.reset("anna", why: "a mistake", by: gate.actor).limits
            #expect(limits.map(\.used) == [0, 2, 2])
        }
        try await Gate.run(home) { gate in
            let limits = try await gate.administration.usage("anna").limits
            #expect(limits.map(\.scope) == ["account", "customer", "gateway"])
            #expect(limits.map(\.used) == [0, 2, 2])
        }
    }

    @Test("a password is taken at once, and not after it was changed")
    func password() async throws {
        let home = try Gate.Home(settings: [
            "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login, plaintext_auth: true }]"
        ])
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add(
                "anna", AccountDefinition(plan: "home", password: "first"), by: gate.actor)
            #expect(try gate.client().login("anna", "first").code == 235)
            _ = try await gate.administration.change(
                "Anna", AccountChange(password: .set("second")), by: gate.actor)
            #expect(try gate.client().login("anna", "first").code == 535)
            let token = try await gate.administration.issueToken("anna", by: gate.actor).token
            #expect(try gate.client().login("anna", token).code == 235)
            try await gate.administration.remove("anna", by: gate.actor)
            #expect(try gate.client().login("anna", "second").code == 535)
            let failed = gate.log.lines.filter { $0.contains("\"event\":\"authentication failed\"") }
            #expect(
                failed.count == 2 && failed.allSatisfy { $0.contains("\"login\":\"anna\"") && !$0.contains("first") })
        }
    }

    /// What is asked for, and the whole answer.
    static let refusals: [(String, @Sendable (GatewayAdministration, Actor) async throws(AdminError) -> Void, String)] =
        [
            (
                "an unknown plan",
                { admin, actor throws(AdminError) in
                    _ = try await admin.add("anna", AccountDefinition(plan: "hone"), by: actor)
                }, "there is no plan \"hone\"; did you mean home?"
            ),
            (
                "a login that is there",
                { admin, actor throws(AdminError) in
                    _ = try await admin.add("BERT", AccountDefinition(plan: "home"), by: actor)
                },
                "There is an account BERT already; weir account set changes it."
            ),
            (
                "a login that is not", { admin, _ throws(AdminError) in _ = try await admin.account("nobody") },
                "There is no account nobody."
            ),
            (
                "a network of another",
                { admin, actor throws(AdminError) in
                    _ = try await admin.add(
                        "anna", AccountDefinition(plan: "home", networks: ["192.0.2.0/24"]), by: actor)
                },
                "192.0.2.0/24 belongs to bert; weir account set bert --remove-network 192.0.2.0/24 takes it away there."
            ),
            (
                "a network with host bits",
                { admin, actor throws(AdminError) in
                    _ = try await admin.change("bert", AccountChange(addNetworks: ["192.0.2.1/24"]), by: actor)
                },
                "\"192.0.2.1/24\" is no network: bits are set behind its prefix; the network is 192.0.2.0/24."
            ),
            (
                "no password",
                { admin, actor throws(AdminError) in
                    _ = try await admin.change("bert", AccountChange(password: .set("")), by: actor)
                }, "password must have 1 to 511 octets and no NUL."
            ),
            (
                "an override that is over",
                { admin, actor throws(AdminError) in
                    let past = LimitOverride(text: "5 recipients per day", until: WallTime(nanoseconds: 1), why: "w")
                    _ = try await admin.limit("bert", name: nil, past, by: actor)
                }, "until lies in the past."
            ),
            (
                "an override under another's name",
                { admin, actor throws(AdminError) in
                    let override = LimitOverride(text: "5 recipients per day", why: "w")
                    _ = try await admin.limit("bert", name: "recipients-per-hour", override, by: actor)
                }, "text is a limit named recipients-per-day, not recipients-per-hour."
            ),
            (
                "an override that is not there",
                { admin, actor throws(AdminError) in
                    _ = try await admin.unlimit("bert", name: "messages-per-day", by: actor)
                },
                "The account has no limit of its own named messages-per-day."
            ),
        ]

    @Test("refuses what cannot be done, in words that say what can")
    func refuses() async throws {
        try await Gate.run(try Gate.Home()) { gate in
            let admin = gate.administration
            _ = try await admin.add("bert", AccountDefinition(plan: "home", networks: ["192.0.2.0/24"]), by: gate.actor)
            for (what, operation, answer) in AdministrationTests.refusals {
                do throws(AdminError) {
                    try await operation(admin, gate.actor)
                    Issue.record("\(what) was accepted")
                } catch {
                    #expect(error.detail == answer)
                }
            }
            #expect(try await admin.account("bert").limits.map(\.override) == [nil])
        }
    }

    @Test("lists accounts by state, plan and use, page after page")
    func lists() async throws {
        let home = try Gate.Home(limits: "4 recipients per hour")
        try home.plan("other", limits: "100 recipients per hour")
        try await Gate.run(home) { gate in
            let admin = gate.administration
            for index in 1...5 {
                _ = try await admin.add(
                    "user\(index)", AccountDefinition(plan: index == 5 ? "other" : "home"), by: gate.actor)
            }
            _ = try await admin.suspend("user3", why: "spam", by: gate.actor)
            _ = try gate.client().message(to: ["a@example.com", "b@example.com", "c@example.com"], body)
            func logins(_ query: AccountQuery) async throws -> [String] {
                var query = query
                var logins: [String] = []
                repeat {
                    let page = try await admin.accounts(query)
                    #expect(page.accounts.count <= query.limit)
                    logins += page.accounts.map(\.login)
                    query.cursor = page.next
                } while query.cursor != nil
                return logins
            }
            #expect(try await logins(AccountQuery(limit: 2)) == ["127.0.0.2/32"] + (1...5).map { "user\($0)" })
            #expect(try await logins(AccountQuery(state: .suspended)) == ["user3"])
            #expect(try await logins(AccountQuery(plan: "other")) == ["user5"])
            #expect(try await logins(AccountQuery(overPercent: 75, limit: 1)) == ["127.0.0.2/32"])
            #expect(try await logins(AccountQuery(overPercent: 76)) == [])
        }
    }

    @Test("imports 10,000 accounts into a running gateway, or none of them")
    func imports() async throws {
        try await Gate.run(try Gate.Home()) { gate in
            let rows = (0..<10_000).map { "user\($0)@isp.example,home,,10.\($0 / 250).\($0 % 250).0/24" }
            let text = "login,plan,customer,networks\n" + rows.joined(separator: "\n") + "\n"
            let bad = try AccountFile(Array((text + "late@isp.example,hone,,\n").utf8))
            await #expect(throws: AdminError.self) {
                try await gate.administration.importAccounts(bad, dryRun: false, by: gate.actor)
            }
            #expect(try await gate.administration.status().accounts.known == 0)
            let began = ContinuousClock.now
            let report = try await gate.administration.importAccounts(
                try AccountFile(Array(text.utf8)), dryRun: false, by: gate.actor)
            let span = ContinuousClock.now - began
            #expect(report.added == 10_000)
            print("10,000 accounts were imported in \(span)")
            #expect(try await gate.administration.status().accounts.known == 10_000)
        }
    }

    @Test("an import that is refused names every bad line, whatever is wrong with it, in order")
    func badImport() async throws {
        try await Gate.run(try Gate.Home()) { gate in
            let lines = [
                "login,plan,networks,password_hash", "a,hone,,", "b,home,10.0.0.1/8,", "c,home", "d,home,,$1$md5$hash",
                "e,home,,", "f,other,,", "g,home,,$6$abc$def", "h,home,,$y$j9T$abc", "i,home,,$2b$10$short",
            ]
            let file = try AccountFile(Array(lines.joined(separator: "\n").utf8))
            let error = await #expect(throws: AdminError.self) {
                try await gate.administration.importAccounts(file, dryRun: false, by: gate.actor)
            }
            #expect(error?.detail == "8 lines are wrong; nothing was imported.")
            #expect(error?.errors.map(\.line) == [2, 3, 4, 5, 7, 8, 9, 10])
            #expect(error?.errors.first?.detail == "there is no plan \"hone\"; did you mean home?")
            #expect(try await gate.administration.status().accounts.known == 0)
        }
    }

    @Test("answers curl on its socket: health, metrics, an account's usage and suspension")
    func http() async throws {
        try await Gate.run(try Gate.Home()) { (gate) async throws in
            #expect(try gate.curl("/healthz") == ("200", "ok\n"))
            #expect(try gate.curl("/readyz") == ("200", "ready\n"))
            _ = try gate.client().message(to: ["a@example.com"], body)
            let path = "/v1/accounts/127.0.0.2%2F32"
            let usage = try gate.curl("\(path)/usage")
            #expect(usage.status == "200" && usage.body.contains("\"used\":1"))
            let answer = try gate.curl(
                "\(path)/suspend", "-X", "POST", "-H", "Content-Type: application/json", "-d", "{\"why\":\"spam\"}")
            #expect(answer.status == "200" && answer.body.contains("\"state\":\"suspended\""))
            let metrics = try gate.curl("/metrics").body
            for series in [
                "weir_messages_total{listener=\"in\",disposition=\"accepted\"} 1", "weir_relay_up{relay=\"relay\"} 1",
                "weir_listener_up{listener=\"in\"} 1", "weir_account_suspensions_total{cause=\"operator\"} 1",
            ] {
                #expect(metrics.contains(series + "\n"), "\(series)")
            }
            #expect(!metrics.contains("127.0.0.2"), "no series names an account")
        }
    }
}
