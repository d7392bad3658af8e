import WeirBase
import WeirRuntime

/// A program that is told of events: takes one request a connection, and notes the id of each that it said yes to.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class ScriptedHook: ScriptedServer, @unchecked Sendable {
    /// How badly it behaves; probabilities are for each request.
    struct Manners {
        /// 500.
        var fails = 0.0
        /// The end without a word, before the request was taken or behind it.
        var drops = 0.0
        /// No answer within any deadline.
        var fallsSilent = 0.0

        init() {}

        init(drawnBy random: inout SeededRandom, vices: Double) {
            func maybe(_ probability: Double) -> Double { random.chance(vices) ? probability : 0 }
            (fails, drops, fallsSilent) = (maybe(0.5), maybe(0.5), maybe(0.3))
        }
    }

    var manners: Manners
    private let evidence: Evidence
    private var random: SeededRandom
    private var listener: (any Listening)?

    static let address = SocketAddress(ipv4: 0xC633_6465, port: 80)

    init(simulation: Simulation, manners: Manners, evidence: Evidence, random: SeededRandom) throws {
        self.manners = manners
        self.evidence = evidence
        self.random = random
        let executor = simulation.makeExecutor(name: "hook")
        listener = try simulation.listen(on: ScriptedHook.address, as: executor, for: self)
    }

    func serve(_ link: ScriptLink) async {
        do throws(ConnectionError) {
            try await answer(link)
        } catch {}
        link.close()
    }

    private func answer(_ link: ScriptLink) async throws(ConnectionError) {
        let fields = try await link.fields()
        let id = fields["webhook-id"] ?? ""
        let length = fields["content-length"].flatMap { Int($0) } ?? 0
        let body = String(decoding: try await link.octets(length, within: .minute), as: UTF8.self)
        if !id.hasPrefix("evt_") || !body.contains("\"type\"") {
            evidence.violate("P10", "a webhook is told \(body) with the id \"\(id)\"")
        }
        if random.chance(manners.drops / 2) { throw .closed }
        if random.chance(manners.fallsSilent) { return await link.sleep(.minute) }
        if random.chance(manners.fails) {
            link.send("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        } else {
            evidence.narrate("the webhook is told \(id)")
            evidence.told["webhook", default: []].insert(id)
            if random.chance(manners.drops / 2) { throw .closed }
            link.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        try await link.flushBlindly(within: .minute)
    }
}
