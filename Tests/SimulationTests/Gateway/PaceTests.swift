import Testing
import WeirBase
import WeirGateway
import WeirQuota
import WeirRuntime

@Suite("The pace of clients, simulated")
struct PaceTests {
    /// How a client sends: so many octets, then a wait, and so on.
    struct Pace: Sendable {
        var octets: Int
        var wait: UInt64
        var rounds: Int
    }

    /// What became of it, and when.
    struct Outcome: Equatable {
        var code: UInt16
        var seconds: UInt64
    }

    /// Sends one message at that pace; returns the last word to it.
    private static func send(_ paces: [Pace], over link: ScriptLink) async throws(ConnectionError) -> UInt16 {
        try await link.finishConnect(within: .minute)
        for line in ["EHLO c", "MAIL FROM:<a@isp.example>", "RCPT TO:<b@dest.example>", "DATA"] {
            _ = try await link.reply(within: .minute)
            link.send("\(line)\r\n")
            try await link.flush(within: .minute)
        }
        guard try await link.reply(within: .minute).code == 354 else { return 0 }
        for pace in paces {
            for _ in 0..<pace.rounds {
                // Lines, for the relay counts in them.
                link.send((0..<pace.octets).map { [120, 13, 10][$0 % 100 < 98 ? 0 : $0 % 100 - 97] })
                do throws(ConnectionError) {
                    try await link.flush(within: 20 * .minute)
                    await link.sleep(pace.wait)
                    try link.take()
                } catch {
                    break
                }
                if link.unread > 0 { return try await link.reply(within: .minute).code }
            }
        }
        link.send("\r\n.\r\n")
        try await link.flush(within: .minute)
        return try await link.reply(within: 12 * .minute).code
    }

    /// The last is silent one second less than it may be, each time.
    @Test(
        "data may stall, and may not dribble",
        arguments: [
            (Pace(octets: 1, wait: .second, rounds: 2000), Outcome(code: 421, seconds: 181)),
            (Pace(octets: 10, wait: 100 * .second, rounds: 100), Outcome(code: 421, seconds: 200)),
            (Pace(octets: 256, wait: .second, rounds: 2000), Outcome(code: 421, seconds: 360)),
            (Pace(octets: 512, wait: .second, rounds: 1000), Outcome(code: 250, seconds: 1000)),
            (Pace(octets: 1024, wait: .second, rounds: 1700), Outcome(code: 250, seconds: 1700)),
            (Pace(octets: 100_000, wait: 179 * .second, rounds: 8), Outcome(code: 250, seconds: 1432)),
            (Pace(octets: 100_000, wait: 181 * .second, rounds: 8), Outcome(code: 421, seconds: 181)),
        ])
    func data(pace: Pace, outcome: Outcome) throws {
        let stage = try Stage()
        #expect(try stage.timed { link throws(ConnectionError) in try await Self.send([pace], over: link) } == outcome)
    }

    @Test("what a relay takes its time for is not the client's")
    func slowRelay() throws {
        let paces = [Pace(octets: 160_000, wait: .second, rounds: 1), Pace(octets: 100, wait: .second, rounds: 3)]
        let outcome = try Stage(pause: 9 * .minute).timed { link throws(ConnectionError) in
            try await Self.send(paces, over: link)
        }
        #expect(outcome.code == 250 && outcome.seconds >= 540, "\(outcome)")
    }

    @Test("a command has its time as a whole", arguments: ["NOOP", "x"])
    func command(text: String) throws {
        let outcome = try Stage().timed { link throws(ConnectionError) in
            try await link.finishConnect(within: .minute)
            _ = try await link.reply(within: .minute)
            while link.unread == 0 {
                link.send(text)
                try await link.flush(within: .minute)
                await link.sleep(10 * .second)
                do throws(ConnectionError) { try link.take() } catch { break }
            }
            return try await link.reply(within: .minute).code
        }
        #expect(outcome == Outcome(code: 421, seconds: 180))
    }
}

extension Stage {
    /// Runs a client's visit, and times it from its beginning.
    fileprivate func timed(
        _ talk: @escaping (ScriptLink) async throws(ConnectionError) -> UInt16
    ) throws -> PaceTests.Outcome {
        let handover = Handover(talk: talk)
        return try run { stage in
            let link = stage.link()
            let began = stage.visitor.now
            let code = (try? await handover.talk(link)) ?? 0
            link.close()
            return PaceTests.Outcome(code: code, seconds: stage.visitor.now.since(began) / .second)
        }
    }

    /// `@unchecked Sendable`: a simulation has one thread.
    private struct Handover: @unchecked Sendable {
        let talk: (ScriptLink) async throws(ConnectionError) -> UInt16
    }
}
