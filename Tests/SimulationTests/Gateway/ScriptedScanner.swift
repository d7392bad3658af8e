import WeirBase
import WeirRuntime

/// How badly a scanner behaves; probabilities are for each message.
struct ScannerManners {
    var rejects = 0.0
    var marks = 0.0
    var defers = 0.0
    /// Neither JSON nor HTTP, or a reply that breaks off.
    var babbles = 0.0
    /// 500.
    var fails = 0.0
    /// The end without a word, before the message was read or behind it.
    var drops = 0.0
    /// No answer within any deadline.
    var fallsSilent = 0.0
    /// A reset behind the answer, which may overtake it.
    var resets = 0.0
    /// A wait before the answer, up to `delay`.
    var dawdles = 0.0
    var delay: UInt64 = 0

    static let good = ScannerManners()

    init() {}

    /// Each vice is there with the probability `vices`.
    init(drawnBy random: inout SeededRandom, vices: Double) {
        func maybe(_ probability: Double) -> Double { random.chance(vices) ? probability : 0 }
        (rejects, marks, defers) = (maybe(0.1), maybe(0.2), maybe(0.1))
        (babbles, fails, drops) = (maybe(0.3), maybe(0.3), maybe(0.3))
        (fallsSilent, resets, dawdles) = (maybe(0.3), maybe(0.3), maybe(0.5))
        delay = random.within(1 * .millisecond...8 * .second)
    }
}

/// A scanner: takes one message a connection, and holds what it is shown against what was sent.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class ScriptedScanner: ScriptedServer, @unchecked Sendable {
    let executor: RuntimeExecutor
    var manners: ScannerManners
    private let evidence: Evidence
    private let octetsMax: Int
    private var random: SeededRandom
    private var listener: (any Listening)?
    /// Ids of the messages it was shown.
    private var shown: Set<String> = []

    static let address = SocketAddress(ipv4: 0xC633_6464, port: 11_333)

    init(
        simulation: Simulation, manners: ScannerManners, octetsMax: Int, evidence: Evidence, random: SeededRandom
    ) throws {
        self.manners = manners
        self.evidence = evidence
        self.octetsMax = octetsMax
        self.random = random
        executor = simulation.makeExecutor(name: "scanner")
        listener = try simulation.listen(on: ScriptedScanner.address, as: executor, for: self)
    }

    func serve(_ link: ScriptLink) async {
        do throws(ConnectionError) {
            if random.chance(manners.drops / 2) { throw .closed }
            try await answer(link)
        } catch {}
        link.close(abruptly: random.chance(manners.resets))
    }

    private func answer(_ link: ScriptLink) async throws(ConnectionError) {
        let fields = try await link.fields()
        let length = fields["content-length"].flatMap { Int($0) } ?? -1
        if length < 0 || length > octetsMax { evidence.violate("scanner", "it is shown \(length) octets") }
        let body = try await link.octets(max(length, 0), within: .minute)
        note(body, length, fields["queue-id"] ?? "")
        if random.chance(manners.drops / 2) { throw .closed }
        if random.chance(manners.dawdles) { await link.sleep(random.within(0...manners.delay)) }
        if random.chance(manners.fallsSilent) { return await link.sleep(2 * .minute) }
        let isOffer = body.firstRange(of: Array(Theft.words.utf8)) != nil
        link.send(reply(toOffer: isOffer))
        try await link.flushBlindly(within: .minute)
    }

    private func reply(toOffer isOffer: Bool) -> String {
        if random.chance(manners.babbles) {
            return [
                "hello there\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"score\":1", http("[1, 2]"),
                http("{}"),
            ][
                random.below(4)]
        }
        if random.chance(manners.fails) { return "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n" }
        if random.chance(manners.rejects) { return verdict("reject", "15.5") }
        if random.chance(manners.defers) { return verdict("soft reject", "4") }
        return isOffer || random.chance(manners.marks) ? verdict("add header", "7.25") : verdict("no action", "-0.1")
    }

    private func verdict(_ action: String, _ score: String) -> String {
        http(
            #"{"is_skipped":false,"score":\#(score),"required_score":15.0,"action":"\#(action)","symbols":{"A":{"score":1}}}"#
        )
    }

    private func http(_ body: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// A message is shown once, and as a relay would have it.
    private func note(_ body: [UInt8], _ length: Int, _ id: String) {
        guard id != "trial" else { return }
        let token = String(decoding: body.prefix(4096), as: UTF8.self).field("\r\nSubject: ", until: "\r\n").map(
            String.init)
        evidence.narrate("the scanner is shown \(token ?? "?")")
        if !shown.insert(id).inserted { evidence.violate("scanner", "it is shown \(id) twice") }
        guard let attempt = evidence.attempts.last(where: { $0.token == token }) else {
            return evidence.violate("scanner", "it is shown \(token ?? "?"), which nobody sent")
        }
        let own = body.behindPreface
        let isWhole = length < octetsMax
        if isWhole ? own != attempt.body : !attempt.body.starts(with: own) {
            evidence.violate("scanner", "\(attempt.token) is shown as something else")
        }
    }
}
