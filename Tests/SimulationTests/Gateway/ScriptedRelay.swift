import WeirBase
import WeirRuntime

/// How badly a relay behaves; probabilities are for each command.
struct Manners {
    /// 4xx and 5xx.
    var refusesMail = 0.0
    var refusesRecipient = 0.0
    var refusesData = 0.0
    var refusesMessage = 0.0
    /// What a refusal begins with, one as likely as the other.
    var refusals = ["450 4.2.0", "550 5.1.1"]
    /// 554 or 421 instead of a greeting.
    var refusesGreeting = 0.0
    /// 421, then the end.
    var leaves = 0.0
    /// The end without a word.
    var drops = 0.0
    /// No answer any more.
    var fallsSilent = 0.0
    /// What no SMTP server says.
    var babbles = 0.0
    /// A refusal in the middle of the content, which is read to its end or not, and never taken.
    var answersEarly = 0.0
    /// The end in the middle of the content.
    var dropsContent = 0.0
    /// A wait before the content is read.
    var pause: UInt64 = 0
    /// The end in place of the reply to the dot; the message is taken, or is not.
    var dropsAfterDot = 0.0
    /// A wait before an answer, up to `delay`.
    var dawdles = 0.0
    var delay: UInt64 = 0
    /// 421 to a connection that is idle.
    var tiresOfIdle = 0.0
    var messagesMax = Int.max
    var keywords = ["PIPELINING", "8BITMIME", "SIZE 10000000", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8"]

    static let good = Manners()

    init() {}

    /// Each vice is there with the probability `vices`.
    init(drawnBy random: inout SeededRandom, vices: Double) {
        func maybe(_ probability: Double) -> Double { random.chance(vices) ? probability : 0 }
        refusesMail = maybe(0.1)
        refusesRecipient = maybe(0.2)
        refusesData = maybe(0.1)
        refusesMessage = maybe(0.2)
        refusesGreeting = maybe(0.1)
        leaves = maybe(0.04)
        drops = maybe(0.04)
        fallsSilent = maybe(0.01)
        babbles = maybe(0.01)
        answersEarly = maybe(0.1)
        dropsContent = maybe(0.1)
        dropsAfterDot = maybe(0.15)
        dawdles = maybe(0.3)
        delay = random.within(1 * .millisecond...20 * .second)
        tiresOfIdle = maybe(0.3)
        if random.chance(vices) { messagesMax = random.within(1...5) }
        if random.chance(vices) { keywords = keywords.filter { _ in random.chance(0.5) } }
    }
}

/// A relay: speaks SMTP as a server, and records each message whose dot it took.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class ScriptedRelay: ScriptedServer, @unchecked Sendable {
    let name: String
    let address: SocketAddress
    let executor: RuntimeExecutor
    var manners: Manners
    /// Whether it hangs up on everybody at once.
    var isDown = false
    private let evidence: Evidence
    private var random: SeededRandom
    private let startTLS: Bool
    private var queued = 0
    private var listener: (any Listening)?

    init(
        name: String, address: SocketAddress, simulation: Simulation, manners: Manners, startTLS: Bool,
        evidence: Evidence, random: SeededRandom
    ) throws {
        self.name = name
        self.address = address
        self.manners = manners
        self.startTLS = startTLS
        self.evidence = evidence
        self.random = random
        executor = simulation.makeExecutor(name: name)
        listener = try simulation.listen(on: address, as: executor, for: self)
    }

    func serve(_ link: ScriptLink) async {
        var visit = Visit(link: link)
        do throws(ConnectionError) {
            try await converse(&visit)
        } catch {}
        link.close(abruptly: random.chance(0.3))
    }

    /// One connection.
    private struct Visit {
        let link: ScriptLink
        var isSecure = false
        /// Whether the last EHLO was answered with PIPELINING.
        var mayPipeline = false
        var sender: String?
        var recipients: [String] = []
        var messages = 0
        /// Refusals and RSETs since a message was last taken.
        var complaints = 0

        mutating func reset() {
            sender = nil
            recipients = []
        }
    }

    private func converse(_ visit: inout Visit) async throws(ConnectionError) {
        let link = visit.link
        if isDown { return }
        if random.chance(manners.refusesGreeting) {
            link.send(random.chance(0.5) ? "554 5.3.2 no service\r\n" : "421 4.3.2 not now\r\n")
            return try await link.flushBlindly(within: .minute)
        }
        link.send(random.chance(0.2) ? "220-\(name)\r\n220 ESMTP\r\n" : "220 \(name) ESMTP\r\n")
        try await link.flushBlindly(within: 5 * .minute)
        while true {
            let line = String(decoding: try await nextLine(visit), as: UTF8.self)
            if isDown { return }
            if !visit.mayPipeline, link.unread > 0 {
                evidence.violate("P6", "\(name) heard more behind \(line.prefix(60)), and offers no PIPELINING")
            }
            if line == "QUIT" {
                link.send("221 2.0.0 bye\r\n")
                return try await link.flushBlindly(within: .minute)
            }
            guard try await answer(line, &visit) else { return }
            if link.unread == 0 { try await link.flushBlindly(within: 5 * .minute) }
        }
    }

