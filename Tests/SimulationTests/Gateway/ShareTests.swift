import Testing
import WeirBase
import WeirGateway
import WeirRuntime

/// The stage's relay takes 10 connections where nothing else is said, of which one account may hold 2.
@Suite("A relay's connections, simulated")
struct ShareTests {
    /// Says the lines one by one, after the greeting; the answer to the last.
    private static func say(_ lines: [String], over link: ScriptLink) async throws(ConnectionError) -> ScriptReply {
        var reply = ScriptReply(code: 0, lines: [])
        for line in lines {
            link.send("\(line)\r\n")
            try await link.flush(within: .minute)
            reply = try await link.reply(within: 2 * .minute)
        }
        return reply
    }

    private static let recipient = "RCPT TO:<b@dest.example>"

    /// A link that has come as far as MAIL.
    private static func begin(_ stage: Stage, of account: UInt32 = 0) async throws(ConnectionError) -> ScriptLink {
        let link = stage.link(of: account)
        try await link.finishConnect(within: .minute)
        _ = try await link.reply(within: .minute)
        let reply = try await say(["EHLO c", "MAIL FROM:<a@isp.example>"], over: link)
        #expect(reply.code == 250, "\(reply)")
        return link
    }

    /// Its links hold a connection each, until they close.
    private static func hold(
        _ stage: Stage, _ count: Int, of account: UInt32 = 0
    ) async throws(ConnectionError) -> [ScriptLink] {
        var links: [ScriptLink] = []
        for _ in 0..<count {
            let link = try await begin(stage, of: account)
            let reply = try await say([recipient], over: link)
            #expect(reply.code == 250, "\(reply)")
            links.append(link)
        }
        return links
    }

    @Test("an account that holds its share waits half a minute for another, and no other account waits for it")
    func share() throws {
        try Stage().run { stage in
            let held = try await Self.hold(stage, 2)
            let third = try await Self.begin(stage)
            let asked = stage.visitor.now
            let refused = try await Self.say([Self.recipient], over: third)
            #expect(
                refused.code == 451 && refused.text.hasPrefix("4.4.1 All relay connections that this account may use"))
            #expect(stage.visitor.now.since(asked) / .second == 30)

            let before = stage.visitor.now
            let other = try await Self.hold(stage, 1, of: 1)
            #expect(stage.visitor.now.since(before) < .second)

            #expect(try await Self.say(["RSET"], over: held[0]).code == 250)
            let taken = try await Self.say(["RSET", "MAIL FROM:<a@isp.example>", Self.recipient], over: third)
            #expect(taken.code == 250, "\(taken)")
            for link in held + other + [third] { link.close() }
        }
    }

    @Test("who waits has the connection that comes free, though somebody waits before him who has his share")
    func passedOn() throws {
        try Stage().run { stage in
            // All ten are held: two each by five accounts.
            var held: [[ScriptLink]] = []
            for account in 0..<5 { held.append(try await Self.hold(stage, 2, of: UInt32(account))) }
            // One of the first account waits, who may have no third, and then one of a sixth.
            let (third, sixth) = (try await Self.begin(stage), try await Self.begin(stage, of: 5))
            for link in [third, sixth] {
                link.send("\(Self.recipient)\r\n")
                try await link.flush(within: .minute)
                await link.sleep(.second)
            }
            let freed = stage.visitor.now
            #expect(try await Self.say(["RSET"], over: held[1][0]).code == 250)
            let taken = try await sixth.reply(within: .minute)
            #expect(taken.code == 250, "\(taken)")
            #expect(stage.visitor.now.since(freed) < .second)
            #expect(try await third.reply(within: .minute).code == 451)
            for link in held.joined() + [third, sixth] { link.close() }
        }
    }

    @Test("one that takes commands one by one is timed for each")
    func lockstep() throws {
        let stage = try Stage()
        stage.relay.manners.keywords = []
        let page = try stage.run { stage in
            stage.relay.manners.dawdles = 1
            stage.relay.manners.delay = 10 * .second
            let link = try await Self.begin(stage)
            link.send(String(repeating: "\(Self.recipient)\r\n", count: 9))
            try await link.flush(within: .minute)
            for _ in 0..<9 { #expect(try await link.reply(within: 4 * .minute).code == 250) }
            link.close()
            let metrics = stage.life.gateway.telemetry.metrics
            let durations = metrics.relays.replyDuration[metrics.relay("relay0"), .rcpt]
            var page = ExpositionPage()
            durations.write("x", labels: "", scale: .second, to: &page)
            return String(decoding: page.octets, as: UTF8.self)
        }
        #expect(page.contains("x_count 9\n"), "\(page)")
        let sum = try #require(page.field("x_sum ", until: "\n").flatMap { Double($0) })
        // At most 10 seconds each; counted from the first command on they would be several times that.
        #expect(9 < sum && sum < 90, "\(page)")
    }

    @Test("one who has waited in vain does not wait again for each recipient of the message")
    func once() throws {
        try Stage().run { stage in
            let held = try await Self.hold(stage, 2)
            let third = try await Self.begin(stage)
            let asked = stage.visitor.now
            third.send(String(repeating: "\(Self.recipient)\r\n", count: 9))
            try await third.flush(within: .minute)
            for _ in 0..<9 { #expect(try await third.reply(within: 5 * .minute).code == 451) }
            #expect(stage.visitor.now.since(asked) / .second == 30)
            for link in held + [third] { link.close() }
        }
    }

    @Test("whoever waits has the first connection that comes free, of whichever relay", arguments: 0..<4)
    func ofSeveral(freed: Int) throws {
        try Stage(relays: 2, connections: 2).run { stage in
            var held: [ScriptLink] = []
            for account in 0..<4 { held += try await Self.hold(stage, 1, of: UInt32(account)) }
            let last = try await Self.begin(stage, of: 4)
            last.send("\(Self.recipient)\r\n")
            try await last.flush(within: .minute)
            await last.sleep(.second)
            let asked = stage.visitor.now
            #expect(try await Self.say(["RSET"], over: held[freed]).code == 250)
            #expect(try await last.reply(within: .minute).code == 250)
            #expect(stage.visitor.now.since(asked) < .second)
            for link in held + [last] { link.close() }
        }
    }

    @Test("one whose turn has come at two relays passes one of them on", arguments: 1...40 as ClosedRange<UInt64>)
    func atOnce(seed: UInt64) throws {
        try Stage(seed: seed, relays: 2, connections: 2).run { stage in
            var held: [ScriptLink] = []
            for account in 0..<4 { held += try await Self.hold(stage, 1, of: UInt32(account)) }
            var waiting: [ScriptLink] = []
            for account in 4..<8 {
                let link = try await Self.begin(stage, of: UInt32(account))
                link.send("\(Self.recipient)\r\n")
                try await link.flush(within: .minute)
                await link.sleep(.second)
                waiting.append(link)
            }
            let asked = stage.visitor.now
            for link in held {
                link.send("RSET\r\n")
                try await link.flush(within: .minute)
            }
            for link in waiting { #expect(try await link.reply(within: .minute).code == 250) }
            #expect(stage.visitor.now.since(asked) < .second)
            for link in held + waiting { link.close() }
        }
    }
}
