import Foundation
import Synchronization
import TestKit
import Testing
import WeirRuntime
import WeirStore

extension Scenarios {
    @Suite("Threats from clients, in who they say they are")
    struct LoginThreats {
        private static func start(
            _ accounts: [RunningGateway.Account], limits: [String]? = nil
        ) throws -> (sink: Sink, gateway: RunningGateway) {
            let sink = try Sink()
            return (sink, try RunningGateway(.init(relays: [.init(sink.port)], limits: limits, accounts: accounts)))
        }

        /// One attempt on a connection of its own.
        private static func attempt(
            _ gateway: RunningGateway, _ login: String, _ password: String, from source: String
        ) throws -> (reply: SMTPReply, seconds: Double) {
            let client = try SMTPClient(port: gateway.local, from: source)
            try client.hello()
            let start = Date()
            let reply = try client.login(login, password)
            return (reply, Date().timeIntervalSince(start))
        }

        static let injections = [
            "'; DROP TABLE account; --", "anna@isp.example' --", "\" OR \"\"=\"", "%", "_",
            "a'||(SELECT login FROM account)||'",
            "\\", "');DELETE FROM charge;--", String(repeating: "'", count: 200),
        ]

        @Test("threat 10: no login, password or sender is taken for SQL, and a refused one leaves no trace")
        func injection() throws {
            let (sink, gateway) = try Self.start([Limits.account])
            for (index, text) in Self.injections.enumerated() {
                let source = "127.0.3.\(index + 1)"
                #expect(try Self.attempt(gateway, text, "token", from: source).reply.code == 535, "\(text)")
                #expect(
                    try Self.attempt(gateway, Limits.account.login, text, from: source).reply.code == 535, "\(text)")
                let client = try Limits.session(gateway, from: source)
                let quoted = text.filter { $0.isASCII && $0 != "\0" }.map { "\"\\".contains($0) ? "\\\($0)" : "\($0)" }
                    .joined()
                let local = String(quoted.prefix(60))
                _ = try client.message(
                    from: "\"\(local)\"@client.example", to: ["\"\(local)\"@target.example"], "\r\nHello")
            }
            #expect(sink.messages.count > Self.injections.count / 2)
            gateway.kill()
            try LedgerStore(in: StoreDirectory(gateway.store)).verify()
            let accounts = try AccountsStore(in: StoreDirectory(gateway.store))
            #expect(try accounts.account(Limits.account.login) != nil)
            #expect(try accounts.list(AccountFilter(), after: nil, limit: 10).accounts.count == 1)
        }

        @Test("threat 13: a login that failed can be tried again in the same session")
        func secondAttempt() throws {
            let (_, gateway) = try Self.start([Limits.account])
            let client = try SMTPClient(port: gateway.local)
            try client.hello()
            #expect(try client.login(Limits.account.login, "wrong").code == 535)
            #expect(try client.command("MAIL FROM:<a@client.example>").code == 530)
            #expect(try client.login(Limits.account.login, "token").code == 235)
            #expect(try client.login(Limits.account.login, "token").code == 503)
            #expect(try client.message(to: ["a@target.example"], "\r\nHello").delivered == 1)
        }

        /// Spellings that people and programs make of one login.
        static let spellings: [String] = {
            let login = "josé.müller@isp.example"
            let marks = ["José.Müller@ISP.example", "Jose\u{301}.Mu\u{308}ller@isp.example", "ｊｏｓé.müller@isp.example"]
            var random = Seeded(16)
            let cased = (0..<190).map { _ in
                String(login.map { random.oneIn(2) ? Character($0.uppercased()) : $0 })
            }
            return marks + [login + ".", " \(login)", "\(login) ", login.uppercased()] + cased
        }()

        @Test("threat 16: two hundred spellings of a login share one count")
        func spellings() throws {
            let (sink, gateway) = try Self.start(
                [.init(login: "josé.müller@isp.example", password: "token")], limits: ["150 recipients per day"])
            var delivered = 0
            for spelling in Self.spellings {
                let client = try SMTPClient(port: gateway.local)
                try client.hello()
                let reply = try client.login(spelling, "token")
                try #require(reply.code == 235, "\(spelling.debugDescription): \(reply)")
                delivered += try client.message(to: ["a@target.example"], "\r\nHello").delivered
            }
            #expect(delivered == 150 && sink.recipients == 150)
        }

        private static let guessesMax = 2_000

        /// Guesses passwords, in even lanes from one address and else from always another.
        private static func guess(_ gateway: RunningGateway, lane: Int, _ guesses: Mutex<Int>.Box) {
            while true {
                let number = guesses.value.withLock { guesses in
                    guesses += 1
                    return guesses
                }
                guard number < guessesMax else { return }
                let source = lane % 2 == 0 ? "127.0.5.1" : "127.9.\(number / 250 + 1).\(number % 250 + 1)"
                let login = number % 8 == 1 ? "good@isp.example" : "nobody\(number)@isp.example"
                _ = try? attempt(gateway, login, "guess \(number)", from: source)
            }
        }

