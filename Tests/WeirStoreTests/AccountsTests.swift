import Testing
import WeirBase
import WeirRuntime
import WeirStore

private func author(_ reason: String? = nil, second: UInt64 = 1_795_348_800) -> Author {
    Author("root", at: WallTime(nanoseconds: second * .second), reason: reason)
}

private func network(_ text: String) throws -> IPNetwork { try IPNetwork(parsing: text) }

@Suite("The accounts") struct AccountsTests {
    let store = SimulatedStore()

    /// A store with one account, alice.
    private func opened() throws -> AccountsStore {
        let accounts = try AccountsStore(in: store.directory)
        let alice = NewAccount(
            login: "Alice@ISP.example", plan: "residential", customer: "company", mail: "alice@home.example",
            passwordHash: "$y$hash", networks: [try network("192.0.2.0/24"), try network("2001:db8::/56")])
        try accounts.add(alice, by: author("asked for"))
        return accounts
    }

    @Test("gives back what was added, in any spelling of the login, also after a power cut")
    func roundTrip() throws {
        let accounts = try opened()
        try accounts.addToken("alice@isp.example", hash: [1, 2, 3], by: author())
        let limit = AccountRecord.Override(
            name: "recipients-per-day", limit: "5000 recipients per day",
            until: WallTime(nanoseconds: 1_800_000_000 * .second), reason: "newsletter")
        try accounts.limit("alice@isp.example", limit, by: author("newsletter"))
        let record = try #require(try accounts.account("  ALICE@isp.EXAMPLE. "))
        #expect(record.key == "alice@isp.example" && record.login == "Alice@ISP.example")
        #expect(record.plan == "residential" && record.customer == "company" && record.mail == "alice@home.example")
        #expect(record.state == .normal && record.passwordHash == "$y$hash")
        #expect(record.networks.map(\.description) == ["192.0.2.0/24", "2001:db8::/56"])
        #expect(record.tokens == [[1, 2, 3]] && record.overrides == [limit])
        #expect(try AccountsStore(in: store.crashed(seed: 5).directory).account("alice@isp.example") == record)
        #expect(try accounts.account("alice@isp.example.org") == nil)
        #expect(try accounts.account("no login") == nil)
    }

