import WeirAdmin
import WeirBase
import WeirGateway

/// The verbs that tell why.
enum WhyCommands {
    static let why = Command(
        words: ["why"], arguments: ["WHAT"],
        summary: "why an account stands where it does, or what came of a message",
        details: """
            WHAT is a login, an address for the account that sends from there, or the id of a message as it stands in replies, log
            lines and Received fields.
            Of an account: its state, since when and by whom, and the record of the latest verdict: the score, what it
            is made of, what would have acquitted, and the messages. Of a message: recipients, replies, and which limit,
            verdict or relay answered; kept for 7 days.
            """,
        run: { invocation in
            let argument = invocation.arguments[0]
            // A reply has its id in brackets, and they come along when it is copied.
            let isBracketed = argument.hasPrefix("[") && argument.hasSuffix("]")
            let what = isBracketed ? String(argument.dropFirst().dropLast()) : argument
            let administration = try await invocation.installation.administration()
            guard MessageID(what) != nil else { return try await account(what, administration, invocation) }
            do throws(AdminError) {
                let report = try await administration.message(what)
                if invocation.has("json") { return try invocation.terminal.json(report) }
                MessageStory(report: report, terminal: invocation.terminal).write()
            } catch {
                // A login may look like an id.
                guard error.kind == .noSuchMessage else { throw error }
                do { try await account(what, administration, invocation) } catch let other as AdminError {
                    throw other.kind == .noSuchAccount ? error : other
                }
            }
        })

    private static func account(
        _ login: String, _ administration: any Administration, _ invocation: Invocation
    ) async throws {
        let reasons = try await administration.why(login)
        if invocation.has("json") { return try invocation.terminal.json(reasons) }
        AccountStory(reasons: reasons, terminal: invocation.terminal).write()
    }

    static let history = Command(
        words: ["account", "history"], arguments: ["LOGIN"],
        options: [.init(name: "limit", value: "N", help: "at most so many events, the latest; default 50")],
        summary: "verdicts and changes of an account, in order of time",
        details: "Also of an account that was removed: verdicts are kept for 400 days, changes for ever.",
        run: { invocation in
            var left = try invocation["limit"].map(limit) ?? 50
            let administration = try await invocation.installation.administration()
            var history = AccountHistory(login: invocation.arguments[0], events: [])
            var cursor: String?
            repeat {
                let page = try await administration.history(
                    invocation.arguments[0], limit: min(left, AccountQuery.pageMax), cursor: cursor)
                history.login = page.login
                history.events += page.events
                left -= page.events.count
                cursor = page.next
            } while cursor != nil && left > 0
            history.next = cursor
            if invocation.has("json") { return try invocation.terminal.json(history) }
            var verdict: String?
            let rows = history.events.reversed().map { event in
                if event.verdict != nil { verdict = event.reason }
                return row(event, after: verdict)
            }
            invocation.terminal.table(["TIME", "WHO", "WHAT", "FROM", "TO", "WHY"], rows)
            if cursor != nil { invocation.terminal.note("There is more before that: --limit N.") }
        })

    private static func limit(_ text: String) throws(UsageError) -> Int {
        if let limit = Int(text), (1...1_000_000).contains(limit) { return limit }
        throw UsageError(message: "--limit is no \"\(text)\"", hint: "it is a number above 0, such as 50")
    }

    /// `verdict` is the reason of the latest one before: what only carries that out does not repeat it.
    private static func row(_ event: HistoryEvent, after verdict: String?) -> [String] {
        let machine = event.verdict?.machine.map { " on \($0)" } ?? ""
        let what = event.verdict.map { "verdict (\($0.mode))\(machine)" } ?? event.action
        let isRepeated = event.verdict == nil && event.reason == verdict
        let why = isRepeated && verdict != nil ? "by that verdict" : event.reason ?? ""
        return [event.time.text, event.actor, what, event.old ?? "", event.new ?? "", why]
    }
}

