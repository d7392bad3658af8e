import Foundation
import TestKit
import Testing

/// Replays a part of the recorded traces, where they lie beside the repository or `WEIR_TRACES` says.
@Suite("A recorded trace")
struct TraceTests {
    /// Runs a line of the shell, all of whose programs must end well, and returns what it wrote.
    private static func shell(_ line: String) throws -> Data {
        let outcome = try Program.run("bash", ["-o", "pipefail", "-c", line], seconds: 600)
        #expect(outcome.status == 0, "\(line): \(outcome.errors)")
        return Data(outcome.output.utf8)
    }

    private struct Labels: Decodable {
        struct Account: Decodable { var kind: String }
        var warm: Double
        var accounts: [String: Account]
        var spam: Set<UInt64>
    }

    private struct Decision: Decodable {
        var n: UInt64
        var t: Double
        var a: String
        var `do`: String
        var score: [String: Double]
        var why: [String]
    }

    private struct Event: Decodable {
        var n: UInt64
        var t: Double
        var a: String
    }

    @Test(
        "one account in ten: all abuse is suspended, nobody else, the same after restarts",
        .enabled(if: RecordedTrace.folder != nil, "\(RecordedTrace.reason)"))
    func replay() throws {
        let folder = try #require(RecordedTrace.folder)
        let events = "zcat '\(folder)/trace.jsonl.gz' | grep '\"a\":\"s[0-9]*7\"'"
        let outputs = try ["", "--restart-every 997"].map { option in
            try Self.shell(
                "\(events) | '\(weir)' detector replay - --accounts '\(folder)/accounts.json' --decisions - \(option)")
        }
        #expect(outputs[0] == outputs[1])
        let decoder = JSONDecoder()
        let decisions = try outputs[0].split(separator: 0x0A).map { try decoder.decode(Decision.self, from: $0) }
        let labels = try decoder.decode(Labels.self, from: try Self.shell("zcat '\(folder)/labels.json.gz'"))
        var firstSpam: [String: Event] = [:]
        for line in try Self.shell(events).split(separator: 0x0A) {
            let event = try decoder.decode(Event.self, from: line)
            if labels.spam.contains(event.n), firstSpam[event.a] == nil { firstSpam[event.a] = event }
        }
        #expect(firstSpam.count > 5)

        let suspensions = decisions.filter { $0.do == "suspend" && $0.t >= labels.warm * 86_400 }
        for (account, first) in firstSpam {
            #expect(suspensions.contains { $0.a == account && $0.n >= first.n }, "\(account) was not suspended")
        }
        for suspension in suspensions {
            let kind = labels.accounts[suspension.a]?.kind ?? ""
            let since = firstSpam[suspension.a]?.n ?? .max
            #expect(suspension.n >= since, "\(suspension.a), a \(kind), was suspended: \(suspension.why)")
        }
        for decision in decisions {
            let sum = decision.score.filter { $0.key != "total" }.values.reduce(0, +)
            #expect(abs(sum - (decision.score["total"] ?? .infinity)) < 1e-9)
            #expect(!decision.why.isEmpty)
        }
    }

    @Test(
        "three offices, one machine infected: it is stopped, nobody else, the same after restarts",
        .enabled(if: RecordedTrace.folder != nil, "\(RecordedTrace.reason)"))
    func offices() throws {
        let folder = try #require(RecordedTrace.folder)
        let script = "\(repository)/Tests/campaigns/infect.py"
        let outputs = try ["", "--restart-every 53"].map { option in
            try Self.shell(
                "python3 '\(script)' '\(folder)' | '\(weir)' detector replay - --accounts '\(folder)/accounts.json' "
                    + "--decisions - \(option)")
        }
        #expect(outputs[0] == outputs[1])
        struct OfMachine: Decodable {
            var machine: String?
            var `do`: String
        }
        let decisions = try outputs[0].split(separator: 0x0A).map { try JSONDecoder().decode(OfMachine.self, from: $0) }
        #expect(decisions.contains { $0.do == "suspend" })
        #expect(Set(decisions.map(\.machine)).count == 1 && decisions.first?.machine != nil, "\(decisions)")
    }

    @Test(
        "one account in ten: every number of every record recomputes from the trace",
        .enabled(if: RecordedTrace.folder != nil, "\(RecordedTrace.reason)"))
    func recomputed() throws {
        let folder = try #require(RecordedTrace.folder)
        let script = "\(repository)/Tests/campaigns/recompute.py"
        let events = "zcat '\(folder)/trace.jsonl.gz' | grep '\"a\":\"s[0-9]*7\"'"
        let output = try Self.shell(
            """
            records=$(mktemp)
            \(events) | '\(weir)' detector replay - --accounts '\(folder)/accounts.json' --decisions "$records"
            \(events) | python3 '\(script)' - '\(folder)/accounts.json' "$records"; end=$?
            rm "$records"
            exit $end
            """)
        let report = String(decoding: output, as: UTF8.self)
        #expect(report.contains(" 0 wrong"), "\(report)")
        print(report)
    }
}
