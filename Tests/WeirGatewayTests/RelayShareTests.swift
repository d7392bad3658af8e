import TestKit
import Testing
import WeirAdmin
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
}
