import WeirBase
import WeirGateway
import WeirQuota
import WeirRuntime

/// A gateway with a relay or some, as it stands after its start, and somebody who visits it.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class Stage: @unchecked Sendable {
    let simulation: Simulation
    let life: Life
    let relays: [ScriptedRelay]
    var relay: ScriptedRelay { relays[0] }
    /// What the relays took is in it.
    let evidence = Evidence { 0 }
    let visitor: RuntimeExecutor

    private static let relayNetwork: UInt32 = 0xC633_6401
    /// The first relay's.
    static let relayAddress = SocketAddress(ipv4: relayNetwork, port: 25)

    /// `pause` is the relays' before they read a message, and `addresses` are what the name of the first resolves to.
    init(
        seed: UInt64 = 1, relays count: Int = 1, connections: Int = 10, pause: UInt64 = 0,
        addresses: [IPAddress] = [Stage.relayAddress.ip]
    ) throws {
        let simulation = Simulation(seed: seed, loops: 1)
        self.simulation = simulation
        var scenario = Scenario(seed: 1)
        var manners = Manners.good
        manners.pause = pause
        (scenario.detector, scenario.scanner, scenario.theft) = (.off, nil, nil)
        scenario.relays = Array(
            repeating: .init(weight: 1, connections: connections, tls: "none", manners: manners), count: count)
        (scenario.messageCap, scenario.hourCap, scenario.octetsCap, scenario.dayCap) = (10, 10, nil, nil)
        (scenario.customerCap, scenario.gatewayCap, scenario.connectionsCap) = (nil, nil, nil)
        (scenario.relayTimeout, scenario.clientTimeout) = (600, 180)
        let evidence = evidence
        relays = try (0..<count).map { index in
            let address = SocketAddress(ipv4: Stage.relayNetwork + UInt32(index), port: 25)
            let name = "relay\(index)"
            simulation.hosts["\(name).isp.example"] = .success(index == 0 ? addresses : [address.ip])
            return try ScriptedRelay(
                name: name, address: address, simulation: simulation, manners: manners, startTLS: false,
                evidence: evidence, random: SeededRandom(seed: 1 + UInt64(index)))
        }
        life = try Life(
            number: 1, scenario: scenario, simulation: simulation, disk: SimulatedDisk(seed: 1), onLost: { _ in })
        visitor = simulation.makeExecutor(name: "client")
    }

    /// Runs a visitor's story, from the gateway's start to its end.
    func run<Result: Sendable>(_ story: @escaping @Sendable (Stage) async throws -> Result) throws -> Result {
        try simulation.run { [self] in
            try await life.open()
            let outcome = await visitor.spawn { [self] () -> Swift.Result<Result, any Error> in
                do { return .success(try await story(self)) } catch { return .failure(error) }
            }.value
            await life.stop()
            return try outcome.get()
        }
    }

    /// A connection to the gateway that is not finished yet; each `account` has an address of its own.
    func link(of account: UInt32 = 0) -> ScriptLink {
        let source = SocketAddress(ipv4: 0xCB00_7101 + account, port: 0)
        return ScriptLink(simulation.connect(to: World.gate, from: source), on: visitor)
    }

    /// Sends a short message in a session of its own; returns the last word to it.
    func send(to recipient: String = "b@dest.example") async throws -> ScriptReply {
        let link = link()
        defer { link.close() }
        try await link.finishConnect(within: .minute)
        for line in ["EHLO c", "MAIL FROM:<a@isp.example>", "RCPT TO:<\(recipient)>", "DATA", "\r\nHello.\r\n."] {
            let reply = try await link.reply(within: .minute)
            guard reply.isPositive else { return reply }
            link.send("\(line)\r\n")
            try await link.flush(within: .minute)
        }
        return try await link.reply(within: 2 * .minute)
    }
}
