import WeirAdmin

/// All verbs, in the order that help lists them.
enum CommandTable {
    static let commands: [Command] =
        [serve, check, demo, status, WhyCommands.why] + AccountCommands.all + ComplaintCommands.all
        + DetectorCommands.all + [reload, version]

    private static let serve = Command(
        words: ["serve"], summary: "the daemon, in the foreground",
        run: { try await Serve.run($0.installation) })

    private static let check = Command(
        words: ["check"], summary: "read configuration and policies, try what they name, say what is wrong and where",
        run: { throw ExitStatus(code: try await Check.run($0.installation, asJSON: $0.has("json"))) })

    private static let demo = Command(
        words: ["demo"],
        options: [.init(name: "for", value: "DURATION", help: "end by itself after so long, such as 30s")],
        summary: "everything on loopback in a temporary folder, with accounts that send and one that spams",
        run: { try await Demo.run(duration: $0["for"]) })

    private static let status = Command(
        words: ["status"], summary: "listeners, relays, accounts, ledger, alarms",
        run: { invocation in
            let status = try await invocation.installation.daemon().status()
            if invocation.has("json") { return try invocation.terminal.json(status) }
            StatusReport(status: status, terminal: invocation.terminal).write()
        })

    private static let reload = Command(
        words: ["reload"], summary: "take the new configuration, whole or not at all",
        run: { invocation in
            let report = try await invocation.installation.daemon().reload(by: Terminal.actor)
            if invocation.has("json") { return try invocation.terminal.json(report) }
            for change in report.changes { invocation.terminal.line(change) }
            let sameness = report.changes.isEmpty ? " Configuration and plans are as they were." : ""
            invocation.terminal.note("Reloaded, with certificates, passwords and templates.\(sameness)")
        })

    private static let version = Command(
        words: ["version"], summary: "one line",
        run: { invocation in
            if invocation.has("json") { return try invocation.terminal.json(["version": AdminDaemon.version]) }
            invocation.terminal.line("weir \(AdminDaemon.version)")
        })
}
