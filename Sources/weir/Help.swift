import WeirConfiguration
import WeirQuota

/// What `weir help` prints, made from the table of verbs.
struct Help {
    let commands: [Command]

    /// Help on one verb, on a group such as `account`, or on all.
    func write(_ words: [String], to terminal: Terminal) throws(UsageError) {
        if words.isEmpty { return overview(terminal) }
        if words == ["weir.yaml"] { return describe(Configuration.keys, terminal) }
        if words == ["policies"] { return describePolicies(terminal) }
        let group = commands.filter { $0.words.starts(with: words) }
        if let command = group.first(where: { $0.words == words }) { return describe(command, terminal) }
        guard !group.isEmpty else {
            let known = commands.map(\.words[0]) + commands.map(\.name) + ["weir.yaml", "policies"]
            let near = Spelling.nearest(to: words.joined(separator: " "), among: known)
            throw UsageError(
                message: "there is no verb \"\(words.joined(separator: " "))\"",
                hint: near.map { "did you mean weir help \($0)?" } ?? "weir help lists them")
        }
        list(group, terminal)
    }

    private func overview(_ terminal: Terminal) {
        terminal.line("weir: the gate through which outbound mail leaves, counted.\n")
        terminal.line("usage: weir VERB … [--config FILE] [--socket PATH] [--json] [--yes]\n")
        list(commands, terminal)
        terminal.line(
            "\nweir help VERB says more; weir help weir.yaml and weir help policies list the keys of the files.")
        terminal.line(
            """

            Exit status: 0 done, 64 usage, 65 bad data, 67 no such account or message, 69 daemon not reachable,
            70 a fault within Weir, 71 no threads or descriptors from the system, 74 a disk that fails or results that
            could not be written, 75 try again later, 77 not permitted, 78 configuration.
            """)
    }

    private func describePolicies(_ terminal: Terminal) {
        terminal.line(
            """
            Each file that policies: names holds one of these kinds, told by its first key. A limit is written
            "1000 recipients per day", "50 MB per message", "20 connections"; rolling (the default) or calendar, then
            defer, reject or observe may follow.
            """)
        for (kind, keys) in Policies.keys {
            terminal.line("\n\(kind):")
            describe(keys, terminal)
        }
    }

    private func describe(_ keys: [KeyDescription], _ terminal: Terminal) {
        for key in keys {
            let presence =
                switch key.presence {
                case .required: "required"
                case .optional: "optional"
                case .standard(let value): "default \(value)"
                }
            terminal.line("  \(key.path)  (\(key.expected); \(presence))\n      \(key.documentation)")
        }
    }

    private func list(_ commands: [Command], _ terminal: Terminal) {
        let width = commands.map(\.name.count).max() ?? 0
        for command in commands { terminal.line("  \(Terminal.padded(command.name, to: width))  \(command.summary)") }
    }

    private func describe(_ command: Command, _ terminal: Terminal) {
        terminal.line("weir \(command.name): \(command.summary)\n\nusage: \(command.usage)")
        if !command.details.isEmpty { terminal.line("\n\(command.details)") }
        for (title, options) in [("Options", command.options), ("Of every verb", Command.common)]
        where !options.isEmpty {
            terminal.line("\n\(title):")
            let left = options.map { "--\($0.name)" + ($0.value.map { " \($0)" } ?? "") }
            let width = left.map(\.count).max() ?? 0
            for (text, option) in zip(left, options) {
                terminal.line("  \(Terminal.padded(text, to: width))  \(option.help)")
            }
        }
    }
}
