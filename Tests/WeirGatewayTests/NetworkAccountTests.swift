import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime

@Suite("A source address") struct NetworkAccountTests {
    private static func ranges(_ ranges: String...) -> [String] {
        let rules = ranges.map { range in
            let parts = range.split(separator: " ")
            return "{ range: \(parts[0]), each: \(parts[1]), plan: home }"
        }
        return ["networks: [\(rules.joined(separator: ", "))]"]
    }

    /// One message of a new session; nil where MAIL was refused with 550.
    private func send(from source: String, _ gate: Gate) throws -> Int? {
        let client = try gate.client(from: source)
        let mail = try client.command("MAIL FROM:<s@client.example>")
        if mail.code == 550 {
            #expect(mail.text.contains("5.7.1 Relaying denied"))
            return nil
        }
        try client.must("RSET")
        return try client.message(to: ["a@example.com"], body).delivered
    }

    @Test("counts for the longest network of an account's own, also when it has sent as its range's prefix before")
    func ownNetworkWins() async throws {
        try await Gate.run(try Gate.Home()) { gate in
            let admin = gate.administration
            let open = try gate.client(from: "127.0.0.41")
            #expect(try open.message(to: ["a@example.com"], body).delivered == 1)
            #expect(try await gate.used(by: "127.0.0.41/32") == 1)
            _ = try await admin.add("own40", .init(plan: "home", networks: ["127.0.0.40/29"]), by: gate.actor)
            #expect(try open.command("MAIL FROM:<s@client.example>").code == 421)
            #expect(throws: SMTPClient.Closed.self) { try open.reply() }
            for source in ["127.0.0.41", "127.0.0.42"] { #expect(try send(from: source, gate) == 1) }
            #expect(try await gate.used(by: "own40") == 2)
            #expect(try await gate.used(by: "127.0.0.41/32") == 1)

            // The very prefix goes to whom it is given, and the longest wins.
            _ = try await admin.add("own41", .init(plan: "home", networks: ["127.0.0.41/32"]), by: gate.actor)
            _ = try await admin.suspend("own40", why: "spam", by: gate.actor)
            #expect(try send(from: "127.0.0.41", gate) == 1)
            #expect(try await gate.used(by: "own41") == 1)
            #expect(try send(from: "127.0.0.42", gate) == 0)
            #expect(try await admin.account("127.0.0.41/32").range == nil, "nobody sends as it")

            try await admin.remove("own41", by: gate.actor)
            try await admin.remove("own40", by: gate.actor)
            #expect(try send(from: "127.0.0.41", gate) == 1)
            #expect(try await gate.used(by: "127.0.0.41/32") == 2)
        }
    }

    @Test("stands for the account that it is by itself, and for the one that a range makes of its prefix")
    func loneAddress() async throws {
        let home = try Gate.Home()
        try home.write(settings: Self.ranges("127.0.0.0/24 32", "127.0.1.0/24 28"))
        try await Gate.run(home) { gate in
            let admin = gate.administration
            for (source, login) in [("127.0.0.5", "127.0.0.5/32"), ("127.0.1.37", "127.0.1.32/28")] {
                await #expect(throws: AdminError.noSuchAccount(source)) { try await admin.account(source) }
                #expect(try send(from: source, gate) == 1)
                #expect(try await admin.account(source).login == login)
                #expect(try await admin.why(source).login == login)
                #expect(try await admin.history(source, limit: 9, cursor: nil).login == login)
                #expect(try await admin.change(source, .init(customer: .set("x")), by: gate.actor).login == login)
                #expect(try await admin.suspend("::ffff:\(source)", why: "spam", by: gate.actor).login == login)
                #expect(try send(from: source, gate) == 0)
                #expect(try await admin.release(source, why: "clean", by: gate.actor).state == .normal)
                let override = LimitOverride(text: "1 recipients per hour", until: nil, why: "test")
                #expect(try await admin.limit(source, name: nil, override, by: gate.actor).login == login)
                _ = try await admin.unlimit(source, name: "recipients-per-hour", by: gate.actor)
                #expect(try await admin.reset(source, why: "test", by: gate.actor).login == login)
                await #expect(throws: AdminError.noSuchAccount(source), "all of a network goes by its whole name alone")
                {
                    try await admin.remove(source, by: gate.actor)
                }
                #expect(try await admin.account(source).login == login)
            }
        }
    }

    @Test("stands for who has it as his own, also where it has sent by a range before")
    func ownAddress() async throws {
        let home = try Gate.Home()
        try home.write(settings: Self.ranges("127.0.0.0/24 32"))
        try await Gate.run(home) { gate in
            let admin = gate.administration
            #expect(try send(from: "127.0.0.7", gate) == 1)
            #expect(try await admin.why("127.0.0.7").login == "127.0.0.7/32")
            for (login, network) in [("office", "127.0.0.0/29"), ("desk", "127.0.0.7/32")] {
                _ = try await admin.add(login, .init(plan: "home", networks: [network]), by: gate.actor)
                #expect(try await admin.why("127.0.0.7").login == login)
            }
            #expect(try await admin.suspend("127.0.0.7", why: "spam", by: gate.actor).login == "desk")
            #expect(try send(from: "127.0.0.7", gate) == 0)
            #expect(try await admin.why("127.0.0.6").login == "office")
            #expect(try await admin.why("127.0.0.7/32").state == .normal)
        }
    }

    @Test("sends no more once its range is taken out, seen before or not, and goes on when it comes back")
    func rangeTakenOut() async throws {
        let home = try Gate.Home()
        let others = Self.ranges("127.0.1.0/24 32")
        try await Gate.run(home) { gate in
            let open = try gate.client()
            #expect(try open.message(to: ["a@example.com"], body).delivered == 1)
            try home.write(settings: others)
            _ = try await gate.administration.reload(by: gate.actor)
            #expect(try open.command("MAIL FROM:<s@client.example>").code == 421)
            for source in ["127.0.0.2", "127.0.0.3"] { #expect(try send(from: source, gate) == nil) }
            #expect(try send(from: "127.0.1.3", gate) == 1)
        }
        try await Gate.run(home) { gate in
            let admin = gate.administration
            for source in ["127.0.0.2", "127.0.0.3"] { #expect(try send(from: source, gate) == nil) }
            let account = try await admin.account("127.0.0.2/32")
            #expect(account.limits[0].used == 1 && !account.canSend)
            _ = try await admin.change(
                "127.0.0.2/32", AccountChange(addNetworks: ["127.0.0.2/32"]), by: gate.actor)
            #expect(try send(from: "127.0.0.2", gate) == 1, "it is its own now")
            _ = try await admin.change(
                "127.0.0.2/32", AccountChange(removeNetworks: ["127.0.0.2/32"]), by: gate.actor)
            #expect(try send(from: "127.0.0.2", gate) == nil)
            try home.write()
            _ = try await admin.reload(by: gate.actor)
            #expect(try send(from: "127.0.0.2", gate) == 1)
            #expect(try await gate.used(by: "127.0.0.2/32") == 3)
        }
    }

    @Test("is of the prefix that the narrowest range makes of it now")
    func prefixes() async throws {
        let home = try Gate.Home(settings: Self.ranges("127.0.0.0/8 32", "127.0.0.0/24 28"))
        try await Gate.run(home) { gate in
            #expect(try send(from: "127.0.0.17", gate) == 1)
            #expect(try await gate.used(by: "127.0.0.16/28") == 1)
            try home.write(settings: Self.ranges("127.0.0.0/8 32"))
            _ = try await gate.administration.reload(by: gate.actor)
            #expect(try send(from: "127.0.0.17", gate) == 1)
            #expect(try await gate.used(by: "127.0.0.17/32") == 1)
            try home.write(settings: Self.ranges("127.0.0.0/8 24"))
            _ = try await gate.administration.reload(by: gate.actor)
            #expect(try send(from: "127.0.0.17", gate) == 1)
            for login in ["127.0.0.0/24", "127.0.0.16/28", "127.0.0.17/32"] {
                #expect(try await gate.used(by: login) == 1)
            }
            #expect(try await gate.administration.account("127.0.0.17/32").range == nil)
            #expect(try await gate.administration.account("127.0.0.0/24").range == "127.0.0.0/8")
        }
    }

    @Test("is an account that was added under its prefix only where a range has it, and keeps what was changed there")
    func addedPrefix() async throws {
        let home = try Gate.Home(settings: Self.ranges("127.0.1.0/24 32"))
        try home.plan("big", limits: "100 recipients per hour")
        try await Gate.run(home) { gate in
            let admin = gate.administration
            let without = try await admin.add("127.0.0.5/32", .init(plan: "big"), by: gate.actor)
            #expect(without.range == nil && !without.canSend)
            #expect(try send(from: "127.0.0.5", gate) == nil)
            let with = try await admin.add("127.0.1.5/32", .init(plan: "big"), by: gate.actor)
            #expect(with.range == "127.0.1.0/24" && with.canSend && with.networks.isEmpty)
            #expect(try send(from: "127.0.1.5", gate) == 1)
            #expect(try await admin.account("127.0.1.5/32").limits.map(\.allowed) == [100])
            #expect(try send(from: "127.0.1.6", gate) == 1)
            _ = try await admin.change("127.0.1.6/32", AccountChange(plan: "big"), by: gate.actor)
            #expect(try await admin.reload(by: gate.actor).changes == [])
            #expect(try send(from: "127.0.1.6", gate) == 1)
            #expect(try await admin.account("127.0.1.6/32").limits.map(\.allowed) == [100])
        }
    }
}