    @Test("writes who changed what, from what, to what and why, but no password")
    func audit() throws {
        let accounts = try opened()
        let changes = AccountChanges(plan: "business", customer: "", passwordHash: "$y$secret")
        #expect(try accounts.set("alice@isp.example", changes, by: author("upgrade")))
        #expect(try !accounts.set("alice@isp.example", changes, by: author("again")))
        #expect(try accounts.setState("alice@isp.example", .suspended, by: author("spam", second: 2_000_000_000)))
        #expect(try !accounts.setState("alice@isp.example", .suspended, by: author("spam")))
        let record = try #require(try accounts.account("alice@isp.example"))
        #expect(
            record.state == .suspended && record.stateReason == "spam" && record.stateSince.seconds == 2_000_000_000)
        try accounts.note("alice@isp.example", action: "account.reset", by: author("false alarm"))
        try accounts.remove("alice@isp.example", by: author())
        let rows = try accounts.audit(of: "Alice@isp.example")
        #expect(
            rows.map(\.action) == [
                "account.remove", "account.reset", "account.state", "account.set.password", "account.set.customer",
                "account.set.plan", "account.network.add", "account.network.add", "account.add",
            ])
        #expect(rows[2].old == "normal" && rows[2].new == "suspended" && rows[2].reason == "spam")
        #expect(rows[5].old == "residential" && rows[5].new == "business" && rows[5].actor == "root")
        #expect(!rows.contains { "\($0)".contains("$y$") })
        #expect(try accounts.audit(before: rows[1].sequence, limit: 2) == Array(rows[2...3]))
    }

    @Test("refuses what does not fit, and changes nothing then")
    func refusals() throws {
        let accounts = try opened()
        let before = try accounts.audit()
        func expect(_ refusal: StoreError.Refusal, _ change: () throws -> Void) {
            #expect(throws: StoreError.refused(refusal)) { try change() }
        }
        let taken = try network("192.0.2.0/24")
        let free = try network("198.51.100.7")
        expect(.accountExists(login: "ALICE@isp.example")) {
            try accounts.add(NewAccount(login: "ALICE@isp.example", plan: "x"), by: author())
        }
        expect(.networkTaken(network: taken, by: "Alice@ISP.example")) {
            try accounts.add(NewAccount(login: "bob", plan: "x", networks: [free, taken]), by: author())
        }
        #expect(try accounts.account("bob") == nil)
        expect(.notALogin("a b")) { try accounts.add(NewAccount(login: "a b", plan: "x"), by: author()) }
        expect(.noSuchAccount(login: "bob")) { try accounts.setState("bob", .normal, by: author()) }
        expect(.noSuchAccount(login: "bob")) { try accounts.remove("bob", by: author()) }
        expect(.noSuchLimit(name: "x")) { try accounts.unlimit("alice@isp.example", name: "x", by: author()) }
        expect(.noSuchNetwork(network: free)) {
            let changes = AccountChanges(plan: "business", removedNetworks: [free])
            try accounts.set("alice@isp.example", changes, by: author())
        }
        #expect(try accounts.audit() == before)
        #expect(try accounts.account("alice@isp.example")?.plan == "residential")
        let added = AccountChanges(addedNetworks: [taken])
        #expect(try !accounts.set("alice@isp.example", added, by: author()), "it has the network already")
    }

    @Test("takes an own limit away again, and a network to another account")
    func removals() throws {
        let accounts = try opened()
        let limit = AccountRecord.Override(
            name: "messages-per-hour", limit: "5 messages per hour", until: nil, reason: "")
        try accounts.limit("alice@isp.example", limit, by: author())
        try accounts.unlimit("alice@isp.example", name: "messages-per-hour", by: author())
        let moved = try network("192.0.2.0/24")
        try accounts.set("alice@isp.example", AccountChanges(removedNetworks: [moved]), by: author())
        try accounts.add(NewAccount(login: "bob", plan: "x", networks: [moved]), by: author())
        let record = try #require(try accounts.account("alice@isp.example"))
        #expect(record.overrides.isEmpty && record.networks.count == 1)
        try accounts.remove("bob", by: author())
        #expect(try accounts.account(at: try #require(IPAddress("192.0.2.1"))) == nil)
    }

    @Test(
        "finds the account of a source address by its longest network",
        arguments: [
            ("192.0.2.77", "alice"), ("192.0.2.129", "bob"), ("192.0.2.130", "carol"), ("::ffff:192.0.2.130", "carol"),
            ("192.0.3.1", "dave"), ("10.0.0.1", nil), ("2001:db8:0:1::1", "alice"), ("2001:db8:0:1:8000::", "bob"),
            ("2001:db9::", nil), ("::", nil), ("255.255.255.255", nil),
        ])
    func longestPrefix(address: String, login: String?) throws {
        let accounts = try AccountsStore(in: store.directory)
        for (login, networks) in [
            ("alice", ["192.0.2.0/24", "2001:db8:0:1::/64"]), ("bob", ["192.0.2.128/25", "2001:db8:0:1:8000::/65"]),
            ("carol", ["192.0.2.130"]), ("dave", ["192.0.0.0/16"]),
        ] {
            let account = NewAccount(login: login, plan: "x", networks: try networks.map { try network($0) })
            try accounts.add(account, by: author())
        }
        #expect(try accounts.account(at: try #require(IPAddress(address)))?.login == login)
        let reopened = try AccountsStore(in: store.crashed(seed: 2).directory)
        #expect(try reopened.account(at: try #require(IPAddress(address)))?.login == login)
    }

    @Test("finds it among the networks that are not longer than asked for")
    func boundedPrefix() throws {
        let accounts = try AccountsStore(in: store.directory)
        for (login, text) in [("wide", "192.0.2.0/24"), ("narrow", "192.0.2.128/25")] {
            try accounts.add(NewAccount(login: login, plan: "x", networks: [try network(text)]), by: author())
        }
        let address = try #require(IPAddress("192.0.2.129"))
        let found = try [23, 24, 25, 32].map { try accounts.account(at: address, lengthMax: $0)?.login }
        #expect(found == [nil, "wide", "narrow", "narrow"])
    }

    @Test(
        "knows which account is named after a network",
        arguments: [
            ("192.0.2.0/24", true), ("2001:DB8::/56", true), ("192.0.2.1", false), ("192.0.2.1/24", false),
            ("2001:db8:0::/56", false), ("192.0.2.0/024", false), ("alice/24", false),
        ])
    func namesake(login: String, isNetwork: Bool) throws {
        let accounts = try AccountsStore(in: store.directory)
        try accounts.add(NewAccount(login: login, plan: "x"), by: author())
        let namesake = try accounts.account(login)?.namesake
        #expect(namesake == (isNetwork ? try network(login.lowercased()) : nil))
    }

    @Test("lists page by page what matches, in order", arguments: [1, 7, 1000])
    func list(limit: Int) throws {
        let accounts = try AccountsStore(in: store.directory)
        for number in 0..<30 {
            let account = NewAccount(
                login: "user\(number)", plan: number % 2 == 0 ? "even" : "odd", customer: number < 9 ? "nine" : nil)
            try accounts.add(account, by: author())
            if number % 5 == 0 { try accounts.setState("user\(number)", .suspended, by: author()) }
        }
        func found(_ filter: AccountFilter) throws -> [String] {
            var logins: [String] = []
            var cursor: String?
            repeat {
                let page = try accounts.list(filter, after: cursor, limit: limit)
                logins += page.accounts.map(\.login)
                cursor = page.next
            } while cursor != nil
            return logins
        }
        let all = (0..<30).map { "user\($0)" }
        func expected(_ matches: (Int) -> Bool) -> [String] { (0..<30).filter(matches).map { all[$0] }.sorted() }
        #expect(try found(AccountFilter()) == all.sorted())
        #expect(try found(AccountFilter(state: .suspended)) == expected { $0 % 5 == 0 })
        #expect(try found(AccountFilter(state: .normal, plan: "odd")) == expected { $0 % 5 != 0 && $0 % 2 == 1 })
        #expect(try found(AccountFilter(plan: "even")) == expected { $0 % 2 == 0 })
        #expect(try found(AccountFilter(plan: "even", customer: "nine")) == expected { $0 % 2 == 0 && $0 < 9 })
        #expect(try found(AccountFilter(prefix: "user2")) == expected { all[$0].hasPrefix("user2") })
        let counts = try accounts.counts().map { "\($0.plan) \($0.state) \($0.count)" }
        #expect(counts == ["even normal 12", "even suspended 3", "odd normal 12", "odd suspended 3"])
    }

    @Test("takes any text as a login or plan for what it is", arguments: injections)
    func injection(text: String) throws {
        let accounts = try opened()
        let isLogin = CanonicalLogin(text) != nil
        do {
            try accounts.add(NewAccount(login: text, plan: text, customer: text), by: author(text))
            #expect(isLogin)
            #expect(try accounts.account(text)?.plan == text)
            #expect(try accounts.list(AccountFilter(plan: text)).accounts.count == 1)
        } catch {
            #expect(!isLogin && error == .refused(.notALogin(text)))
        }
        #expect(try accounts.account("alice@isp.example") != nil)
    }
}

