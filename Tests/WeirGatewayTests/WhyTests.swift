import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime
import WeirStore

@Suite("Telling why") struct WhyTests {
    /// The id at the end of a reply.
    private static func id(_ reply: SMTPReply?) throws -> String {
        String(try #require(reply?.text.split(separator: "[").last).prefix(13))
    }

    @Test("a suspension has its record: numbers, sentences, messages, and what came of each of them")
    func verdict() async throws {
        let home = try ConductTests.home("suspend", relay: try ConductTests.relay())
        var refused = ""
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            refused = try Self.id(try ConductTests.spam(gate, token: token).last)
            let reasons = try await Gate.awaited { () async throws -> AccountReasons? in
                let reasons = try await gate.administration.why("ANN")
                return reasons.verdict?.new == .suspended && reasons.state == .suspended ? reasons : nil
            }
            #expect(reasons.by == "weir" && reasons.detector == "suspend")
            let verdict = try #require(reasons.verdict)
            let threshold = try #require(verdict.threshold)
            #expect(verdict.score >= threshold && threshold == verdict.thresholds["suspend"])
            #expect(abs(verdict.families.values.reduce(0, +) - verdict.score) < 1e-9)
            #expect(verdict.sentences.contains { $0.contains("do not exist") })
            #expect((verdict.findings["unknownPeople"] ?? 0) > 0)
            #expect((1...10).contains(verdict.messages.count))
            for message in verdict.messages {
                let story = try await gate.administration.message(message.id)
                #expect(story.account == "ann" && story.source?.hasPrefix("127.0.") == true)
                #expect(story.verdict?.messages.contains(message) == true, "the verdict stands with each of them")
            }
            // What the client was told leads to its story, at once and in either case.
            let story = try await gate.administration.message(refused.lowercased())
            #expect(story.id == refused && story.state == .suspended)
        }
        // The same without the daemon's memory.
        try await Gate.run(home) { gate in
            #expect(try await gate.administration.message(refused).account == "ann")
            _ = try await gate.administration.suspend("ann", why: "its password was stolen", by: gate.actor)
            _ = try await gate.administration.release("ann", why: "changed", by: gate.actor)
            let history = try await gate.administration.history("ann", limit: 100, cursor: nil)
            let actions = history.events.map(\.action)
            let latest = ["account.state", "account.confirm", "account.state", "verdict"]
            #expect(actions.starts(with: latest), "\(actions)")
            #expect(actions.suffix(2) == ["account.token.add", "account.add"])
            #expect(history.events[3].verdict?.new == .suspended)
            var paged: [HistoryEvent] = []
            var cursor: String?
            repeat {
                let page = try await gate.administration.history("ann", limit: 2, cursor: cursor)
                #expect((1...2).contains(page.events.count))
                paged += page.events
                cursor = page.next
            } while cursor != nil
            #expect(paged == history.events, "page by page, the same")
            let curled = try gate.curl("/v1/accounts/ann/why")
            #expect(curled.status == "200" && curled.body.contains("\"acquittals\""))
            #expect(try gate.curl("/v1/accounts/ann/history?limit=0").status == "400")
            #expect(try gate.curl("/v1/accounts/ann/history?cursor=x").status == "400")
            #expect(try gate.curl("/v1/messages/\(refused)").status == "200")
            #expect(try gate.curl("/v1/messages/nonsense").status == "400")
            #expect(try gate.curl("/v1/messages/0000000000000").status == "404")
        }
    }

    @Test("in shadow the record is kept, the account stays, and its scores make a curve")
    func shadow() async throws {
        let home = try ConductTests.home("shadow", relay: try ConductTests.relay())
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            _ = try ConductTests.spam(gate, token: token)
            let reasons = try await Gate.awaited { () async throws -> AccountReasons? in
                let reasons = try await gate.administration.why("ann")
                return reasons.verdict?.new == .suspended ? reasons : nil
            }
            #expect(reasons.state == .normal && reasons.verdict?.mode == "shadow")
            #expect(try await gate.administration.calibration(plan: nil).accounts == 1, "today counts at once")
        }
        try await Gate.run(home) { gate in
            let curve = try await gate.administration.calibration(plan: "home")
            #expect(curve.accounts == 1 && curve.days >= 1 && curve.suggested == nil && curve.needed == 9_999)
            #expect(curve.points.first { $0.threshold == curve.suspend }?.suspensionsAWeek ?? 0 > 0)
            _ = try await gate.administration.suspend("ann", why: "it was right", by: gate.actor)
            let without = try await gate.administration.calibration(plan: nil)
            #expect(without.accounts == 0 && without.excluded == 1)
            await #expect(throws: AdminError.self) { try await gate.administration.calibration(plan: "none") }
        }
    }

    @Test(
        "a refusal by a limit leads to the limit when its transaction has ended, and one for good before",
        arguments: [("defer", "deferred_quota"), ("reject", "refused_quota")])
    func limit(excess: String, refusal: String) async throws {
        try await Gate.run(try Gate.Home(limits: "\"1 recipients per hour, \(excess)\"")) { gate in
            let client = try gate.client()
            try client.must("MAIL FROM:<s@client.example>")
            try client.must("RCPT TO:<a@example.com>")
            let id = try Self.id(try client.command("RCPT TO:<b@example.com>"))
            if excess == "reject" {
                let open = try await Gate.awaited { () async throws -> MessageReport? in
                    try? await gate.administration.message(id)
                }
                #expect(open.result == "open" && open.recipientsRefused == 1)
            }
            try client.must("RSET")
            let story = try await Gate.awaited { () async throws -> MessageReport? in
                let story = try? await gate.administration.message(id)
                return story?.result == "open" ? nil : story
            }
            #expect(story.result == "abandoned" && story.refusal == refusal)
            let number = try #require(MessageID(id)).number
            let rows = try await gate.daemon.server.gateway.ledgerWriter.withStore { store throws(StoreError) in
                try store.journal(message: number).rows
            }
            #expect(rows.count == (excess == "reject" ? 1 : 0), "\(rows)")
            #expect(story.limit == "recipients-per-hour" && story.recipientsAccepted == 1)
            #expect(story.account == "127.0.0.2/32" && story.source == "127.0.0.2")
        }
    }

    @Test(
        "the code of a message is that of its line in the log, what was refused at its recipients included",
        arguments: [("0 recipients per hour", "RSET", 550), ("9 recipients per hour", "RSET", 0)])
    func code(limits: String, end: String, code: Int) async throws {
        try await Gate.run(try Gate.Home(limits: limits)) { gate in
            let client = try gate.client()
            try client.must("MAIL FROM:<s@client.example>")
            _ = try client.command("RCPT TO:<a@example.com>")
            try client.must(end)
            func line() -> String? { gate.log.lines.first { $0.contains("\"event\":\"message\"") } }
            #expect(eventually { line() != nil })
            let told = try #require(line())
            #expect(told.contains("\"code\":\(code),"), "\(told)")
            let id = try #require(told.split(separator: "\"id\":\"").last?.prefix(13))
            #expect(try await gate.administration.message(String(id)).code == (code > 0 ? code : nil))
        }
    }
}
