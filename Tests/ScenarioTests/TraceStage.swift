import Foundation
import Synchronization
import TestKit
import WeirGateway
import WeirReputation
import WeirSMTP
import WeirStore

/// What relay and scanner say of the message at hand: what the trace has them say.
final class TraceWorld: Sendable {
    private struct State {
        var line: TraceLine?
        var asked: [Int] = []
    }

    private let state = Mutex(State())

    /// Nil: a message that is none of the trace's, which both take.
    func expect(_ line: TraceLine?) { state.withLock { $0 = State(line: line) } }

    /// Which of its recipients the relay was asked for.
    var asked: [Int] { state.withLock { $0.asked.sorted() } }

    var score: Double { state.withLock { $0.line?.f?.sc ?? 0 } }

    func answer(_ event: Sink.Event) -> Sink.Answer? {
        state.withLock { state in
            guard let line = state.line, let replies = line.up else { return nil }
            switch event {
            case .connected: return nil
            case .message: return .reply(replies.d + " says the trace")
            case .command(let text):
                guard text.hasPrefix("RCPT TO:<"), let end = text.firstIndex(of: ">") else { return nil }
                let address = text[text.index(text.startIndex, offsetBy: 9)..<end]
                let place = line.rc?.indices.first { line.rc?[$0] == String(address) && !state.asked.contains($0) }
                guard let place, place < replies.r.count else { return .reply("550 5.3.0 Not in the trace") }
                state.asked.append(place)
                return .reply(replies.r[place] + " says the trace")
            }
        }
    }
}

/// One address of 127.0.0.0/8 for each address of a trace, and one network for each network.
struct TraceSources {
    private var places: [Substring: Int] = [:]

    init(_ lines: [TraceLine]) {
        for line in lines where places[Self.network(line.ip)] == nil { places[Self.network(line.ip)] = places.count }
    }

    subscript(_ address: String) -> String {
        let place = places[Self.network(address), default: 0]
        let host = Int(address.split(separator: ".").last ?? "") ?? 1
        return "127.\(place / 250 + 1).\(place % 250).\(min(max(host, 1), 254))"
    }

    private static func network(_ address: String) -> Substring {
        address.lastIndex(of: ".").map { address[..<$0] } ?? address[...]
    }
}

/// The real daemon before such a relay and such a scanner, at the trace's own times.
final class TraceStage {
    struct Counts {
        var messages = 0
        var failedLogins = 0
        /// Recipients whom a flagged account was not let write to.
        var braked = 0
        /// Messages of suspended accounts.
        var refused = 0
        var releases = 0
        /// Recipients behind so many refusals that the daemon ended the session.
        var unheard = 0
    }

    /// What the desk waits before it releases, as `weir detector replay` does.
    private static let releaseAfter = 86_400.0
    /// An account that the detector does not judge.
    private static let bystander = "bystander"
    private static let password = "of the trace"
    private static let key = Array("a key of an installation".utf8)

    let gateway: RunningGateway
    /// When the trace begins on the daemon's clock, in nanoseconds: a midnight so far ahead that no account is new.
    let beginning: Int64
    private(set) var counts = Counts()
    private let clock: ShiftedClock
    private let world = TraceWorld()
    private let sink: Sink
    private let scanner: ScannerStub
    private let messages: TraceMessages
    private let accounts: [String: TraceAccount]
    private let sources: TraceSources
    /// When the daemon was last told of a message of an account.
    private var lastTold: [String: Double] = [:]
    /// Verdicts on an account that the daemon has logged in its former lives.
    private var verdicts: [String: Int] = [:]

    init(_ lines: [TraceLine], _ accounts: [String: TraceAccount], messages archive: String) throws {
        self.accounts = accounts
        clock = try ShiftedClock()
        let day: Int64 = 86_400_000_000_000
        beginning = (clock.now / day + 60) * day
        messages = try TraceMessages(in: archive, hash: KeyedHash(installation: Self.key))
        sink = try Sink { [world] in world.answer($0) }
        scanner = try ScannerStub { [world] _ in .verdict("no action", world.score) }
        var setup = RunningGateway.Setup(relays: [.init(sink.port)])
        let perMessage = "100000 recipients per message"
        setup.limits = [
            "standard": [perMessage], "consumer": [perMessage], "business": [perMessage, "50000 recipients per day"],
            "bulk": [perMessage, "1000000 recipients per day"],
        ]
        setup.planSettings = ["detector: suspend"]
        setup.settings = [
            "scanner: { url: \"http://127.0.0.1:\(scanner.port)\", deadline: 30s }", "hash_key_file: hash.key",
        ]
        setup.files = [
            "hash.key": String(decoding: Self.key, as: UTF8.self),
            "policies/\(Self.bystander).yaml":
                "plan: \(Self.bystander)\nlimits: [10 recipients per message]\ndetector: off\n",
        ]
        var bystander = RunningGateway.Account(login: Self.bystander, password: Self.password)
        bystander.plan = Self.bystander
        setup.accounts.append(bystander)
        sources = TraceSources(lines)
        let used = Dictionary(lines.map { ($0.a, $0.ip) }) { first, _ in first }
        for (name, address) in used.sorted(by: { $0.key < $1.key }) {
            guard let account = accounts[name] else { continue }
            var made = RunningGateway.Account(login: name, password: Self.password)
            made.plan = account.plan
            if account.ident == "ip" { made.networks = ["\(sources[address])/32"] }
            setup.accounts.append(made)
        }
        gateway = try RunningGateway(setup, starts: false)
        clock.advance(to: beginning)
        try gateway.start(environment: clock.environment)
    }