/// What `weir why LOGIN` prints: for a person to read, in the order in which they ask.
struct AccountStory {
    let reasons: AccountReasons
    let terminal: Terminal

    func write() {
        let who = reasons.by.map { ", by \($0)" } ?? ""
        line("\(reasons.login) is \(reasons.state.rawValue) since \(reasons.since.text)\(who).")
        line("Plan \(reasons.plan), detector \(reasons.detector).")
        if !reasons.stoppedMachines.isEmpty {
            line("Machines behind it that are stopped: \(reasons.stoppedMachines.joined(separator: " ")).")
        }
        // What the detector wrote as its reason is told in full below.
        if let reason = reasons.reason, reason != reasons.verdict?.sentences.joined(separator: "; ") {
            line("Reason given: \(reason)")
        }
        if let verdict = reasons.verdict {
            line("")
            VerdictStory(verdict: verdict, terminal: terminal).write()
        } else {
            line("The detector has never decided anything about it.")
        }
        line("")
        line("What to run next:")
        for (command, what) in next { line("  weir \(command)\n      \(what)") }
    }

    private var next: [(String, String)] {
        let login = Terminal.printable(reasons.login)
        var next: [(String, String)] = []
        switch reasons.state {
        case .suspended:
            let isDetectors = reasons.by == Gateway.author && ["flag", "suspend"].contains(reasons.detector)
            let after = isDetectors ? ", on probation for seven days" : ""
            next.append(("account release \(login) --why TEXT", "let it send again\(after)"))
            if reasons.by != nil, reasons.verdict != nil {
                next.append(("account suspend \(login) --why TEXT", "confirm it: calibration leaves the account out"))
            }
        case .flagged:
            next.append(("account release \(login) --why TEXT", "end the brake at once, where the verdict was wrong"))
            next.append(
                ("account suspend \(login) --why TEXT", "stop it altogether; else the brake ends after a calm day"))
        case .normal, .probation:
            if !reasons.stoppedMachines.isEmpty {
                next.append(("account release \(login) --why TEXT", "let all its machines send again"))
            } else if reasons.verdict != nil, reasons.verdict?.machine == nil {
                next.append(("account suspend \(login) --why TEXT", "stop it, where the verdict was right"))
            }
        }
        if let last = reasons.verdict?.messages.last {
            next.append(("why \(last.id)", "what came of the last of these messages"))
        }
        next.append(("account history \(login)", "all that happened to it"))
        return next
    }

    private func line(_ text: String) {
        for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
            terminal.line(Terminal.printable(String(part)))
        }
    }
}

extension VerdictReport {
    /// Its score, and what that came to where it is on record.
    var weight: String {
        let threshold = threshold.map { " where \(OneDecimal($0).text) is enough" } ?? ""
        return "a score of \(OneDecimal(score).text)\(threshold)"
    }
}

/// The record of one verdict, in words.
struct VerdictStory {
    let verdict: VerdictReport
    let terminal: Terminal

    func write() {
        let weight = isLate ? "decided earlier; the score is \(number(verdict.score)) now" : "with \(verdict.weight)"
        line("Verdict of \(verdict.time.text)\(subject): \(verdict.new.rawValue), \(weight).")
        line(circumstances)
        line("")
        let families = verdict.families.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        for (family, score) in families where score != 0 {
            let label = "  \(Terminal.padded(family, to: 11))\(leading(number(score), to: 5))  "
            let facts = facts(of: family)
            line(label + (facts.first ?? (family == "prior" ? "known beforehand" : "")))
            for fact in facts.dropFirst() { line(String(repeating: " ", count: label.count) + fact) }
        }
        for sentence in verdict.sentences where verdict.families.keys.allSatisfy({ !sentence.hasPrefix($0 + " ") }) {
            line("  \(sentence)")
        }
        line("")
        if !isLate { line(acquittal) }
        if verdict.messages.isEmpty { return }
        line("Messages that gave reason, the last one last:")
        for message in verdict.messages { line("  \(message.id)  \(message.time.text)") }
    }

