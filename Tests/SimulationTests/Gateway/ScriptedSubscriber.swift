import WeirBase
import WeirRuntime
import WeirSMTP

/// How a subscriber's program behaves; probabilities are for each step.
struct Habits {
    /// Commands of an envelope go out together.
    var pipelines = 0.7
    var resets = 0.0
    /// Leaves at some command or in the middle of the content.
    var vanishes = 0.0
    /// A wait before a command or a part of the content, up to `delay`.
    var dawdles = 0.0
    var delay: UInt64 = 0
    /// Sends what is no command.
    var babbles = 0.0
    /// Declares a size, right or wrong.
    var declaresSize = 0.5
    var securesFirst = 0.3

    init() {}

    init(drawnBy random: inout SeededRandom, vices: Double) {
        func maybe(_ probability: Double) -> Double { random.chance(vices) ? probability : 0 }
        pipelines = [0, 0.5, 1][random.below(3)]
        resets = maybe(0.1)
        vanishes = maybe(0.05)
        dawdles = maybe(0.2)
        delay = random.within(1 * .millisecond...30 * .second)
        babbles = maybe(0.05)
    }
}

/// What somebody wants delivered.
struct Letter {
    let number: Int
    var recipients: [String]
    let octets: Int
    /// What scanners and relays know for spam.
    var isOffer = false
}

