import Foundation
import TestKit
import Testing
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation
import WeirStore

extension Scenarios {
    /// With swaks, rspamd and Postfix, from the first stolen message to the owner's next one.
    @Suite("A stolen password")
    struct StolenPassword {
        private static let login = "anna@isp.example"
        private static let password = "correct horse battery staple"
        private static let friends = (1...6).map { "friend\($0)@target.example" }

        /// Thirty quiet days, as the detector keeps them: two letters a day to friends, from one network and one machine.
        private static func livesQuietly(_ gateway: RunningGateway) throws {
            let key = Array("a key of an installation".utf8)
            try Data(key).write(to: URL(fileURLWithPath: gateway.folder.file("hash.key")))
            let hash = KeyedHash(installation: key)
            let store = try LedgerStore(in: try StoreDirectory(gateway.store))
            let subject = try store.subject(.account, login)
            var now = Instant(nanoseconds: UInt64(Date().timeIntervalSince1970) * .second - 30 * .day)
            var surroundings = Surroundings()
            var evidence = AccountEvidence(at: now)
            for number in 0..<60 {
                var facts = MessageFacts(
                    id: UInt64(number + 1), account: UInt64(subject.number),
                    recipients: [hash(friends[number % friends.count])], network: hash("127.0.9.0/24"),
                    name: hash("laptop.example"))
                facts.content = ContentFacts(fingerprint: hash("letter \(number)"))
                facts.scannerScore = 0
                evidence.live(through: facts, .consumer, &surroundings, at: now)
                now = now + 12 * .hour
            }
            // The account's number becomes its own.
            try store.append([])
            try store.save(
                EvidenceSnapshot(
                    evidence: [(subject: subject, octets: evidence.encoded())], surroundings: nil, observed: 0))
        }

        private static func setup(relay: Postfix, _ scanner: Rspamd) throws -> RunningGateway.Setup {
            var setup = RunningGateway.Setup(
                relays: [.init(relay.port)], limits: ["100 recipients per message", "1000 recipients per day"],
                accounts: [.init(login: login, password: password)])
            setup.planSettings = ["detector: suspend"]
            setup.settings = [
                "scanner: { url: \"http://127.0.0.1:\(scanner.port)\", deadline: 30s }",
                "notices: { directory: notices, from: \"ISP <postmaster@isp.example>\", desk: desk@isp.example }",
                "hash_key_file: hash.key",
            ]
            for file in try FileManager.default.contentsOfDirectory(atPath: shippedNotices) {
                setup.files["notices/\(file)"] = text(of: "\(shippedNotices)/\(file)")
            }
            return setup
        }

        private static func swaks(
            _ gateway: RunningGateway, from source: String, name: String, to recipients: [String], _ subject: String
        ) throws -> Program.Outcome {
            try Program.run(
                "swaks",
                [
                    "--server", "127.0.0.1", "--port", "\(gateway.submission)", "--local-interface", source, "--ehlo",
                    name, "--tls", "--auth", "PLAIN", "--auth-user", login, "--auth-password", password, "--from",
                    login, "--to", recipients.joined(separator: ","), "--header", "Subject: \(subject)", "--body",
                    words(of: subject),
                ])
        }

        /// The thief, from three networks in turn, to people whom nobody here knows, until the account is suspended.
        ///
        /// Returns how many messages were taken.
        private static func steal(
            _ gateway: RunningGateway, _ message: (Int) -> (name: String, subject: String)
        ) throws -> Int {
            let networks = ["127.77.1.1", "127.88.1.1", "127.99.1.1"]
            var (isRefused, taken) = (false, 0)
            for number in 0..<20 where !isRefused {
                let (name, subject) = message(number)
                let outcome = try swaks(
                    gateway, from: networks[number % 3], name: name, to: ["stranger\(number)@elsewhere.example"],
                    subject)
                if outcome.status == 0 { taken += 1 }
                isRefused = outcome.output.contains("Sending is suspended for this account")
            }
            let verdicts = gateway.log.split(separator: "\n").filter { $0.contains("\"verdict\"") }
            #expect(isRefused, "\(verdicts)")
            #expect((1..<10).contains(taken), "\(taken) of the thief's messages were taken")
            return taken
        }