    /// Of what was decided before a kill, and is only carried out.
    private var isLate: Bool { verdict.sentences.first == Gateway.decidedEarlier }

    private var subject: String { verdict.machine.map { ", on the machine \($0) alone" } ?? "" }

    private var circumstances: String {
        let moment = verdict.beforeRelease ? "before its last message was released" : "by what became of its mail"
        let effect = verdict.mode == "shadow" ? " In shadow: it was recorded, and no mail was touched." : ""
        return "It was \(verdict.old.rawValue) before\(isLate ? "" : "; decided \(moment)").\(effect)"
    }

    private var acquittal: String {
        guard !verdict.acquittals.isEmpty else {
            return "No single one of these would have acquitted it by staying away."
        }
        return "Without \(verdict.acquittals.joined(separator: ", or without ")), it would have stayed below."
    }

    /// What sentences say of a family, its name and score left out.
    private func facts(of family: String) -> [String] {
        verdict.sentences.filter { $0.hasPrefix(family + " ") }.map { sentence in
            guard let colon = sentence.firstIndex(of: ":") else { return sentence }
            return String(sentence[colon...].dropFirst(2))
        }
    }

    private func number(_ value: Double) -> String { OneDecimal(value).text }

    private func leading(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private func line(_ text: String) { terminal.line(Terminal.printable(text)) }
}

/// What `weir why ID` prints.
struct MessageStory {
    let report: MessageReport
    let terminal: Terminal

    func write() {
        terminal.list([
            ("message", report.id), ("began", report.time.text), ("account", account), ("result", result),
            ("recipients taken", String(report.recipientsAccepted)),
            ("recipients refused", String(report.recipientsRefused)), ("limit", report.limit ?? ""),
            ("octets", report.octets > 0 ? String(report.octets) : ""), ("relay", report.relay ?? ""),
            ("last reply", report.code.map { String($0) } ?? ""),
            ("the relay's", report.relayCode.map { String($0) } ?? ""), ("from", report.source ?? ""),
            ("seconds", report.seconds.map { "\($0)" } ?? ""),
        ])
        if let verdict = report.verdict {
            terminal.line("")
            VerdictStory(verdict: verdict, terminal: terminal).write()
        }
        terminal.note("")
        let login = Terminal.printable(report.account)
        terminal.note("More: weir why \(login), weir account show \(login)")
    }

    private var account: String {
        guard let state = report.state else { return "\(report.account) (removed)" }
        return state == .normal ? report.account : "\(report.account) (now \(state.rawValue))"
    }

    /// The result, with what it means.
    private var result: String {
        let refusal = report.refusal.map { "; last refusal: \(meaning($0))" } ?? ""
        return meaning(report.result) + (report.result == report.refusal ? "" : refusal)
    }

    private func meaning(_ word: String) -> String {
        switch word {
        case "accepted": "accepted by the relay"
        case "deferred_quota": "deferred: a limit had no room for it then"
        case "refused_quota": "refused: over a limit"
        case "deferred_flagged": "deferred: the account or its machine is flagged, and slowed down"
        case "refused_suspended": "refused: the account or its machine was suspended"
        case "refused_policy": "refused by Weir's own rules"
        case "refused_content": "refused for what it contained"
        case "refused_relay": "refused by the relay"
        case "failed": "failed: no relay, no commit, or a client that left"
        case "abandoned": "given up by its client before there was a message"
        case "open": "not ended yet, or cut off by the end of the gateway"
        default: word
        }
    }
}

/// A number with one decimal.
struct OneDecimal {
    let text: String

    init(_ value: Double) {
        let tenths = Int((min(max(value, -1e9), 1e9) * 10).rounded())
        text = "\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)"
    }
}