    private func nextLine(_ visit: Visit) async throws(ConnectionError) -> [UInt8] {
        guard random.chance(manners.tiresOfIdle) else { return try await visit.link.line(within: 5 * .minute) }
        do throws(ConnectionError) {
            return try await visit.link.line(within: random.within(.second...60 * .second))
        } catch {
            guard case .timedOut = error else { throw error }
            visit.link.send("421 4.4.2 idle\r\n")
            try await visit.link.flushBlindly(within: .minute)
            throw .closed
        }
    }

    /// Answers one command; false ends the connection.
    private func answer(_ line: String, _ visit: inout Visit) async throws(ConnectionError) -> Bool {
        let link = visit.link
        if random.chance(manners.dawdles) { await link.sleep(random.within(0...manners.delay)) }
        if random.chance(manners.leaves) {
            link.send("421 4.3.2 going away\r\n")
            try await link.flushBlindly(within: .minute)
            return false
        }
        if random.chance(manners.drops) { return false }
        if random.chance(manners.fallsSilent) {
            await link.sleep(12 * .minute)
            return false
        }
        if line != "RSET", random.chance(manners.babbles) {
            link.send("hello there\r\n")
            return true
        }
        if line.hasPrefix("EHLO ") || line.hasPrefix("HELO ") { return hello(line, &visit) }
        if line == "STARTTLS" {
            link.send("220 2.0.0 go\r\n")
            try await link.flushBlindly(within: .minute)
            try await link.secure(server: true)
            visit.isSecure = true
            return true
        }
        if line == "RSET" {
            visit.complaints += 1
            visit.reset()
            link.send("250 2.0.0 ok\r\n")
            return true
        }
        if line.hasPrefix("MAIL FROM:<") { return try await mail(line, &visit) }
        if line.hasPrefix("RCPT TO:<") { return recipient(line, &visit) }
        if line == "DATA" { return try await data(&visit) }
        evidence.violate("P6", "\(name) heard \(line.prefix(60))")
        link.send("500 5.5.1 what?\r\n")
        return true
    }

    private func hello(_ line: String, _ visit: inout Visit) -> Bool {
        visit.mayPipeline = line.hasPrefix("EHLO") && manners.keywords.contains("PIPELINING")
        let offers = manners.keywords + (startTLS && !visit.isSecure ? ["STARTTLS"] : [])
        let lines = line.hasPrefix("EHLO") ? [name] + offers : [name]
        for (index, text) in lines.enumerated() {
            visit.link.send("250\(index + 1 < lines.count ? "-" : " ")\(text)\r\n")
        }
        return true
    }

    /// A refusal's code, or nil.
    private func refusal(_ probability: Double) -> String? {
        guard random.chance(probability) else { return nil }
        return manners.refusals[random.below(manners.refusals.count)]
    }

    private func mail(_ line: String, _ visit: inout Visit) async throws(ConnectionError) -> Bool {
        if visit.sender != nil { evidence.violate("P6", "\(name) heard MAIL within a transaction") }
        if visit.complaints > 5 { evidence.violate("P8", "\(name) heard MAIL behind \(visit.complaints) complaints") }
        if visit.messages >= 200 { evidence.violate("P8", "\(name) heard MAIL behind 200 messages") }
        if visit.messages >= manners.messagesMax {
            visit.link.send("421 4.7.0 too many messages\r\n")
            try await visit.link.flushBlindly(within: .minute)
            return false
        }
        if let refusal = refusal(manners.refusesMail) {
            visit.complaints += 1
            visit.link.send("\(refusal) not from there\r\n")
            return true
        }
        visit.sender = String(line.field("<", until: ">") ?? "")
        visit.link.send("250 2.1.0 ok\r\n")
        return true
    }

    private func recipient(_ line: String, _ visit: inout Visit) -> Bool {
        let address = String(line.field("<", until: ">") ?? "")
        guard visit.sender != nil else {
            visit.link.send("503 5.5.1 <\(address)> before MAIL\r\n")
            return true
        }
        let isNobody = address.hasPrefix("nobody")
        if let refusal = isNobody ? "550 5.1.1" : refusal(manners.refusesRecipient) {
            visit.complaints += 1
            visit.link.send("\(refusal) <\(address)> not here\r\n")
            return true
        }
        visit.recipients.append(address)
        visit.link.send("250 2.1.5 <\(address)> ok\r\n")
        return true
    }