    /// What `weir detector replay` is to know of the accounts, as the daemon knows them: none of them is new.
    func knownAccounts() throws -> String {
        let known = accounts.mapValues { TraceAccount(plan: $0.plan, ident: $0.ident, day0: -1_000) }
        let text = String(decoding: try JSONEncoder().encode(known), as: UTF8.self)
        return try gateway.folder.write(text, to: "known.json")
    }

    var keyFile: String { gateway.folder.file("hash.key") }

    /// SIGKILL, and a new start from what is stored; within this line's message, which is begun and must leave nothing.
    func restart(within line: TraceLine?) throws {
        try waitForStore()
        if let line { try begin(line) }
        gateway.kill()
        try gateway.start(environment: clock.environment)
    }

    /// Waits until the ledger has all that was observed, and the accounts file all that was decided.
    private func waitForStore() throws {
        // Rows are committed in their order, and this message's is durable before its dot is answered.
        world.expect(nil)
        let client = try SMTPClient(port: gateway.local)
        try client.hello()
        let login = try client.login(Self.bystander, Self.password)
        guard login.code == 235 else { throw SMTPClient.Refused(command: "AUTH", reply: login) }
        let answers = try client.message(to: ["somebody@dest.example"], "Subject: all stored?\r\n\r\nYes.")
        guard answers.delivered == 1 else { throw Program.Failure(description: "the bystander: \(answers)") }

        struct Logged: Decodable { var account: String }
        let lines = try Program.run("grep", ["\"event\":\"verdict\"", gateway.folder.file("log")])
        let accounts = try lines.output.split(separator: "\n").map {
            try JSONDecoder().decode(Logged.self, from: Data($0.utf8)).account
        }
        for account in accounts { verdicts[account, default: 0] += 1 }
        for account in Set(accounts) {
            guard try eventually(within: 60, { try recorded(account) >= verdicts[account, default: 0] }) else {
                throw Program.Failure(description: "not all verdicts on \(account) are recorded")
            }
        }
    }

    /// How many verdicts on an account the accounts file has.
    private func recorded(_ account: String) throws -> Int {
        struct History: Decodable {
            struct Event: Decodable { var action: String }
            var events: [Event]
        }
        let told = try gateway.weir("account", "history", account, "--limit", "100000", "--json")
        guard told.status == 0 else { throw Program.Failure(description: told.errors) }
        let history = try JSONDecoder().decode(History.self, from: Data(told.output.utf8))
        return history.events.count { $0.action == "verdict" }
    }

    /// Sends half of a line's message.
    private func begin(_ line: TraceLine) throws {
        guard line.k == "msg", let facts = line.f, let people = line.rc else { return }
        clock.advance(to: beginning + Int64(line.t * 1e9))
        let client = try open(line)
        // One more refusal would end the session.
        for person in people.prefix(ServerDialogue.refusalsMax - 1) { _ = try client.command("RCPT TO:<\(person)>") }
        guard try client.command("DATA").code == 354 else { return }
        let octets = try messages.octets(facts.m, from: line.hf ?? "")
        try client.socket.send(Array(octets.prefix(octets.count / 2)))
    }

    // MARK: - A line

    /// Does what a line says, and returns the line as the gateway saw it; nil: it saw nothing.
    func play(_ line: TraceLine) throws -> TraceLine? {
        clock.advance(to: beginning + Int64(line.t * 1e9))
        guard line.k == "msg" else {
            let client = try SMTPClient(port: gateway.local, from: sources[line.ip])
            try client.hello("guess.example")
            let reply = try client.login(line.a, "a guess \(line.n)")
            guard reply.code == 535 else { throw SMTPClient.Refused(command: "AUTH", reply: reply) }
            _ = try client.command("QUIT")
            counts.failedLogins += 1
            return line
        }
        counts.messages += 1
        let first = try send(line)
        guard case .refused = first else { return first.line }
        guard line.t - lastTold[line.a, default: line.t] >= Self.releaseAfter else {
            counts.refused += 1
            return line
        }
        let released = try gateway.weir("account", "release", line.a, "--why", "a day has passed")
        guard released.status == 0 else { throw Program.Failure(description: released.errors) }
        counts.releases += 1
        let second = try send(line)
        if case .refused = second { throw Program.Failure(description: "\(line.a) is still suspended") }
        return second.line
    }