        /// A text of its own for each subject, as programs that send spam make them.
        private static func words(of subject: String) -> String {
            var random = Seeded(subject.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
            return (0..<60).map { _ in String(random.next() % 1_000_000, radix: 36) }.joined(separator: " ")
        }

        @Test("is stopped before the tenth recipient, too, when each message is the same and names the owner's machine")
        func sameText() throws {
            let (relay, scanner) = (try Postfix(), try Rspamd())
            let gateway = try RunningGateway(try Self.setup(relay: relay, scanner), starts: false)
            try Self.livesQuietly(gateway)
            try gateway.start()
            _ = try Self.steal(gateway) { _ in ("laptop.example", "\(Rspamd.marked) for all") }
        }

        @Test(
            "is stopped before the tenth recipient; the owner is refused and told, the desk reads why and releases, and mail goes again"
        )
        func story() throws {
            let (relay, scanner) = (try Postfix(), try Rspamd())
            let gateway = try RunningGateway(try Self.setup(relay: relay, scanner), starts: false)
            try Self.livesQuietly(gateway)
            try gateway.start()

            // The owner, at the usual place: swaks once, and a session that stays open.
            let first = try Self.swaks(
                gateway, from: "127.0.9.5", name: "laptop.example", to: [Self.friends[0]], "see you tomorrow")
            #expect(first.status == 0, "\(first.output.suffix(500))")
            let open = try SMTPClient(port: gateway.local, from: "127.0.9.6")
            try open.hello("laptop.example")
            #expect(try open.login(Self.login, Self.password).code == 235)
            let letter = "From: <\(Self.login)>\r\nSubject: photographs\r\n\r\nHere they are."
            #expect(try open.message(from: Self.login, to: [Self.friends[1]], letter).dot?.code == 250)

            let taken = try Self.steal(gateway) { number in
                ("pc\(number % 3).example", "\(Rspamd.marked) number \(number)")
            }
            // Every one of those, and none that was refused: the owner's later ones have gone through the same queue.
            let stolen = { relay.delivered(with: "\(Rspamd.marked) number", count: taken).count }
            #expect(stolen() == taken)

            // The owner's own session, open all the while.
            let refused = try open.message(from: Self.login, to: [Self.friends[2]], letter)
            #expect(
                refused.recipients[0].description.hasPrefix(
                    "550 5.7.1 Sending is suspended for this account. Write to abuse@isp.example."))
            let asked = try open.message(from: Self.login, to: ["abuse@isp.example"], letter)
            #expect(asked.dot?.code == 250, "the contact can be written to")

            // The notices, to the owner and to the desk.
            for reader in [Self.login, "desk@isp.example"] {
                let told = relay.delivered(with: "To: \(reader)").contains { message in
                    String(decoding: message, as: UTF8.self).contains("Auto-Submitted: auto-generated")
                }
                #expect(told, "\(reader) was not told: \(gateway.log.suffix(2_000))")
            }

            // The desk.
            let why = try gateway.weir("why", Self.login)
            #expect(why.status == 0 && why.output.contains("suspended"), "\(why)")
            #expect(why.output.contains("unfamiliar network") && why.output.contains("content"), "\(why.output)")
            let released = try gateway.weir("account", "release", Self.login, "--why", "password changed")
            #expect(released.status == 0 && released.output.contains("probation"), "\(released)")
            let history = try gateway.weir("account", "history", Self.login).output
            #expect(history.contains("suspended") && history.contains("password changed"), "\(history)")

            // Mail goes again: in the open session, and from a new one.
            #expect(try open.message(from: Self.login, to: [Self.friends[2]], letter).dot?.code == 250)
            let again = try Self.swaks(
                gateway, from: "127.0.9.5", name: "laptop.example", to: [Self.friends[3]], "that was not me")
            #expect(again.status == 0, "\(again.output.suffix(500))")
            #expect(relay.delivered(with: "that was not me").count == 1)
            #expect(stolen() == taken)
            Self.expectDiscretion(of: gateway.log)
        }

        /// The log tells what happened, and nothing of whom was written to, what was written, or how one logs in.
        private static func expectDiscretion(of log: String) {
            #expect(log.contains("\"verdict\"") && log.contains(login), "or this shows nothing")
            let credentials = Data("\0\(login)\0\(password)".utf8).base64EncodedString()
            let subjects = [
                "see you tomorrow", "photographs", "that was not me", Rspamd.marked, "\(Rspamd.marked) number 0",
            ]
            let secrets =
                ["target.example", "elsewhere.example", "stranger0", "friend1", "Here they are", password, credentials]
                + subjects + subjects.map { words(of: $0).split(separator: " ").prefix(3).joined(separator: " ") }
            for secret in secrets { #expect(!log.contains(secret), "the log has \(secret)") }
        }
    }
}