    // MARK: - The message

    private func data(_ visit: inout Visit) async throws(ConnectionError) -> Bool {
        guard !visit.recipients.isEmpty else {
            evidence.violate("P6", "\(name) heard DATA without a recipient")
            visit.link.send("554 5.5.1 no recipients\r\n")
            return true
        }
        if let refusal = refusal(manners.refusesData) {
            visit.complaints += 1
            visit.link.send("\(refusal) no data\r\n")
            return true
        }
        visit.link.send("354 go on\r\n")
        try await visit.link.flushBlindly(within: 5 * .minute)
        if manners.pause > 0 { await visit.link.sleep(manners.pause) }
        guard let content = try await content(visit) else { return false }
        return try await dot(content, &visit)
    }

    /// The lines up to the dot, the dots that were doubled undone; nil where the relay leaves before.
    private func content(_ visit: Visit) async throws(ConnectionError) -> [UInt8]? {
        var content: [UInt8] = []
        let early = random.chance(manners.answersEarly) ? random.below(12) : -1
        let dropped = random.chance(manners.dropsContent) ? random.below(12) : -1
        var lines = 0
        while true {
            if lines == dropped { return nil }
            if lines == early {
                visit.link.send(
                    ["452 4.3.1 no room\r\n", "554 5.6.0 not this\r\n", "421 4.3.2 enough\r\n"][random.below(3)])
                try await visit.link.flushBlindly(within: .minute)
                if random.chance(0.5) { return nil }
            }
            let line = try await visit.link.line(within: 6 * .minute)
            lines += 1
            if line.starts(with: "MAIL FROM:<".utf8) { evidence.violate("P6", "\(name) heard MAIL within a message") }
            if line == [46], early >= 0, lines > early { return nil }
            if line == [46] { return content }
            content.append(contentsOf: line.first == 46 ? line.dropFirst() : line[...])
            content += [13, 10]
        }
    }

    private func dot(_ content: [UInt8], _ visit: inout Visit) async throws(ConnectionError) -> Bool {
        if random.chance(manners.dawdles) { await visit.link.sleep(random.within(0...manners.delay)) }
        if random.chance(manners.dropsAfterDot) {
            if random.chance(0.5) { take(content, visit) }
            return false
        }
        let isOffer = content.firstRange(of: Array(Theft.words.utf8)) != nil && random.chance(0.5)
        if let refusal = isOffer ? "554 5.7.1" : refusal(manners.refusesMessage) {
            visit.complaints += 1
            visit.link.send("\(refusal) no such message\r\n")
        } else {
            take(content, visit)
            visit.messages += 1
            visit.complaints = 0
            queued += 1
            visit.link.send("250 2.0.0 queued as \(name)-\(queued)\r\n")
        }
        visit.reset()
        return true
    }

    private func take(_ content: [UInt8], _ visit: Visit) {
        let text = String(decoding: content.prefix(4096), as: UTF8.self)
        if visit.sender == "" { return takeNotice(text, visit.recipients) }
        let token = text.field("\r\nSubject: ", until: "\r\n").map(String.init) ?? ""
        let account = text.field("\r\nX-Weir-Account: ", until: "\r\n").map(String.init) ?? ""
        evidence.narrate("\(name) takes \(token) for \(visit.recipients.count)")
        evidence.takes.append(
            Take(
                at: executor.now, relay: name, token: token, sender: visit.sender ?? "",
                recipients: visit.recipients, accountField: account, body: content.behindPreface))
    }

    private func takeNotice(_ text: String, _ recipients: [String]) {
        guard let id = text.field("\r\nMessage-ID: <", until: "."),
            text.contains("\r\nAuto-Submitted: auto-generated\r\n")
        else { return evidence.violate("P10", "\(name) took from nobody what is no notice") }
        evidence.narrate("\(name) takes the notice \(id) for \(recipients)")
        evidence.told[recipients.joined(separator: " "), default: []].insert(String(id))
    }
}

extension [UInt8] {
    /// The message as its sender wrote it: what the gateway put in front ends with its account field.
    var behindPreface: [UInt8] {
        let name = Array("\r\nX-Weir-Account: ".utf8)
        guard starts(with: "Received: ".utf8) else { return self }
        var index = 0
        while index + name.count < count {
            if self[index] == 13, self[index...].starts(with: name) {
                var end = index + 2
                while end < count, self[end] != 10 { end += 1 }
                return Array(self[Swift.min(end + 1, count)...])
            }
            index += 1
        }
        return self
    }
}
