import WeirAdmin
import WeirBase
import WeirQuota

/// The verbs about accounts.
enum AccountCommands {
    static let all = [
        add, show, list, WhyCommands.history, set, limit, unlimit, reset, suspend, release, token, importFile, remove,
    ]

    private static let why = Command.Option(
        name: "why", value: "TEXT", help: "the reason, for the audit", isRequired: true)
    private static let passwordFile = Command.Option(
        name: "password-file", value: "FILE", help: "holds the password; - is standard input")

    private static let add = Command(
        words: ["account", "add"], arguments: ["LOGIN"],
        options: [
            .init(name: "plan", value: "PLAN", help: "the plan that limits it", isRequired: true), passwordFile,
            .init(name: "network", value: "CIDR", help: "a network that is this account", repeats: true),
            .init(name: "customer", value: "NAME", help: "the customer it belongs to"),
            .init(
                name: "mail", value: "ADDRESS",
                help: "where its owner reads notices; else the login, if it is an address"),
        ],
        summary: "add an account",
        details: """
            Without a password, a token or a network it cannot send, but for one named after a prefix that a range of
            networks: in weir.yaml makes an account, such as 100.64.0.5/32. The detector watches it more closely for a
            fortnight, unless it has a network; import accounts that you have had before.
            """,
        run: { invocation in
            let definition = AccountDefinition(
                plan: invocation["plan"] ?? "", customer: filled("customer", invocation),
                password: try invocation["password-file"].map(Input.password), networks: invocation.all("network"),
                mail: filled("mail", invocation))
            let account = try await invocation.installation.administration()
                .add(invocation.arguments[0], definition, by: Terminal.actor)
            try report(account, "added to plan \(account.plan)", invocation)
            if !account.canSend {
                invocation.terminal.note("It cannot send yet: give it a password, a token or a network.")
            } else if let range = account.range {
                invocation.terminal.note("What comes from there is its mail, by the range \(range) of networks:.")
            }
        })

    private static let show = Command(
        words: ["account", "show"], arguments: ["LOGIN"], summary: "every limit with used, allowed, frees at",
        run: { invocation in
            let account = try await invocation.installation.administration().account(invocation.arguments[0])
            if invocation.has("json") { return try invocation.terminal.json(account) }
            AccountReport(account: account, terminal: invocation.terminal).write()
        })

    private static let list = Command(
        words: ["account", "list"],
        options: [
            .init(name: "state", value: "STATE", help: AccountState.allCases.map(\.rawValue).joined(separator: ", ")),
            .init(name: "plan", value: "PLAN", help: "only accounts on this plan"),
            .init(name: "over", value: "PERCENT", help: "only accounts that used so much of a limit, such as 80%"),
        ],
        summary: "accounts by login",
        run: { invocation in
            var query = AccountQuery(plan: invocation["plan"], limit: AccountQuery.pageMax)
            query.state = try invocation["state"].map(state)
            query.overPercent = try invocation["over"].map(percent)
            let administration = try await invocation.installation.administration()
            var accounts: [AccountSummary] = []
            repeat {
                let page = try await administration.accounts(query)
                accounts += page.accounts
                query.cursor = page.next
            } while query.cursor != nil
            if invocation.has("json") {
                return try invocation.terminal.json(AccountList(accounts: accounts, next: nil))
            }
            if accounts.isEmpty { invocation.terminal.note("No account is like that.") }
            invocation.terminal.table(
                ["LOGIN", "PLAN", "CUSTOMER", "STATE", "USED"],
                accounts.map { [$0.login, $0.plan, $0.customer ?? "", $0.state.rawValue, "\($0.usedPercent)%"] })
        })

