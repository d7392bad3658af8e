import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirRuntime

/// Pages of metrics, added up: what moved, by family and by value of a closed label.
private struct Moved {
    private var sums: [String: Double] = [:]

    /// Labels whose values are names of the configuration, or of the program's parts.
    private static let open: Set<String> = [
        "listener", "relay", "limit", "path", "loop", "route", "method", "le", "version", "revision", "swift_version",
        "digest", "threshold", "code",
    ]

    mutating func add(_ page: String) {
        let sample = /^(weir_[a-z0-9_]+?)(_bucket|_sum)?(?:\{(.*)\})? (\S+)$/
        for line in page.split(separator: "\n") {
            guard let match = line.firstMatch(of: sample), match.2 == nil else { continue }
            let (family, value) = (String(match.1), Double(match.4) ?? 0)
            sums[family, default: 0] += abs(value)
            for label in (match.3 ?? "").matches(of: /([a-z_]+)="([^"]*)"/) where !Moved.open.contains(String(label.1))
            {
                sums["\(family){\(label.1)=\(label.2)}", default: 0] += abs(value)
            }
        }
    }

    /// What never moved, in order.
    var still: [String] { sums.filter { $0.value == 0 }.keys.sorted() }
}

@Suite("The metrics") struct MetricsCoverageTests {
    /// What cannot move here, and why.
    private static let exceptions: Set<String> = [
        // Content is refused behind DATA, not at RCPT.
        "weir_recipients_total{disposition=refused_content}",
        // Needs a disk that fails, a name server that says no, a reader of the log that is too slow.
        "weir_ledger_commits_total{result=error}", "weir_relay_connect_failures_total{reason=name}",
        "weir_log_lines_dropped_total", "weir_evidence_reads_total{result=error}",
        "weir_evidence_saves_total{result=error}",
        // Needs a wall clock that steps.
        "weir_clock_steps_total",
        // Needs more messages at one moment than a loop shows the scanner.
        "weir_scanner_requests_total{result=busy}",
        // Counted once a minute, when accounts are about.
        "weir_accounts_by_usage", "weir_accounts_by_usage{band=0-50}", "weir_accounts_by_usage{band=50-80}",
        "weir_accounts_by_usage{band=80-100}", "weir_accounts_by_usage{band=100}",
        // Needs two days without a relay, a thousand notices.
        "weir_notifications_total{result=expired}", "weir_notifications_total{result=dropped}",
        // Needs more checks of passwords at one time than the machine has room for.
        "weir_auth_attempts_total{result=busy}",
    ]

    @Test("all move when a gateway goes through everything")
    func coverage() async throws {
        var moved = Moved()
        moved.add(try await MetricsCoverageTests.limits())
        moved.add(try await MetricsCoverageTests.ends())
        moved.add(try await MetricsCoverageTests.protocolErrors())
        moved.add(try await MetricsCoverageTests.encryption())
        moved.add(try await MetricsCoverageTests.relayTroubles())
        moved.add(try await MetricsCoverageTests.detection())
        moved.add(try await MetricsCoverageTests.manyFlagged())
        moved.add(try await MetricsCoverageTests.scans())
        moved.add(try await MetricsCoverageTests.telling())
        #expect(moved.still.filter { !MetricsCoverageTests.exceptions.contains($0) } == [])
    }

    static func page(of gate: Gate) throws -> String { try gate.curl("/metrics").body }

