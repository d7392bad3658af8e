import Testing
import WeirBase
import WeirGateway
import WeirRuntime

/// What a client waits for while relays keep silent; they have 10 minutes for a reply, and it has 5 (RFC 5321, 4.5.3.2).
@Suite("The patience of clients, simulated")
struct PatienceTests {
    /// A link whose first message has `count` recipients, and when it was sent.
    private static func begin(
        _ stage: Stage, recipients count: Int
    ) async throws(ConnectionError) -> (link: ScriptLink, asked: Instant) {
        let link = stage.link()
        try await link.finishConnect(within: .minute)
        _ = try await link.reply(within: .minute)
        link.send("EHLO c\r\n")
        try await link.flush(within: .minute)
        _ = try await link.reply(within: .minute)
        let asked = stage.visitor.now
        link.send("MAIL FROM:<a@isp.example>\r\n")
        link.send((0..<count).map { "RCPT TO:<b\($0)@dest.example>\r\n" }.joined())
        try await link.flush(within: .minute)
        return (link, asked)
    }

    @Test("is not spent by a relay that falls silent, nor by the connections tried after it", arguments: [1, 3])
    func silence(relays: Int) throws {
        try Stage(relays: relays).run { (stage) async throws in
            for relay in stage.relays { relay.manners.fallsSilent = 1 }
            let (link, asked) = try await Self.begin(stage, recipients: 10)
            #expect(try await link.reply(within: 5 * .minute).code == 250)
            for _ in 0..<10 { #expect(try await link.reply(within: 5 * .minute).code == 451) }
            #expect(stage.visitor.now.since(asked) / .second == 240)
            link.close()
        }
    }

    @Test("is not spent by addresses of a relay that take connections and say nothing")
    func addresses() throws {
        let addresses = Array(repeating: Stage.relayAddress.ip, count: 8)
        try Stage(addresses: addresses).run { (stage) async throws in
            // What the start has made is closed by then.
            await stage.visitor.sleep(until: stage.visitor.now + 2 * .minute)
            stage.relay.manners.fallsSilent = 1
            let (link, asked) = try await Self.begin(stage, recipients: 10)
            #expect(try await link.reply(within: 5 * .minute).code == 250)
            for _ in 0..<10 { #expect(try await link.reply(within: 5 * .minute).code == 451) }
            #expect(stage.visitor.now.since(asked) / .second == 240)
            link.close()
        }
    }

    @Test("begins anew with each answer, where a relay takes its time for every recipient")
    func slowness() throws {
        let stage = try Stage()
        // One by one, for this relay keeps its answers back while more commands are at hand.
        stage.relay.manners.keywords = []
        try stage.run { (stage) async throws in
            stage.relay.manners.dawdles = 1
            stage.relay.manners.delay = 2 * .minute
            let (link, asked) = try await Self.begin(stage, recipients: 10)
            for _ in 0...10 { #expect(try await link.reply(within: 5 * .minute).code == 250) }
            #expect(stage.visitor.now.since(asked) > 6 * .minute)
            link.close()
        }
    }
}