    private static let set = Command(
        words: ["account", "set"], arguments: ["LOGIN"],
        options: [
            .init(name: "plan", value: "PLAN", help: "another plan"),
            .init(name: "customer", value: "NAME", help: "another customer; \"\" for none"), passwordFile,
            .init(name: "mail", value: "ADDRESS", help: "where its owner reads notices; \"\" for nowhere else"),
            .init(name: "add-network", value: "CIDR", help: "one network more", repeats: true),
            .init(name: "remove-network", value: "CIDR", help: "one network less", repeats: true),
        ],
        summary: "change an account; what is not named stays",
        details: """
            Another password ends a suspension by the detector, unless it is the second or you confirmed it. Open sessions
            that a former password, or a network that is taken away, let in are told 421 at their next message.
            """,
        run: { invocation in
            let change = AccountChange(
                plan: invocation["plan"],
                customer: invocation["customer"].map { $0.isEmpty ? .clear : .set($0) } ?? .keep,
                password: try invocation["password-file"].map { .set(try Input.password($0)) } ?? .keep,
                mail: invocation["mail"].map { $0.isEmpty ? .clear : .set($0) } ?? .keep,
                addNetworks: invocation.all("add-network"), removeNetworks: invocation.all("remove-network"))
            guard change != AccountChange() else {
                throw UsageError(message: "account set needs something to set", hint: "see weir help account set")
            }
            let account = try await invocation.installation.administration()
                .change(invocation.arguments[0], change, by: Terminal.actor)
            let state = account.state == .normal ? "" : "; it is \(account.state.rawValue)"
            try report(account, "changed\(state)", invocation)
        })

    private static let limit = Command(
        words: ["account", "limit"], arguments: ["LOGIN", "LIMIT"],
        options: [
            .init(name: "until", value: "DATE", help: "when the plan's limit comes back; a date begins at 00:00 UTC"),
            why,
        ],
        summary: "override one limit of the plan",
        details: "LIMIT is written as in a plan: \"5000 recipients per day\".",
        run: { invocation in
            let override = LimitOverride(
                text: invocation.arguments[1], until: try invocation["until"].map(time),
                why: invocation["why"] ?? "")
            let account = try await invocation.installation.administration()
                .limit(invocation.arguments[0], name: nil, override, by: Terminal.actor)
            try report(account, "has \(override.text)", invocation)
        })

    private static let unlimit = Command(
        words: ["account", "unlimit"], arguments: ["LOGIN", "LIMIT"], summary: "take an override back",
        details: "LIMIT is the limit's name, such as recipients-per-day, or the limit as account show prints it.",
        run: { invocation in
            let limit = invocation.arguments[1]
            let name = Limit.Name(ofLimit: limit)?.description ?? limit
            let account = try await invocation.installation.administration()
                .unlimit(invocation.arguments[0], name: name, by: Terminal.actor)
            try report(account, "has its plan's \(name) again", invocation)
        })

    private static let reset = Command(
        words: ["account", "reset"], arguments: ["LOGIN"], options: [why],
        summary: "forgive what was counted in the open windows",
        run: { invocation in
            let login = invocation.arguments[0]
            try invocation.terminal.confirm("What \(login) sent will be forgotten.", invocation)
            let account = try await invocation.installation.administration()
                .reset(login, why: invocation["why"] ?? "", by: Terminal.actor)
            try report(account, "starts from 0", invocation)
        })

    private static let suspend = Command(
        words: ["account", "suspend"], arguments: ["LOGIN"], options: [why],
        summary: "refuse what it sends, at once, in open sessions too",
        run: { invocation in
            let account = try await invocation.installation.administration()
                .suspend(invocation.arguments[0], why: invocation["why"] ?? "", by: Terminal.actor)
            try report(account, "suspended; undo with weir account release", invocation)
        })

