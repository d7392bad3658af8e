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
            TRACE has one event a line, in order of time; - reads standard input. A compressed one:
              zcat trace.jsonl.gz | weir detector replay - --accounts accounts.json --decisions out.jsonl
            """,
        run: { invocation in
            guard let path = invocation.arguments.first else { return }
            guard !path.hasSuffix(".gz") else {
                throw UsageError(
                    message: "\(path) is compressed", hint: "zcat \(path) | weir detector replay - …")
            }
            let options = try options(invocation)
            var replay = try DetectorReplay(try accounts(invocation["accounts"] ?? ""), options: options)
            var output = try DecisionWriter(invocation["decisions"] ?? "-")
            var reader = try LineReader(path)
            while let line = try reader.next() {
                if line.isEmpty { continue }
                let event: TraceEvent
                do throws(TraceError) {
                    event = try TraceEvent(line: line, hash: options.hash)
                } catch {
                    throw AdminError(.invalid, "\(path):\(reader.lines):\(error.offset + 1): \(error.reason).")
                }
                for decision in try replay.take(event) { try output.write(decision) }
            }
            try output.end()
            let summary = replay.summary
            invocation.terminal.note(
                "\(summary.events) events of \(summary.accounts) accounts: \(output.flags) flags, "
                    + "\(output.suspensions) suspensions; evidence of at most \(summary.octetsMax) octets an account, "
                    + "\(summary.octets / max(1, summary.accounts)) on average.")
        })

    private static func options(_ invocation: Invocation) throws -> DetectorReplay.Options {
        var options = DetectorReplay.Options()
        options.hasContent = !invocation.has("no-content")
        options.hasReplies = !invocation.has("no-replies")
        options.hasCountries = invocation.has("countries")
        if let path = invocation["hash-key"] {
            options.hash = KeyedHash(installation: try Input.octets(of: path, max: hashKeyOctetsMax))
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
            throw AdminError(.invalid, "\(path): \(error).")
        }
        return try lines.mapValues { line in
            guard var terms = Terms.named[line.plan] else {
                throw AdminError(.invalid, "\(path): there is no plan \"\(line.plan)\".")
            }
            terms.isByNetwork = line.ident == "ip"
            let days = min(max(line.day0, -10_000), 10_000) * Double(UInt64.day)
            terms.opened = Instant(
                nanoseconds: UInt64(max(0, Double(DetectorReplay.epoch.nanoseconds) + days)))
            return terms
        }
    }
}

extension Terms {
    /// By the names of plans in a trace's accounts.
    fileprivate static let named: [String: Terms] = ["consumer": .consumer, "business": .business, "bulk": .bulk]
}
