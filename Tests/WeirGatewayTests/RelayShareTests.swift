import Synchronization
import TestKit
import Testing
import WeirAdmin
import WeirGateway
import WeirRuntime

@Suite("Several relays") struct RelayShareTests {
    @Test("are given mail by weight, one of weight 0 only where no other is left, and none is lost with a relay")
    func weights() async throws {
        let relays = try (0..<3).map { _ in try Sink() }
        let settings = zip(relays, [3, 1, 0]).enumerated().map { index, relay in
            "{ name: relay\(index), address: \"127.0.0.1:\(relay.0.port)\", tls: none, weight: \(relay.1) }"
        }
        let home = try Gate.Home(
            relay: relays[0], limits: "1000 recipients per day",
            settings: ["relays: [\(settings.joined(separator: ", "))]"])
        try await Gate.run(home) { gate in
            let client = try gate.client()
            func send(_ count: Int) throws -> [Int] {
                let before = relays.map(\.messages.count)
                for _ in 0..<count { #expect(try client.message(to: ["a@example.com"], body).delivered == 1) }
                return zip(relays, before).map { $0.messages.count - $1 }
            }
            // Each message draws its relay: five standard deviations of 6.7 to both sides.
            let shares = try send(240)
            #expect(shares[2] == 0 && (147...213).contains(shares[0]), "\(shares)")
            relays[0].stop()
            #expect(try send(20) == [0, 20, 0])
            relays[1].stop()
            #expect(try send(20) == [0, 0, 20])
            let down = gate.log.lines.filter { $0.contains("\"relay down\"") }
            #expect(down.count == 2, "\(down)")
        }
    }

    private static func relays(_ first: Sink, connections: Int = 100, _ second: Sink) -> String {
        "relays: [{ name: first, address: \"127.0.0.1:\(first.port)\", tls: none, connections: \(connections) }, "
            + "{ name: second, address: \"127.0.0.1:\(second.port)\", tls: none, weight: 0 }]"
    }

    @Test("leave one of weight 0 alone while the others are only busy")
    func busy() async throws {
        let (first, second) = (try Sink(), try Sink())
        let home = try Gate.Home(relay: first, settings: [Self.relays(first, connections: 2, second)])
        try await Gate.run(home) { gate in
            let clients = try (1...3).map { try gate.client(from: "127.0.1.\($0)") }
            for client in clients { try client.must("MAIL FROM:<a@client.example>") }
            for client in clients.dropLast() { try client.must("RCPT TO:<friend@example.com>") }
            try clients[2].send("RCPT TO:<friend@example.com>\r\n")
            func isElsewhere() -> Bool { second.commands.contains { $0.hasPrefix("MAIL") } }
            #expect(!eventually(within: 1, isElsewhere))
            try clients[0].must("RSET")
            // The connection that is free now.
            #expect(try clients[2].reply().code == 250)
            #expect(!isElsewhere())
        }
    }

    @Test(
        "one that keeps silent in the middle of a message is left out while another answers, and has its share again when it does"
    )
    func silent() async throws {
        let isSilent = Atomic(true)
        let first = try Sink { event in
            guard case .command(let line) = event, line.hasPrefix("RCPT") else { return nil }
            return isSilent.load(ordering: .relaxed) ? .silence : nil
        }
        let second = try Sink()
        let home = try Gate.Home(
            relay: first, settings: [Self.relays(first, second), "timeouts: { relay: 1s, drain: 1s }"])
        try await Gate.run(home) { gate in
            // Each has a limit of its own.
            var source = 0
            func isSent() throws -> Bool {
                source += 1
                return try gate.client(from: "127.0.1.\(source)").message(to: ["a@example.com"], body).delivered == 1
            }
            for _ in 0..<12 { try #require(try isSent()) }
            #expect(second.messages.count == 12)
            let tries = first.commands.count { $0.hasPrefix("MAIL") }
            #expect((1..<8).contains(tries), "each takes a second, and the rests between them grow: \(tries)")
            #expect(gate.log.lines.count { $0.contains("\"relay silent\"") } == 1)
            let relay = try #require(gate.daemon.server.gateway.generation.relays.all.first)
            #expect(gate.daemon.server.gateway.trouble(of: relay) == "keeps silent in the middle of messages")
            #expect(gate.daemon.server.gateway.alarms == ["Relay first keeps silent in the middle of messages."])
            isSilent.store(false, ordering: .relaxed)
            let isBack = eventually(within: 60) { (try? isSent()) == true && !first.messages.isEmpty && source < 250 }
            #expect(isBack)
            #expect(gate.log.lines.count { $0.contains("\"relay answers\"") } == 1)
            #expect(gate.daemon.server.gateway.alarms == [] && gate.daemon.server.gateway.trouble(of: relay) == nil)
            let before = first.messages.count
            for _ in 0..<5 { try #require(try isSent()) }
            #expect(first.messages.count == before + 5)
        }
    }

    @Test("a refusal of MAIL by a relay that is lost with it is not what the next relay's recipients are told")
    func lostRefusal() async throws {
        let first = try Sink { event in
            guard case .command(let line) = event else { return nil }
            return line.hasPrefix("MAIL") ? .reply("550 5.7.1 not from there") : line.hasPrefix("RCPT") ? .drop : nil
        }
        let second = try Sink()
        try await Gate.run(try Gate.Home(relay: first, settings: [Self.relays(first, second)])) { gate in
            let answers = try gate.client().message(to: ["a@example.com", "b@example.com"], body)
            #expect(answers.recipients.map(\.code) == [250, 250])
            #expect(answers.delivered == 2 && second.recipients == 2)
        }
    }

    @Test("a farewell of a relay is forgotten with it, where the next one is lost without a word")
    func lostFarewell() async throws {
        let first = try Sink { event in
            guard case .command(let line) = event, line.hasPrefix("RCPT") else { return nil }
            return .last("421 4.3.2 closing")
        }
        let second = try Sink { event in
            guard case .command(let line) = event, line.hasPrefix("MAIL") else { return nil }
            return .drop
        }
        try await Gate.run(try Gate.Home(relay: first, settings: [Self.relays(first, second)])) { gate in
            let answers = try gate.client().message(to: ["a@example.com"], body)
            #expect(answers.recipients.map(\.description) == ["451 4.4.2 The relay was lost, try again"])
            #expect(second.commands.contains { $0.hasPrefix("MAIL") }, "or this shows nothing")
        }
    }
}