    private static let release = Command(
        words: ["account", "release"], arguments: ["LOGIN"], options: [why],
        summary: "let a suspended account send again, or end a flag",
        details: """
            What led to it is forgotten, and what is usual for the account is kept. After one that the detector made comes
            probation: for seven days another one is for a person to look into. Machines behind its network that were
            stopped may send again too.
            """,
        run: { invocation in
            let administration = try await invocation.installation.administration()
            let login = invocation.arguments[0]
            let former = invocation.has("json") ? nil : try await administration.account(login)
            let account = try await administration.release(login, why: invocation["why"] ?? "", by: Terminal.actor)
            let wasFree = former.map { [.normal, .probation].contains($0.state) && $0.stoppedMachines.isEmpty }
            let what = wasFree == true ? "was neither suspended nor flagged" : "released"
            try report(account, "\(what); it is \(account.state.rawValue)", invocation)
        })

    private static let token = Command(
        words: ["account", "token"], arguments: ["LOGIN"], summary: "make an application password, shown this once",
        run: { invocation in
            let issued = try await invocation.installation.administration()
                .issueToken(invocation.arguments[0], by: Terminal.actor)
            if invocation.has("json") { return try invocation.terminal.json(issued) }
            invocation.terminal.line(issued.token)
            invocation.terminal.note("Keep it now: it is not shown again.")
        })

    private static let importFile = Command(
        words: ["account", "import"], arguments: ["FILE"],
        options: [.init(name: "dry-run", help: "say what would change, and change nothing")],
        summary: "add and change accounts from a CSV file, all or none",
        details: """
            The first line names the columns: login,plan,customer,networks,password_hash,mail. All but the first two
            may be left out; networks are separated by spaces; the hash is a libcrypt string, or {SHA256} and the 64
            hexadecimal digits of a random token's digest. FILE may be - for standard input. To the detector, accounts
            that are added by it are as old as can be: they are taken to be moved here.
            """,
        run: { invocation in
            let file = try AccountFile(Input.octets(of: invocation.arguments[0], max: AccountFile.octetsMax))
            let report = try await invocation.installation.administration()
                .importAccounts(file, dryRun: invocation.has("dry-run"), by: Terminal.actor)
            if invocation.has("json") { return try invocation.terminal.json(report) }
            let counts = "\(report.added) added, \(report.changed) changed, \(report.unchanged) as before"
            invocation.terminal.line(report.dryRun ? "would be: \(counts)" : counts)
        })

    private static let remove = Command(
        words: ["account", "remove"], arguments: ["LOGIN"], summary: "remove an account",
        details: """
            What it sent stays counted until its windows close, also if it is added again. An account that is named after
            a network is given by its whole name.
            """,
        run: { invocation in
            let login = invocation.arguments[0]
            try invocation.terminal.confirm("\(login) will not be able to send.", invocation)
            try await invocation.installation.administration().remove(login, by: Terminal.actor)
            if !invocation.has("json") { invocation.terminal.line("\(login) removed") }
        })

    /// An option of a new account; an empty one is as if it was left out.
    private static func filled(_ option: String, _ invocation: Invocation) -> String? {
        invocation[option].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func report(_ account: Account, _ what: String, _ invocation: Invocation) throws {
        if invocation.has("json") { return try invocation.terminal.json(account) }
        invocation.terminal.line("\(Terminal.printable(account.login)) \(what)")
    }

    private static func state(_ text: String) throws(UsageError) -> AccountState {
        if let state = AccountState(rawValue: text) { return state }
        let known = AccountState.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError(message: "--state is no \"\(text)\"", hint: "it is one of \(known)")
    }

    private static func percent(_ text: String) throws(UsageError) -> Int {
        let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
        if let percent = Int(digits), (0...100_000).contains(percent) { return percent }
        throw UsageError(message: "--over is no \"\(text)\"", hint: "it is a percentage, such as 80%")
    }

    private static func time(_ text: String) throws(UsageError) -> WallTime {
        if let time = WallTime(text: text) { return time }
        throw UsageError(
            message: "--until is no \"\(text)\"",
            hint: "it is a time before 2540, such as 2026-12-01 or 2026-12-01T08:00:00Z")
    }
}
