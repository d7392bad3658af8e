import Foundation
import Synchronization
import TestKit
import Testing
import WeirQuota

extension Scenarios {
    @Suite("Limits")
    struct Limits {
        static let account = RunningGateway.Account(login: "anna@isp.example", password: "token")

        /// Logs in on the listener that takes AUTH in clear.
        static func session(_ gateway: RunningGateway, from source: String? = nil) throws -> SMTPClient {
            let client = try SMTPClient(port: gateway.local, from: source)
            try client.hello()
            let reply = try client.login(account.login, account.password ?? "")
            guard reply.code == 235 else { throw SMTPClient.Refused(command: "AUTH", reply: reply) }
            return client
        }

        @Test("of 101 recipients the first 100 get the message, and the last is told to come with another")
        func tooManyRecipients() throws {
            let sink = try Sink()
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)], accounts: [Self.account]))
            let recipients = (1...101).map { "r\($0)@target.example" }
            let client = try Self.session(gateway)
            #expect(try client.command("EHLO client.example").lines.contains("LIMITS RCPTMAX=100"))
            let answers = try client.message(to: recipients, "Subject: club\r\n\r\nHello")
            #expect(answers.recipients.prefix(100).allSatisfy { $0.code == 250 })
            let last = try #require(answers.recipients.last)
            let text = "4.5.3 Too many recipients: this plan takes 100 per message. Send the rest in another message. ["
            #expect(last.code == 452 && last.text.hasPrefix(text) && last.text.hasSuffix("]"), "\(last)")
            #expect(answers.dot?.code == 250)
            #expect(sink.messages.map(\.recipients) == [Array(recipients.prefix(100))])
            #expect(try client.message(to: [recipients[100]], "Subject: club\r\n\r\nHello").delivered == 1)
        }

        /// A relay that refuses recipients and messages, and breaks off before the dot, as a seed has it.
        private static func faultyRelay(seed: UInt64, isCalm: Mutex<Bool>.Box) throws -> Sink {
            let random = Mutex.Box(Seeded(seed))
            return try Sink { event in
                if isCalm.value.withLock({ $0 }) { return nil }
                return random.value.withLock { random in
                    switch event {
                    case .command(let line) where line.hasPrefix("RCPT"):
                        if random.oneIn(15) { return .reply("450 4.2.0 Mailbox busy") }
                        if random.oneIn(40) { return .reply("550 5.1.1 No such user") }
                        if random.oneIn(100) { return .drop }
                        return nil
                    case .command("DATA"): return random.oneIn(30) ? .reply("451 4.3.0 Not now") : nil
                    case .message: return random.oneIn(10) ? .reply("554 5.6.0 Not this") : nil
                    case .connected, .command: return nil
                    }
                }
            }
        }

        @Test("a plan of 1,000 a day lets exactly 1,000 through, whatever 64 sessions do at once", arguments: [11, 22])
        func exactly(seed: UInt64) throws {
            let isCalm = Mutex.Box(false)
            let sink = try Self.faultyRelay(seed: seed, isCalm: isCalm)
            let gateway = try RunningGateway(
                .init(
                    relays: [.init(sink.port)], limits: ["100 recipients per message", "1000 recipients per day"],
                    accounts: [Self.account]))
            let refusals = inParallel(64) { index -> [String] in
                Unruly(gateway: gateway, random: Seeded(seed &* 1_000 &+ UInt64(index))).send()
            }
            // What was held by transactions that came to nothing is free again.
            isCalm.value.withLock { $0 = true }
            let last = try Self.session(gateway)
            var refusal: SMTPReply?
            for _ in 0..<1_001 where refusal == nil {
                let answers = try last.message(to: ["last@target.example"], "Subject: last\r\n\r\nHello")
                if answers.delivered == 0 { refusal = answers.recipients[0] }
            }
            #expect(sink.recipients == 1_000, "seed \(seed)")
            let text = try Regex(
                #"^450 4\.7\.1 Limit reached: 1000 of 1000 recipients per day used; room again at "#
                    + #"20\d\d-\d\d-\d\d \d\d:\d\d UTC\. \[[0-9A-Z]{13}\]$"#)
            #expect(refusal.map { $0.description.contains(text) } == true, "\(refusal?.description ?? "nothing")")
            for refusal in refusals.joined() {
                #expect(refusal.hasPrefix("450 4.7.1 Limit reached: ") || refusal.hasPrefix("421 "), "seed \(seed)")
            }
            #expect(gateway.stop() == .exited(0), "seed \(seed): \(gateway.log.suffix(2000))")
            #expect(try StoredCounts.amount(of: Self.account.login, in: gateway.store).recipients == 1_000)
        }

        @Test("of 64 sessions that ask for the last recipient at once, one gets it")
        func lastOne() throws {
            let sink = try Sink()
            let gateway = try RunningGateway(
                .init(relays: [.init(sink.port)], limits: ["10 recipients per day"], accounts: [Self.account]))
            let first = try Self.session(gateway)
            #expect(try first.message(to: (1...9).map { "r\($0)@target.example" }, "\r\nHello").delivered == 9)
            let sessions = try (0..<64).map { _ in try Self.session(gateway) }
            let delivered = inParallel(64) { index in
                (try? sessions[index].message(to: ["a@target.example", "b@target.example"], "\r\nHello"))?.delivered
                    ?? 0
            }
            #expect(delivered.reduce(0, +) == 1)
            #expect(sink.recipients == 10)
        }
    }
}

/// A client that sends as fast as it can, resets, hangs up, and tries again until nothing more is admitted.
private struct Unruly {
    let gateway: RunningGateway
    var random: Seeded

    /// Returns the refusals that were ours and not the relay's.
    func send() -> [String] {
        var copy = self
        var refusals: [String] = []
        var inVain = 0
        var client: SMTPClient?
        while inVain < 5 {
            do {
                let session = try client ?? Scenarios.Limits.session(gateway)
                client = session
                guard let answers = try copy.transaction(session) else {
                    client = nil
                    continue
                }
                refusals += answers.filter { $0.contains("Limit reached") }
                inVain = !answers.isEmpty && answers.allSatisfy { $0.contains("Limit reached") } ? inVain + 1 : 0
            } catch {
                client = nil
            }
        }
        return refusals
    }

    /// One transaction; returns the answers to its recipients, nil after it hung up.
    private mutating func transaction(_ client: SMTPClient) throws -> [String]? {
        let count = Int(random.next() % 20) + 1
        let recipients = (0..<count).map { "r\($0)@target.example" }
        try client.send("MAIL FROM:<a@client.example>\r\n" + recipients.map { "RCPT TO:<\($0)>\r\n" }.joined())
        if random.oneIn(12) {
            client.socket.reset()
            return nil
        }
        _ = try client.reply()
        let answers = try recipients.map { _ in try client.reply().description }
        if random.oneIn(8) {
            try client.must("RSET")
            return answers
        }
        let data = try client.command("DATA")
        guard data.code == 354 else {
            try client.must("RSET")
            return answers
        }
        try client.send("Subject: x\r\n\r\nSome of the message\r\n")
        if random.oneIn(12) {
            client.socket.close()
            return nil
        }
        _ = try client.command(".")
        return answers
    }
}

extension Mutex where Value: Sendable {
    /// A mutex that closures share.
    final class Box: Sendable {
        let value: Mutex<Value>

        init(_ initial: Value) { value = Mutex(initial) }
    }
}