    /// Limits of all scopes that refuse, defer, observe and warn.
    private static func limits() async throws -> String {
        let home = try Gate.Home()
        try home.folder.write(
            "plan: home\nlimits: [4 recipients per hour, \"3 recipients per day, observe\", \"20 messages per day, reject\"]\n"
                + "warn_at: [50%]\n", to: "policies/home.yaml")
        try home.folder.write(
            "plan: strict\nlimits: [\"1 recipients per hour, reject\", 1 connections]\n", to: "policies/strict.yaml")
        try home.folder.write("plan: open\nlimits: [900 recipients per hour]\n", to: "policies/open.yaml")
        try home.folder.write(
            "customer: acme\nlimits: [2 recipients per hour, \"1 messages per day, reject\", \"1 recipients per day, observe\"]\n",
            to: "policies/acme.yaml")
        try home.folder.write(
            "gateway: limits\nlimits: [12 recipients per hour, \"5 messages per day, reject\", \"1 recipients per day, observe\"]\n",
            to: "policies/gateway.yaml")
        var page = ""
        try await Gate.run(home) { gate in
            let many = (0..<8).map { "u\($0)@example.com" }
            let first = try gate.client()
            for _ in 0..<2 { _ = try first.message(to: many, body) }
            try first.must("RSET")
            for (login, plan, source) in [("strict", "strict", "127.0.1.1"), ("acme", "open", "127.0.1.2")] {
                var definition = AccountDefinition(plan: plan, networks: [source])
                if login == "acme" { definition.customer = "acme" }
                _ = try await gate.administration.add(login, definition, by: gate.actor)
            }
            let strict = try gate.client(from: "127.0.1.1")
            _ = try strict.message(to: many, body)
            #expect(throws: SMTPClient.Refused.self) { try gate.client(from: "127.0.1.1") }
            let acme = try gate.client(from: "127.0.1.2")
            for _ in 0..<2 { _ = try acme.message(to: many, body) }
            _ = try gate.client(from: "127.0.0.7").message(to: many, body)
            _ = try gate.client(from: "127.0.0.8").message(to: many, body)
            _ = try gate.client(from: "127.0.0.9").command("MAIL FROM:<s@client.example>\r\nRCPT TO:<a@example.com>")
            page = try self.page(of: gate)
        }
        return page
    }

    /// Every end that a message and a recipient may have.
    private static func ends() async throws -> String {
        let relay = try Sink { event in
            switch event {
            case .command(let line) where line.contains("refused@"): .reply("550 5.1.1 Nobody")
            case .command(let line) where line.contains("later@"): .reply("451 4.3.0 Later")
            case .command(let line) where line.contains("lost@"): .drop
            case .message(let message) where message.text.contains("spam"): .reply("554 5.7.1 No")
            default: nil
            }
        }
        let home = try Gate.Home(
            relay: relay, limits: "1 kB per message",
            settings: [
                "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: network, bare_newline: reject }]"
            ])
        var page = ""
        try await Gate.run(home) { gate in
            let client = try gate.client()
            _ = try client.message(to: ["a@example.com"], body)
            for recipient in ["refused@example.com", "later@example.com"] {
                _ = try client.message(to: [recipient], body)
                try client.must("RSET")
            }
            _ = try client.message(to: ["a@example.com"], "Subject: spam\r\n\r\nspam")
            _ = try client.message(to: ["a@example.com"], "Subject: x\n\r\nx")
            _ = try client.message(to: ["a@example.com"], String(repeating: "long ", count: 300))
            _ = try client.message(to: ["lost@example.com"], body)
            for line in ["RSET", "MAIL FROM:<s@client.example>", "RCPT TO:<a@example.com>", "RSET"] {
                try client.must(line)
            }
            _ = try client.message(to: ["a@example.com"], body)
            _ = try await gate.administration.add("gone", .init(plan: "home", networks: ["127.0.1.1"]), by: gate.actor)
            let gone = try gate.client(from: "127.0.1.1")
            try gone.must("MAIL FROM:<s@client.example>")
            try await gate.administration.remove("gone", by: gate.actor)
            _ = try gone.command("RCPT TO:<a@example.com>")
            try gone.must("RSET")
            _ = try await gate.administration.suspend("127.0.0.2/32", why: "spam", by: gate.actor)
            _ = try client.message(to: ["a@example.com"], body)
            try client.must("RSET")
            try home.write(settings: ["hostname: no host"])
            _ = try? await gate.administration.reload(by: gate.actor)
            try home.write()
            page = try self.page(of: gate)
        }
        // The suspended are counted at the start.
        try await Gate.run(home) { gate in
            #expect(eventually { (try? self.page(of: gate).contains("state=\"suspended\"} 1\n")) == true })
            page += try self.page(of: gate)
        }
        return page
    }

