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

    /// A gateway with one relay, as it stands after its start.
    private struct Stage {
        let simulation = Simulation(seed: 1, loops: 1)
        let life: Life
        let relay: ScriptedRelay

        init(pause: UInt64 = 0) throws {
            var scenario = Scenario(seed: 1)
            var manners = Manners.good
            manners.pause = pause
            (scenario.detector, scenario.theft) = (.off, nil)
            scenario.relays = [.init(weight: 1, connections: 10, tls: "none", manners: manners)]
            (scenario.messageCap, scenario.hourCap, scenario.octetsCap, scenario.dayCap) = (10, 10, nil, nil)
            (scenario.customerCap, scenario.gatewayCap, scenario.connectionsCap) = (nil, nil, nil)
            (scenario.relayTimeout, scenario.clientTimeout) = (600, 180)
            let address = SocketAddress(ipv4: 0xC633_6401, port: 25)
            simulation.hosts["relay0.isp.example"] = .success([address.ip])
            relay = try ScriptedRelay(
                name: "relay0", address: address, simulation: simulation, manners: manners, startTLS: false,
                evidence: Evidence { 0 }, random: SeededRandom(seed: 1))
            life = try Life(
                number: 1, scenario: scenario, simulation: simulation, disk: SimulatedDisk(seed: 1), onLost: { _ in })
        }

        /// Runs a client's visit, and times it from its `beginning`.
        func visit(_ talk: @escaping (ScriptLink) async throws(ConnectionError) -> UInt16) throws -> Outcome {
            let visitor = simulation.makeExecutor(name: "client")
            let handover = Handover(talk: talk)
            return try simulation.run { [life, simulation] in
                try await life.open()
                let outcome = await visitor.spawn {
                    let source = SocketAddress(ipv4: 0xCB00_7101, port: 0)
                    let link = ScriptLink(simulation.connect(to: World.gate, from: source), on: visitor)
                    let began = visitor.now
                    let code = (try? await handover.talk(link)) ?? 0
                    link.close()
                    return Outcome(code: code, seconds: visitor.now.since(began) / .second)
                }.value
                await life.stop()
                return outcome
            }
        }

        /// `@unchecked Sendable`: a simulation has one thread.
        private struct Handover: @unchecked Sendable {
            let talk: (ScriptLink) async throws(ConnectionError) -> UInt16
        }
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
        #expect(
            try Stage().visit { link throws(ConnectionError) in try await Self.send([pace], over: link) } == outcome)
    }

    @Test("what a relay takes its time for is not the client's")
    func slowRelay() throws {
        let paces = [Pace(octets: 160_000, wait: .second, rounds: 1), Pace(octets: 100, wait: .second, rounds: 3)]
        let outcome = try Stage(pause: 9 * .minute).visit { link throws(ConnectionError) in
            try await Self.send(paces, over: link)
        }
        #expect(outcome.code == 250 && outcome.seconds >= 540, "\(outcome)")
    }

    @Test("a command has its time as a whole", arguments: ["NOOP", "x"])
    func command(text: String) throws {
        let outcome = try Stage().visit { link throws(ConnectionError) in
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