@Suite("An import of accounts") struct ImportTests {
    let store = SimulatedStore()

    private func line(_ number: Int, plan: String = "residential") -> ImportedAccount {
        ImportedAccount(line: number, login: "user\(number)@isp.example", plan: plan, token: [UInt8(number & 0xFF)])
    }

    @Test("adds, changes and leaves alone, and a dry run says the same and does nothing")
    func upsert() throws {
        let accounts = try AccountsStore(in: store.directory)
        let first = (2...11).map { line($0) }
        let dry = try accounts.importAccounts(first, dryRun: true, by: author())
        #expect(try accounts.list().accounts.isEmpty && accounts.audit().isEmpty)
        #expect(try accounts.importAccounts(first, by: author()) == dry)
        #expect(dry.added == 10 && dry.changed == 0 && dry.unchanged == 0 && dry.problems.isEmpty)
        let second = (2...5).map { line($0) } + (6...12).map { line($0, plan: "business") }
        let report = try accounts.importAccounts(second, by: author())
        #expect(report.added == 1 && report.changed == 6 && report.unchanged == 4)
        #expect(try accounts.account("user6@isp.example")?.plan == "business")
        #expect(try accounts.account("user6@isp.example")?.tokens == [[6]])
    }

    @Test("does all or nothing, naming every bad line")
    func allOrNothing() throws {
        let accounts = try AccountsStore(in: store.directory)
        let holder = NewAccount(login: "holder", plan: "x", networks: [try network("192.0.2.0/24")])
        try accounts.add(holder, by: author())
        var lines = (2...9).map { line($0) }
        lines[1].login = "not a login"
        lines[4].networks = [try network("192.0.2.0/24")]
        lines[6].login = "USER2@isp.example"
        lines[7].networks = [try network("::/0")]
        let report = try accounts.importAccounts(lines, by: author())
        #expect(
            report.problems == [
                .init(line: 3, refusal: .notALogin("not a login")),
                .init(line: 6, refusal: .networkTaken(network: try network("192.0.2.0/24"), by: "holder")),
                .init(line: 8, refusal: .namedTwice(login: "USER2@isp.example")),
                .init(line: 9, refusal: .wholeInternet(network: try network("::/0"))),
            ])
        #expect(try accounts.list().accounts.map(\.login) == ["holder"])
    }

    @Test("moves a network from one account to another, whichever comes first", arguments: [true, false])
    func movedNetwork(isReversed: Bool) throws {
        let accounts = try AccountsStore(in: store.directory)
        var lines = [line(2), line(3)]
        lines[0].networks = [try network("192.0.2.0/24")]
        #expect(try accounts.importAccounts(lines, by: author()).added == 2)
        lines[1].networks = lines[0].networks
        lines[0].networks = []
        let report = try accounts.importAccounts(isReversed ? lines.reversed() : lines, by: author())
        #expect(report.changed == 2 && report.problems.isEmpty)
        #expect(try accounts.account(at: try #require(IPAddress("192.0.2.1")))?.login == "user3@isp.example")
    }

    @Test("leaves nothing of itself behind a power cut at any point", arguments: 1...40)
    func powerCut(change: Int) throws {
        let accounts = try AccountsStore(in: store.directory)
        try accounts.add(NewAccount(login: "old", plan: "x"), by: author())
        store.disk.faults.powerCut = change
        let report = try? accounts.importAccounts((2...200).map { line($0) }, by: author())
        let reopened = try AccountsStore(in: store.crashed(seed: UInt64(change)).directory)
        let count = try reopened.list(limit: 1000).accounts.count
        #expect(report == nil ? [1, 200].contains(count) : count == 200)
    }
}
