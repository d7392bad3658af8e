import FoundationEssentials
import Glibc
import WeirAdmin
import WeirBase
import WeirGateway
import WeirReputation

/// The verbs under `weir detector`.
enum DetectorCommands {
    static let all = [calibrate, replay]

    private static let replay = Command(
        words: ["detector", "replay"], arguments: ["TRACE"],
        options: [
            .init(
                name: "accounts", value: "FILE", help: "plan, kind and age of each account, as JSON", isRequired: true),
            .init(
                name: "decisions", value: "OUT", help: "where the decisions go, one a line; - is standard output",
                isRequired: true),
            .init(name: "no-content", help: "withhold the scanner's scores"),
            .init(name: "no-replies", help: "withhold what the relays said"),
            .init(name: "countries", help: "tell the detector the countries, which a gateway does not know"),
            .init(name: "rule", value: "NAME", help: "a simple rule in the detector's place: \(SimpleRule.names)"),
            .init(name: "hash-key", value: "FILE", help: "an installation's key, to decide with the hashes it has"),
            .init(name: "restart-every", value: "N", help: "stop and start from a store after every N events or so"),
        ],
        summary: "feed a recorded trace to the detector, and write what it decides",
        details: """
            TRACE has one event a line, in order of time; - reads standard input. Events of accounts that FILE does not
            have are passed over, and counted. OUT appears when it is whole. A compressed trace:
              zcat trace.jsonl.gz | weir detector replay - --accounts accounts.json --decisions out.jsonl
            """,
        run: { invocation in
            let path = invocation.arguments[0]
            guard !path.hasSuffix(".gz") else {
                throw UsageError(
                    message: "\(path) is compressed", hint: "zcat \(path) | weir detector replay - …")
            }
            let file = invocation["accounts"] ?? ""
            let key = invocation["hash-key"] ?? ""
            guard [path, file, key].count(where: { $0 == "-" }) < 2 else {
                throw UsageError(message: "standard input is one file", hint: "name the others by their paths")
            }
            let options = try options(invocation)
            var replay = try DetectorReplay(try accounts(file), options: options)
            var output = try DecisionWriter(invocation["decisions"] ?? "-", apartFrom: [path, file, key])
            var reader = try LineReader(path)
            var last: UInt64 = 0
            while let line = try reader.next() {
                if line.isEmpty { continue }
                let event: TraceEvent
                do throws(TraceError) {
                    event = try TraceEvent(line: line, hash: options.hash)
                } catch {
                    throw AdminError(.invalid, "\(path):\(reader.lines):\(error.offset + 1): \(error.reason).")
                }
                if let reason = fault(event, after: last, options) {
                    throw AdminError(.invalid, "\(path):\(reader.lines): \(reason).")
                }
                last = event.time
                for decision in try replay.take(event) { try output.write(decision) }
            }
            try output.end()
            let summary = replay.summary
            invocation.terminal.note(
                "\(summary.events) events of \(summary.accounts) accounts: \(output.flags) flags, "
                    + "\(output.suspensions) suspensions; evidence of at most \(summary.octetsMax) octets an account, "
                    + "\(summary.octets / max(1, summary.accounts)) on average.")
            if replay.strangers > 0 {
                invocation.terminal.note(
                    "Events passed over, of accounts that \(file) does not have: \(replay.strangers).")
            }
        })

    /// Why an event cannot follow one at `last`; nil: it can.
    private static func fault(_ event: TraceEvent, after last: UInt64, _ options: DetectorReplay.Options) -> String? {
        if event.time < last { return "an event from before the last one" }
        let (replies, recipients) = (event.replies.count, event.recipients.count)
        guard options.hasReplies, event.kind == .message, replies != recipients else { return nil }
        return "the number of replies is \(replies), that of recipients \(recipients)"
    }

    private static func options(_ invocation: Invocation) throws -> DetectorReplay.Options {
        var options = DetectorReplay.Options()
        options.hasContent = !invocation.has("no-content")
        options.hasReplies = !invocation.has("no-replies")
        options.hasCountries = invocation.has("countries")
        if let path = invocation["hash-key"] {
            let key = try Input.octets(of: path, max: hashKeyOctetsMax)
            guard key.count >= Material.hashKeyOctetsMin else {
                throw AdminError(.invalid, "\(path): a key of \(key.count) octets is too short.")
            }
            options.hash = KeyedHash(installation: key)
        }
        if let every = invocation["restart-every"] {
            guard let every = UInt64(every), every > 0 else {
                throw UsageError(message: "--restart-every needs a number above 0", hint: "such as 1000")
            }
            options.restartEvery = every
        }
        if let name = invocation["rule"] {
            guard let rule = SimpleRule(rawValue: name) else {
                throw UsageError(message: "there is no rule \"\(name)\"", hint: "one of \(SimpleRule.names)")
            }
            options.rule = rule
        }
        guard options.rule == nil || options.restartEvery == nil else {
            throw UsageError(
                message: "--rule keeps nothing that a restart could take away", hint: "leave --restart-every out")
        }
        return options
    }

    /// One account of the operator's file.
    private struct Line: Decodable {
        var plan: String
        /// `user` for a login, `ip` for a network.
        var ident: String
        /// The day on which it was opened, from the start of the trace.
        var day0: Double
    }

    private static let hashKeyOctetsMax = 4096
    private static let accountsOctetsMax = 256 * 1024 * 1024

    private static func accounts(_ path: String) throws -> [String: Terms] {
        let octets = try Input.octets(of: path, max: accountsOctetsMax)
        let lines: [String: Line]
        do {
            lines = try JSONDecoder().decode([String: Line].self, from: Data(octets))
        } catch {
            throw AdminError(.invalid, "\(path): \(reason(error)).")
        }
        func refused(_ name: String, _ reason: String) -> AdminError {
            AdminError(.invalid, "\(path): account \(Terminal.printable(name)): \(Terminal.printable(reason)).")
        }
        var accounts: [String: Terms] = [:]
        for (name, line) in lines.sorted(by: { $0.key < $1.key }) {
            guard var terms = Terms.named[line.plan] else { throw refused(name, "there is no plan \"\(line.plan)\"") }
            guard ["user", "ip"].contains(line.ident) else { throw refused(name, "ident is user or ip") }
            terms.isByNetwork = line.ident == "ip"
            let days = min(max(line.day0, -10_000), 10_000) * Double(UInt64.day)
            terms.opened = Instant(
                nanoseconds: UInt64(max(0, Double(DetectorReplay.epoch.nanoseconds) + days)))
            accounts[name] = terms
        }
        return accounts
    }

    private static func reason(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty ? "it" : Terminal.printable(path.map(\.stringValue).joined(separator: "."))
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?: return "\(place(context.codingPath)) has no \"\(key.stringValue)\""
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            return "\(place(context.codingPath)) has the wrong form"
        case .dataCorrupted?, .some, nil: return "it is not JSON"
        }
    }
}

extension Terms {
    /// By the names of plans in a trace's accounts.
    fileprivate static let named: [String: Terms] = ["consumer": .consumer, "business": .business, "bulk": .bulk]
}
