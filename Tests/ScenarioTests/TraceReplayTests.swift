import Foundation
import TestKit
import Testing
import WeirBase
import WeirStore

extension Scenarios {
    /// All of it, with more kills, in a campaign: `Tests/campaigns/smtp-replay`.
    @Suite("A recorded trace over SMTP")
    struct TraceReplay {
        /// Stolen, opened to send spam, infected or misused; and an office, a newsletter, a forwarder and people.
        static let some: Set<String> = [
            "s00006", "s00057", "s00117", "s00149", "s00174", "s00199", "s00219", "s00265", "s00329", "s00335",
            "s00388", "s00414", "s00422", "s00498", "s00772", "s00873", "s00906", "s01075", "s01105",
        ]
        static let isWhole = ProcessInfo.processInfo.environment["WEIR_TRACE_REPLAY"] == "all"
        static let restarts = Int(ProcessInfo.processInfo.environment["WEIR_RESTARTS"] ?? "") ?? 2

        /// One verdict, told by what both sides know of it.
        private struct Key: Hashable, CustomStringConvertible {
            var event: Int
            var account: String
            /// What a machine is told by, where the verdict is on it.
            var machine: String?
            var isSuspension: Bool
            var isBefore: Bool

            var description: String {
                "event \(event): \(account) \(machine ?? "") \(isSuspension ? "suspended" : "flagged") \(isBefore ? "before" : "after") release"
            }
        }

        private typealias Numbers = [String: Double]

        private struct Decision: Decodable {
            var n: Int
            var a: String
            var `do`: String
            var pre: Bool
            var machine: String?
            var score: Numbers
            var findings: Numbers
        }

        /// What `weir detector replay` decides of these lines.
        private static func offline(_ lines: String, _ accounts: String, _ options: [String]) throws -> [Decision] {
            let folder = try TemporaryFolder()
            let run = try Program.run(
                weir,
                [
                    "detector", "replay", try folder.write(lines, to: "trace.jsonl"), "--accounts", accounts,
                    "--decisions", folder.file("decisions"),
                ] + options, seconds: 3_600)
            guard run.status == 0 else { throw Program.Failure(description: run.errors) }
            return try contents(of: folder.file("decisions")).split(separator: UInt8(ascii: "\n")).map {
                try JSONDecoder().decode(Decision.self, from: Data($0))
            }
        }

        /// What the daemon has recorded, each verdict by the event at whose time it was made; the store keeps whole seconds.
        private static func recorded(_ stage: TraceStage, _ lines: [TraceLine]) throws -> [Key: (Numbers, Numbers)] {
            let store = try AccountsStore(in: StoreDirectory(stage.gateway.store))
            var records: [Key: (Numbers, Numbers)] = [:]
            for (account, lines) in Dictionary(grouping: lines, by: \.a) {
                for verdict in try store.verdicts(of: account, limit: 10_000) {
                    let second = Double(Int64(verdict.at.nanoseconds) - stage.beginning) / 1e9
                    let event = lines.last { $0.t < second + 1 }?.n ?? -1
                    let key = Key(
                        event: event, account: account, machine: verdict.machine,
                        isSuspension: verdict.new == .suspended, isBefore: verdict.isBefore)
                    if records[key] != nil { Issue.record("recorded twice: \(key)") }
                    records[key] = (verdict.score, verdict.findings)
                }
            }
            return records
        }

        @Test(
            "the messages of a trace, sent through the daemon, lead to the verdicts that the replay reaches without it",
            .enabled(if: RecordedTrace.folder != nil, "\(RecordedTrace.reason)"))
        func replay() throws {
            let folder = try #require(RecordedTrace.folder)
            let work = try TemporaryFolder()
            let lines = try RecordedTrace.lines(of: Self.isWhole ? nil : Self.some, in: folder, to: work)
            let stage = try TraceStage(
                lines, try RecordedTrace.accounts(in: folder), messages: "\(folder)/raw-dev.tar.xz")
            let encoder = JSONEncoder()
            var seen = ""
            var random = Seeded(7)
            // Every other one within a message.
            let kills = Dictionary(
                (0..<Self.restarts).map { (Int(random.next() % UInt64(max(1, lines.count))), $0 % 2 == 1) }
            ) { $0 || $1 }
            for (number, line) in lines.enumerated() {
                if let isWithin = kills[number] { try stage.restart(within: isWithin ? line : nil) }
                guard let line = try stage.play(line) else { continue }
                seen += String(decoding: try encoder.encode(line), as: UTF8.self) + "\n"
            }
            #expect(stage.gateway.stop() == .exited(0), "\(stage.gateway.log.suffix(2_000))")

            let accounts = try stage.knownAccounts()
            var expected: [Key: (Numbers, Numbers)] = [:]
            for decision in try Self.offline(seen, accounts, ["--hash-key", stage.keyFile]) {
                let key = Key(
                    event: decision.n, account: decision.a, machine: decision.machine,
                    isSuspension: decision.do == "suspend", isBefore: decision.pre)
                if expected[key] != nil { Issue.record("decided twice: \(key)") }
                expected[key] = (decision.score, decision.findings)
            }
            let found = try Self.recorded(stage, lines)
            print("\(stage.counts); \(kills.count) kills; \(expected.count) verdicts offline, \(found.count) recorded")
            for key in Set(expected.keys).symmetricDifference(found.keys).sorted(by: { $0.event < $1.event }) {
                Issue.record("\(expected[key] == nil ? "only the daemon" : "only the replay") says: \(key)")
            }
            let suspended = found.keys.count { $0.isSuspension }
            #expect(suspended > 0 && found.count > suspended)
            compare(expected, found)
        }

        /// The clock goes on while a message is on its way; sums that fade show it.
        private func compare(_ expected: [Key: (Numbers, Numbers)], _ found: [Key: (Numbers, Numbers)]) {
            var (numbers, largest) = (0, 0.0)
            for (key, (score, findings)) in found {
                guard let other = expected[key] else { continue }
                for (mine, theirs) in [(score, other.0), (findings, other.1)] {
                    // The daemon's accounts have no day on which they were opened.
                    for name in Set(mine.keys).union(theirs.keys) where name != "ageDays" {
                        guard let one = mine[name], let another = theirs[name] else {
                            Issue.record("\(key): only one side knows \(name)")
                            continue
                        }
                        numbers += 1
                        largest = max(largest, abs(one - another))
                        #expect(abs(one - another) <= 1e-3 * max(1, abs(another)), "\(key): \(name)")
                    }
                }
            }
            print("\(numbers) numbers of records compared; the largest difference is \(largest)")
        }
    }
}