        @Test("threat 20: a flood of guesses, from one place and from many, leaves good users served")
        func bruteForce() throws {
            let hash = try #require(PasswordHash.make(Array("correct horse".utf8)))
            let good = RunningGateway.Account(login: "good@isp.example", hash: hash.text)
            let (_, gateway) = try Self.start([good, Limits.account])
            // Somebody who is at work already, and somebody with a token.
            #expect(try Self.attempt(gateway, "good@isp.example", "correct horse", from: "127.0.4.1").reply.code == 235)
            let guesses = Mutex.Box(0)
            let attackers = (0..<8).map { lane in Background { Self.guess(gateway, lane: lane, guesses) } }
            var times: [String: [Double]] = [:]
            var refused: [String] = []
            while guesses.value.withLock({ $0 }) < Self.guessesMax {
                for (login, password) in [("good@isp.example", "correct horse"), (Limits.account.login, "token")] {
                    let attempt = try Self.attempt(gateway, login, password, from: "127.0.4.1")
                    times[login, default: []].append(attempt.seconds)
                    if attempt.reply.code != 235 { refused.append("\(login): \(attempt.reply)") }
                }
            }
            for attacker in attackers { attacker.join() }
            let count = times.values.map(\.count).reduce(0, +)
            #expect(refused.isEmpty, "\(refused.count) of \(count) refused: \(refused.first ?? "")")
            #expect(count >= 20, "\(count) logins are too few to show anything")
            for (login, times) in times {
                let sorted = times.sorted()
                #expect(sorted[sorted.count * 95 / 100] < 0.5, "\(login): \(sorted.suffix(5))")
            }
        }

        /// The probability that two samples of one distribution differ as much as these: Mann and Whitney's rank test.
        private static func likelihood(_ left: [Double], _ right: [Double]) -> Double {
            let all = (left.map { ($0, true) } + right.map { ($0, false) }).sorted { $0.0 < $1.0 }
            let ranks = all.enumerated().reduce(0.0) { $1.element.1 ? $0 + Double($1.offset + 1) : $0 }
            let (m, n) = (Double(left.count), Double(right.count))
            let deviation = (ranks - m * (m + n + 1) / 2) / (m * n * (m + n + 1) / 12).squareRoot()
            return erfc(abs(deviation) / 2.0.squareRoot())
        }

        @Test("threat 21: how long a refusal takes does not tell which logins there are")
        func enumeration() throws {
            let hash = try #require(PasswordHash.make(Array("correct horse".utf8)))
            let accounts = (0..<300).map { RunningGateway.Account(login: "known\($0)@isp.example", hash: hash.text) }
            let (_, gateway) = try Self.start(accounts)
            // Two runs of which one may be unlucky: chance alone fails this once in ten thousand.
            let likelihoods = try (0..<2).map { run in
                var times: [Bool: [Double]] = [true: [], false: []]
                for index in run * 150..<(run + 1) * 150 {
                    for isKnown in [index % 2 == 0, index % 2 != 0] {
                        let login = isKnown ? "known\(index)@isp.example" : "other\(index)@isp.example"
                        let source = "127.\(isKnown ? 10 : 11).\(index / 200).\(index % 200 + 1)"
                        let attempt = try Self.attempt(gateway, login, "wrong", from: source)
                        #expect(attempt.reply.description == "535 5.7.8 Authentication failed")
                        times[isKnown]?.append(attempt.seconds)
                    }
                }
                return Self.likelihood(times[true] ?? [], times[false] ?? [])
            }
            #expect(likelihoods.contains { $0 > 0.01 }, "\(likelihoods)")
        }

        @Test("threat 22: passwords are neither asked for in clear nor written anywhere")
        func clearText() throws {
            let password = "sesame-Zauberwort-42"
            let (_, gateway) = try Self.start([.init(login: "anna@isp.example", password: password)])
            let plain = Data("\0anna@isp.example\0\(password)".utf8).base64EncodedString()
            for port in [gateway.submission, gateway.subscribers] {
                let client = try SMTPClient(port: port)
                #expect(try !client.must("EHLO client.example").text.contains("AUTH"))
                #expect(try [530, 502].contains(client.command("AUTH PLAIN \(plain)").code))
                #expect(try [530, 502].contains(client.command("AUTH LOGIN").code))
            }
            let local = try SMTPClient(port: gateway.local)
            try local.hello()
            #expect(try local.login("anna@isp.example", password + "x").code == 535)
            #expect(try local.login("anna@isp.example", password).code == 235)
            #expect(try local.message(to: ["a@target.example"], "\r\nHello").delivered == 1)
            let again = try SMTPClient(port: gateway.local)
            try again.hello()
            #expect(try again.command("AUTH LOGIN").code == 334)
            #expect(try again.command(Data("anna@isp.example".utf8).base64EncodedString()).code == 334)
            #expect(try again.command(Data(password.utf8).base64EncodedString()).code == 235)
            _ = gateway.stop()
            let encodings = [password, plain, Data(password.utf8).base64EncodedString()]
            let files = FileManager.default.enumerator(atPath: gateway.folder.path)?.compactMap { $0 as? String } ?? []
            #expect(files.contains { $0.hasSuffix("ledger.db") })
            for file in files {
                let octets = Data(contents(of: gateway.folder.file(file)))
                for encoding in encodings { #expect(octets.range(of: Data(encoding.utf8)) == nil, "\(file)") }
            }
        }
    }
}