    /// Clients that are no mail clients, and AUTH in the clear.
    private static func protocolErrors() async throws -> String {
        let home = try Gate.Home(settings: [
            "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: none, accounts: login_or_network, plaintext_auth: true }]"
        ])
        var page = ""
        try await Gate.run(home) { gate in
            _ = try await gate.administration.add("anna", .init(plan: "home", password: "right"), by: gate.actor)
            let polite = try gate.client()
            for line in [
                "HELO client.example", "NOOP", "HELP", "VRFY anna", "RSET", "EHLO client.example", "STARTTLS",
                "AUTH NTLM",
                "AUTH PLAIN !", "RCPT TO:<a@example.com>", "MAIL FROM:<", "NOOP \u{1}",
                String(repeating: "x", count: 9_000),
                "MAIL FROM:<s@client.example>", "MAIL FROM:<s@client.example>", "QUIT",
            ] {
                _ = try polite.command(line)
            }
            let rude = try gate.client()
            while try rude.command("GIVE me").code != 421 {}
            #expect(try gate.client().login("anna", "right").code == 235)
            let login = try gate.client()
            try login.must("AUTH LOGIN")
            try login.must("YW5uYQ==")
            try login.must("cmlnaHQ=")
            for round in 0..<3 {
                let guesser = try gate.client()
                for guess in 0..<4 { _ = try guesser.login("nobody\(round)\(guess)", "wrong") }
            }
            page = try self.page(of: gate)
        }
        return page
    }

    /// TLS of both versions on both sides: a gateway that has another one as its relay.
    private static func encryption() async throws -> String {
        let authority = try Authority(try TemporaryFolder())
        let certificate = try authority.issue(.none)
        let tls = "tls: { certificate: \(certificate.certificate), key: \(certificate.key) }"
        let inner = try Gate.Home(settings: [
            tls, "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: starttls, accounts: login }]",
        ])
        var page = ""
        try await Gate.run(inner) { relay in
            _ = try await relay.administration.add("gate1", .init(plan: "home", password: "right"), by: relay.actor)
            let home = try Gate.Home()
            try home.folder.write("right\n", to: "relay.secret")
            try home.write(settings: [
                tls, "listeners: [{ name: in, address: \"127.0.0.1:0\", tls: implicit, accounts: network }]",
                "relays: [{ name: relay, address: \"localhost:\(relay.port())\", tls: required, ca: \(authority.file), "
                    + "login: gate1, password_file: relay.secret }]",
            ])
            try home.folder.write("Subject: x\n\nx\n", to: "message")
            try await Gate.run(home) { gate in
                for version in ["1.2", "1.3"] {
                    let outcome = try Program.run(
                        "/usr/bin/curl",
                        [
                            "-s", "-k", "--tls-max", version, "smtps://localhost:\(gate.port())/client.example",
                            "--mail-from", "s@client.example", "--mail-rcpt", "a@example.com", "-T",
                            home.folder.file("message"),
                        ])
                    #expect(outcome.status == 0)
                }
                let deaf = try Socket(connectedTo: gate.port())
                try deaf.send("EHLO client.example\r\n")
                _ = deaf.rest()
                page = try self.page(of: gate) + self.page(of: relay)
            }
        }
        return page
    }

    /// Relays that cannot be used, each for another reason.
    private static func relayTroubles() async throws -> String {
        let mute = try Sink { event in if case .connected = event { .silence } else { nil } }
        let curt = try Sink { event in if case .connected = event { .last("554 5.3.2 No") } else { nil } }
        let bare = try Sink()
        let false220 = try Sink(offers: ["STARTTLS"]) { event in
            if case .command("STARTTLS") = event { .reply("220 2.0.0 Go ahead") } else { nil }
        }
        let strict = try Sink(offers: ["AUTH PLAIN"])
        let relays = [
            ("closed", Ports.free(), "none"), ("mute", mute.port, "none"), ("curt", curt.port, "none"),
            ("bare", bare.port, "required"), ("false", false220.port, "required"), ("strict", strict.port, "none"),
        ].map { name, port, tls in
            "{ name: \(name), address: \"127.0.0.1:\(port)\", tls: \(tls)"
                + (name == "strict" ? ", login: gate1, password_file: relay.secret }" : " }")
        }
        let home = try Gate.Home()
        try home.folder.write("wrong\n", to: "relay.secret")
        try home.write(settings: [
            "timeouts: { drain: 1s, relay: 1s }", "relays: [\(relays.joined(separator: ", "))]",
        ])
        var page = ""
        try await Gate.run(home) { gate in
            _ = try gate.client().message(to: ["a@example.com"], body)
            page = try self.page(of: gate)
        }
        return page
    }
}