/// An account's owner: several sessions, which try again until everything is delivered or nothing more is admitted.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class ScriptedSubscriber: @unchecked Sendable {
    let number: Int
    /// The login and its token; nil: known by the address.
    let credentials: (login: String, token: String)?
    let source: SocketAddress
    /// Other addresses that it connects from, one as likely as the other; none: from its own.
    var sources: [SocketAddress] = []
    let executor: RuntimeExecutor
    var habits: Habits
    /// Rounds of tries go on until then, and a few more.
    var persistsUntil: Instant
    private let server: SocketAddress
    private let simulation: Simulation
    private let evidence: Evidence
    private var random: SeededRandom
    private var tries = 0
    /// The longest wait for an answer, but for that to the dot.
    private(set) var waitMax: UInt64 = 0

    /// The longest wait for an answer, and for that to the dot: a little more than RFC 5321 asks for.
    private static let patience: UInt64 = 6 * .minute
    private static let dotPatience: UInt64 = 11 * .minute
    static let lastRounds = 4

    init(
        number: Int, credentials: (login: String, token: String)?, source: SocketAddress, server: SocketAddress,
        simulation: Simulation, habits: Habits, persistsUntil: Instant, evidence: Evidence, random: SeededRandom
    ) {
        self.number = number
        self.credentials = credentials
        self.source = source
        self.server = server
        self.simulation = simulation
        self.habits = habits
        self.persistsUntil = persistsUntil
        self.evidence = evidence
        self.random = random
        executor = simulation.makeExecutor(name: "subscriber \(number)")
    }

    /// Delivers letters in one session after the other, and returns those that were not.
    func deliver(_ letters: [Letter]) async -> [Letter] {
        var letters = letters
        var lastRounds = 0
        while !letters.isEmpty {
            let source = sources.isEmpty ? source : sources[random.below(sources.count)]
            let link = ScriptLink(simulation.connect(to: server, from: source), on: executor)
            link.life = evidence.life
            do throws(ConnectionError) {
                try await link.finishConnect(within: .minute)
                try await visit(link, from: source, &letters)
            } catch {
                evidence.narrate("subscriber \(number) leaves: \(error)")
            }
            link.close(abruptly: random.chance(0.3))
            if executor.now >= persistsUntil { lastRounds += 1 }
            if lastRounds >= ScriptedSubscriber.lastRounds { break }
            await link.sleep(random.within(.second...40 * .second))
        }
        return letters
    }

    private func command(_ link: ScriptLink, _ line: String) async throws(ConnectionError) -> ScriptReply {
        link.send(line + "\r\n")
        try await link.flush(within: ScriptedSubscriber.patience)
        return try await reply(link, to: line)
    }

    /// The next reply, which must be well formed and may end the session.
    private func reply(_ link: ScriptLink, to line: String) async throws(ConnectionError) -> ScriptReply {
        let asked = executor.now
        let isDot = line.hasPrefix("dot")
        let reply = try await link.reply(
            within: isDot ? ScriptedSubscriber.dotPatience : ScriptedSubscriber.patience)
        if !isDot { waitMax = max(waitMax, executor.now.since(asked)) }
        if let fault = reply.fault { evidence.violate("P6", "to \(line.prefix(40)): \(fault)") }
        evidence.narrate("subscriber \(number) \(line.prefix(50)) -> \(reply.code) \(reply.text)")
        if reply.text.contains("Sending is suspended") { evidence.noteSuspended(number, by: link.life) }
        if reply.code == 421 { throw .closed }
        return reply
    }

    private func pause(_ link: ScriptLink) async throws(ConnectionError) {
        if random.chance(habits.dawdles) { await link.sleep(random.within(0...habits.delay)) }
        if random.chance(habits.vanishes) { throw .closed }
    }

    private func visit(
        _ link: ScriptLink, from source: SocketAddress, _ letters: inout [Letter]
    ) async throws(ConnectionError) {
        guard try await reply(link, to: "greeting").code == 220 else { throw .closed }
        var offers = try await command(link, "EHLO [\(source.ip)]")
        if credentials != nil || random.chance(habits.securesFirst) {
            guard try await command(link, "STARTTLS").code == 220 else { throw .closed }
            try await link.secure(server: false)
            offers = try await command(link, "EHLO [\(source.ip)]")
        }
        if let credentials {
            let plain = base64([0] + Array(credentials.login.utf8) + [0] + Array(credentials.token.utf8))
            guard try await command(link, "AUTH PLAIN \(plain)").code == 235 else { throw .closed }
        }
        if random.chance(habits.babbles) { _ = try await command(link, "FOO BAR") }
        for index in letters.indices.reversed() {
            try await pause(link)
            let isDone = try await send(&letters[index], link, offers)
            if isDone { letters.remove(at: index) }
        }
        link.send("QUIT\r\n")
        try await link.flush(within: .minute)
    }

    // MARK: - One letter

    /// Sends the letter to those who have not got it; true when nothing is left to do.
    private func send(_ letter: inout Letter, _ link: ScriptLink, _ offers: ScriptReply) async throws(ConnectionError)
        -> Bool
    {
        tries += 1
        let token = "T\(number)-\(letter.number)-\(tries)"
        let attempt = Attempt(token: token, account: number, letter: letter.number, body: body(token, letter))
        attempt.recipients = letter.recipients.map { ($0, nil) }
        evidence.attempts.append(attempt)
        var mail = "MAIL FROM:<sender\(number)@isp.example>"
        if random.chance(habits.declaresSize) {
            mail += " SIZE=\(random.chance(0.8) ? attempt.body.count : random.below(5000))"
        }
        if offers.lines.contains("8BITMIME"), random.chance(0.3) { mail += " BODY=8BITMIME" }
        guard try await envelope(mail, attempt, link) else { return false }
        if attempt.data == nil, random.chance(habits.resets) {
            _ = try await command(link, "RSET")
            return false
        }
        let data: ScriptReply
        if let early = attempt.data { data = early } else { data = try await command(link, "DATA") }
        attempt.data = data
        guard data.code == 354 else {
            if data.isPositive { evidence.violate("P6", "DATA answered \(data.code)") }
            _ = try await command(link, "RSET")
            return false
        }
        try await content(attempt, link)
        let answer = try await reply(link, to: "dot of \(token)")
        attempt.dot = answer
        if answer.isPositive, attempt.accepted.isEmpty { evidence.violate("P6", "a message for nobody was taken") }
        guard answer.isPositive else { return false }
        letter.recipients.removeAll { attempt.accepted.contains($0) }
        return letter.recipients.isEmpty
    }

    /// MAIL and RCPT, pipelined or one by one, with or without DATA behind them; false where there is nobody to send to.
    private func envelope(_ mail: String, _ attempt: Attempt, _ link: ScriptLink) async throws(ConnectionError) -> Bool
    {
        let addresses = attempt.recipients.map(\.address)
        guard random.chance(habits.pipelines) else {
            guard try await command(link, mail).isPositive else { return false }
            for (index, address) in addresses.enumerated() {
                try await pause(link)
                let answer = try await command(link, "RCPT TO:<\(address)>")
                note(answer, index, attempt)
            }
            if attempt.accepted.isEmpty { _ = try await command(link, "RSET") }
            return !attempt.accepted.isEmpty
        }
        let withData = random.chance(0.5)
        link.send(mail + "\r\n")
        for address in addresses { link.send("RCPT TO:<\(address)>\r\n") }
        if withData { link.send("DATA\r\n") }
        try await link.flush(within: ScriptedSubscriber.patience)
        try await pause(link)
        let isBegun = try await reply(link, to: mail).isPositive
        for (index, address) in addresses.enumerated() {
            let answer = try await reply(link, to: "RCPT TO:<\(address)>")
            if isBegun { note(answer, index, attempt) }
            if !isBegun, answer.code != 503 { evidence.violate("P6", "RCPT without MAIL answered \(answer.code)") }
        }
        if withData { attempt.data = try await reply(link, to: "DATA") }
        if attempt.accepted.isEmpty {
            if attempt.data?.code == 354 { evidence.violate("P6", "354 for nobody") }
            if isBegun { _ = try await command(link, "RSET") }
        }
        return isBegun && !attempt.accepted.isEmpty
    }

    private func note(_ answer: ScriptReply, _ index: Int, _ attempt: Attempt) {
        let address = attempt.recipients[index].address
        attempt.recipients[index].code = answer.code
        if let named = answer.text.field("<", until: ">"), named != address {
            evidence.violate("P6", "RCPT of \(address) answered about \(named)")
        }
        if answer.code / 100 == 3 || answer.code < 200 { evidence.violate("P6", "RCPT answered \(answer.code)") }
    }

    private func content(_ attempt: Attempt, _ link: ScriptLink) async throws(ConnectionError) {
        var stuffed: [UInt8] = []
        var isLineStart = true
        for octet in attempt.body {
            if isLineStart, octet == 46 { stuffed.append(46) }
            stuffed.append(octet)
            isLineStart = octet == 10
        }
        var sent = 0
        while sent < stuffed.count {
            let part = random.chance(habits.dawdles) ? 1 + random.below(stuffed.count - sent) : stuffed.count - sent
            link.send(stuffed[sent..<sent + part])
            sent += part
            try await link.flush(within: ScriptedSubscriber.patience)
            if sent < stuffed.count { try await pause(link) }
        }
        if random.chance(habits.vanishes) { throw .closed }
        attempt.sentDot = true
        link.send(".\r\n")
        try await link.flush(within: ScriptedSubscriber.patience)
        if random.chance(habits.vanishes) { throw .closed }
    }

    private func body(_ token: String, _ letter: Letter) -> [UInt8] {
        var body = Array("Subject: \(token)\r\nFrom: <sender\(number)@isp.example>\r\n\r\n".utf8)
        if letter.isOffer { body += Array("\(Theft.words)\r\n".utf8) }
        var line = letter.number
        while body.count < letter.octets {
            body += ScriptedSubscriber.lines[line % ScriptedSubscriber.lines.count]
            line += 1
        }
        return body
    }

    private static let lines = [
        "Dear all,", ".", "..", ".hidden dot", "", "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    ].map { Array("\($0)\r\n".utf8) }
}

private func base64(_ octets: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: octets.count, by: 3) {
        let group = octets[start..<min(start + 3, octets.count)]
        let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for digit in 0...group.count { text.append(alphabet[word >> (18 - 6 * digit) & 63]) }
        for _ in group.count..<3 { text.append(61) }
    }
    return String(decoding: text, as: UTF8.self)
}