    private enum Sent {
        /// As the gateway saw it.
        case seen(TraceLine)
        /// The account is suspended: nothing was looked at.
        case refused
        /// The brake let nobody through.
        case held

        var line: TraceLine? { if case .seen(let line) = self { line } else { nil } }
    }

    private struct Unexpected: Error, CustomStringConvertible {
        let description: String
        init(_ line: TraceLine, _ reply: SMTPReply) { description = "event \(line.n) was answered \(reply)" }
    }

    /// A session in which a line's message has its sender.
    private func open(_ line: TraceLine) throws -> SMTPClient {
        guard let sender = line.mf, let account = accounts[line.a] else {
            throw Program.Failure(description: "event \(line.n) is no message")
        }
        world.expect(line)
        let isLogin = account.ident == "user"
        let client = try SMTPClient(port: isLogin ? gateway.local : gateway.subscribers, from: sources[line.ip])
        try client.hello(line.helo ?? "")
        if isLogin {
            let reply = try client.login(line.a, Self.password)
            guard reply.code == 235 else { throw Unexpected(line, reply) }
        }
        let mail = try client.command("MAIL FROM:<\(sender)>")
        guard mail.code == 250 else { throw Unexpected(line, mail) }
        return client
    }

    private func send(_ line: TraceLine) throws -> Sent {
        guard let facts = line.f, line.up != nil, let people = line.rc, let from = line.hf else {
            throw Program.Failure(description: "event \(line.n) is no message")
        }
        let logged = try logSize()
        let client = try open(line)
        var refusals = 0
        for (place, person) in people.enumerated() {
            let reply = try client.command("RCPT TO:<\(person)>")
            if reply.text.contains("Sending is suspended") { return .refused }
            guard reply.text.contains("says the trace") || reply.text.contains("few new people") else {
                throw Unexpected(line, reply)
            }
            refusals += reply.code >= 500 ? 1 : 0
            guard refusals >= ServerDialogue.refusalsMax else { continue }
            // It is enough: the daemon says so, ends the session, and tells the detector, then the log.
            counts.unheard += people.count - place - 1
            _ = client.socket.rest()
            try waitForEnd(of: line, after: logged)
            return .seen(try seen(line, facts))
        }
        if try client.command("DATA").code == 354 {
            try client.socket.send(try messages.octets(facts.m, from: from) + Array(".\r\n".utf8))
            let reply = try client.reply()
            guard reply.text.contains("says the trace") || reply.text.contains("Sending is suspended") else {
                throw Unexpected(line, reply)
            }
        }
        // Behind its answer, all is done that the message leads to.
        _ = try client.command("RSET")
        _ = try client.command("QUIT")
        if counts.messages % 100 == 0 { sink.forget() }
        counts.braked += people.count - world.asked.count
        return world.asked.isEmpty ? .held : .seen(try seen(line, facts))
    }

    private func logSize() throws -> UInt64 {
        let attributes = try FileManager.default.attributesOfItem(atPath: gateway.folder.file("log"))
        return (attributes[.size] as? NSNumber)?.uint64Value ?? 0
    }

    /// Waits until the log has, behind what it had before, the end of a message whose session the daemon has ended.
    private func waitForEnd(of line: TraceLine, after size: UInt64) throws {
        let log = try FileHandle(forReadingFrom: URL(fileURLWithPath: gateway.folder.file("log")))
        let words = ["\"event\":\"message\"", "\"account\":\"\(line.a)\"", "\"code\":0,"]
        let hasEnded = try eventually {
            try log.seek(toOffset: size)
            let text = String(decoding: try log.readToEnd() ?? Data(), as: UTF8.self)
            return text.split(separator: "\n").contains { line in words.allSatisfy { line.contains($0) } }
        }
        guard hasEnded else { throw Program.Failure(description: "event \(line.n) never ended") }
    }

    /// The line with the recipients that the relay was asked for, and with the text as it was sent.
    private func seen(_ line: TraceLine, _ facts: TraceLine.Facts) throws -> TraceLine {
        lastTold[line.a] = line.t
        let replies = line.up?.r ?? []
        var seen = line
        seen.rc = world.asked.compactMap { line.rc?[$0] }
        seen.up?.r = world.asked.map { replies[$0] }
        let refusals = seen.up?.r.count { $0.hasPrefix("5") } ?? 0
        if refusals >= ServerDialogue.refusalsMax || seen.up?.r.contains(where: { $0.hasPrefix("2") }) == false {
            seen.up?.d = ""
        }
        let text = try messages.facts(facts.m, from: line.hf ?? "")
        seen.f?.fp = String(text.fingerprint, radix: 16)
        seen.f?.ld = text.linkDomains.map { String($0, radix: 16) }
        seen.f?.h = text.isHTML ? 1 : 0
        return seen
    }
}
