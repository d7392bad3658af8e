import WeirQuota

/// Finds the verb and its options among the words of a command line.
struct CommandParser {
    let commands: [Command]

    enum Outcome {
        case run(Command, arguments: [String], options: [String: [String]])
        case help([String])
    }

    func parse(_ line: [String]) throws(UsageError) -> Outcome {
        if line == ["--version"] || line == ["-V"] { return try parse(["version"]) }
        if line.first == "help" { return .help(Array(line.dropFirst())) }
        guard let first = line.first(where: { $0 != "--help" && $0 != "-h" }) else {
            if !line.isEmpty { return .help([]) }
            throw UsageError(message: "a verb is missing", hint: "weir help lists them")
        }
        let places = leadingWords(line)
        let words = places.map { line[$0] }
        guard let command = longestMatch(words) else { throw unknownVerb(words.isEmpty ? [first] : words) }
        let verb = places.prefix(command.words.count)
        return try parse(command, line.indices.filter { !verb.contains($0) }.map { line[$0] })
    }

    private func parse(_ command: Command, _ words: [String]) throws(UsageError) -> Outcome {
        let hint = "see weir help \(command.name)"
        let known = command.options + Command.common
        var arguments: [String] = []
        var options: [String: [String]] = [:]
        var rest = words[...]
        var optionsEnded = false
        while let word = rest.popFirst() {
            if word == "--", !optionsEnded {
                optionsEnded = true
            } else if word == "-h", !optionsEnded {
                return .help(command.words)
            } else if word.hasPrefix("--"), !optionsEnded {
                let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = String(parts[0])
                guard let option = known.first(where: { $0.name == name }) else {
                    let near = Spelling.nearest(to: name, among: known.map(\.name))
                    throw UsageError(
                        message: "\(command.name) has no option --\(name)",
                        hint: near.map { "did you mean --\($0)?" } ?? hint)
                }
                if name == "help" { return .help(command.words) }
                let value = try value(of: option, inline: parts.count > 1 ? String(parts[1]) : nil, &rest, hint)
                if !option.repeats, options[name] != nil {
                    throw UsageError(message: "--\(name) is given twice", hint: hint)
                }
                options[name, default: []].append(value)
            } else {
                arguments.append(word)
            }
        }
        try check(command, arguments, options, hint)
        return .run(command, arguments: arguments, options: options)
    }

    private func value(
        of option: Command.Option, inline: String?, _ rest: inout ArraySlice<String>, _ hint: String
    ) throws(UsageError) -> String {
        guard let placeholder = option.value else {
            if inline != nil { throw UsageError(message: "--\(option.name) takes no value", hint: hint) }
            return ""
        }
        // What is an option cannot be meant as the value of another; after = anything can.
        let isOption = rest.first.map { word in Command.common.contains { "--\($0.name)" == word } } ?? false
        guard let value = inline ?? (isOption ? nil : rest.popFirst()) else {
            throw UsageError(message: "--\(option.name) needs a value: \(placeholder)", hint: hint)
        }
        return value
    }

    private func check(
        _ command: Command, _ arguments: [String], _ options: [String: [String]], _ hint: String
    ) throws(UsageError) {
        if arguments.count < command.arguments.count {
            let missing = command.arguments[arguments.count...].joined(separator: " ")
            throw UsageError(message: "\(command.name) needs \(missing)", hint: "usage: \(command.usage)")
        }
        if arguments.count > command.arguments.count, command.arguments.last?.hasSuffix("…") != true {
            let surplus = arguments[command.arguments.count]
            throw UsageError(message: "\(command.name) takes no \"\(surplus)\"", hint: "usage: \(command.usage)")
        }
        if let index = arguments.firstIndex(of: "") {
            let name = command.arguments[min(index, command.arguments.count - 1)]
            throw UsageError(message: "\(name) must not be empty", hint: "usage: \(command.usage)")
        }
        for option in command.options where option.isRequired && options[option.name] == nil {
            throw UsageError(
                message: "\(command.name) needs --\(option.name) \(option.value ?? "")",
                hint: "usage: \(command.usage)")
        }
        for option in command.options.filter(\.isRequired) + Command.common.filter({ $0.value != nil })
        where options[option.name]?.contains("") == true {
            throw UsageError(message: "--\(option.name) must not be empty", hint: "usage: \(command.usage)")
        }
    }

    /// Where the first two words stand that are no options; those of every verb may stand before its words.
    private func leadingWords(_ line: [String]) -> [Int] {
        var places: [Int] = []
        var place = 0
        while place < line.count, places.count < 2 {
            if let option = Command.common.first(where: { "--\($0.name)" == line[place] }) {
                if option.value != nil { place += 1 }
            } else if !line[place].hasPrefix("-") {
                places.append(place)
            }
            place += 1
        }
        return places
    }

    private func longestMatch(_ words: [String]) -> Command? {
        commands.filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }
    }

    private func unknownVerb(_ words: [String]) -> UsageError {
        let group = commands.filter { $0.words.count > 1 && $0.words.first == words.first }
        if let first = words.first, !group.isEmpty {
            let verbs = group.compactMap { $0.words.last }
            guard words.count > 1 else {
                return UsageError(
                    message: "\(first) needs one of \(verbs.joined(separator: ", "))", hint: "see weir help \(first)")
            }
            let near = Spelling.nearest(to: words[1], among: verbs)
            return UsageError(
                message: "\(first) has no verb \"\(words[1])\"",
                hint: near.map { "did you mean weir \(first) \($0)?" } ?? "see weir help \(first)")
        }
        let near = Spelling.nearest(to: words.first ?? "", among: commands.compactMap(\.words.first) + ["help"])
        return UsageError(
            message: "there is no verb \"\(words.first ?? "")\"",
            hint: near.map { "did you mean weir \($0)?" } ?? "weir help lists them")
    }
}
