import Foundation
import TestKit
import Testing
import WeirRuntime

extension Scenarios {
    @Suite("Threats from relays, and from those who stand before them")
    struct RelayThreats {
        /// Sends one message from a subscriber; returns the answer to its recipient.
        private static func deliver(_ gateway: RunningGateway) throws -> SMTPReply {
            let client = try SMTPClient(port: gateway.subscribers)
            try client.hello()
            return try client.message(to: ["receiver@target.example"], "Subject: x\r\n\r\nHello").recipients[0]
        }

        private static let offers = ["PIPELINING", "8BITMIME", "STARTTLS"]

        @Test("threat 4: words that a relay adds to its answer to STARTTLS are not taken for words under TLS")
        func responseInjection() throws {
            let sink = try Sink(offers: Self.offers) { event in
                if case .command("STARTTLS") = event { return .reply("220 go ahead\r\n250-evil\r\n250 AUTH PLAIN") }
                return nil
            }
            let gateway = try RunningGateway(.init(relays: [.init(address: "localhost:\(sink.port)", tls: "required")]))
            let answer = try Self.deliver(gateway)
            #expect(answer.description.hasPrefix("451 4.4.1 "), "\(answer)")
            #expect(sink.commands.contains("STARTTLS"))
            #expect(!sink.commands.contains { $0.hasPrefix("MAIL") })
        }

        enum Stripping: String, CaseIterable, Sendable {
            case notOffered, unavailable, refused, garbage, silence
        }

        @Test("threat 5: mail never goes in clear where TLS is required", arguments: Stripping.allCases)
        func stripping(_ kind: Stripping) throws {
            let sink = try Sink(offers: kind == .notOffered ? ["PIPELINING"] : Self.offers) { event in
                guard case .command("STARTTLS") = event else { return nil }
                switch kind {
                case .notOffered: return nil
                case .unavailable: return .reply("454 4.7.0 TLS not available")
                case .refused: return .reply("502 5.5.1 Unknown command")
                case .garbage: return .reply("220 go ahead\r\n\u{16}\u{3}\u{1}")
                case .silence: return .drop
                }
            }
            let gateway = try RunningGateway(.init(relays: [.init(address: "localhost:\(sink.port)", tls: "required")]))
            let answer = try Self.deliver(gateway)
            #expect(answer.description.hasPrefix("451 4.4.1 "), "\(answer)")
            #expect(!sink.commands.contains { $0.hasPrefix("MAIL") })
        }

        /// Postfix with a certificate of ours.
        private static func service(_ flaw: Authority.Flaw, of authority: Authority) throws -> Postfix.Service {
            let (certificate, key) = try authority.issue(flaw)
            return Postfix.Service(options: [
                "smtpd_tls_security_level=may", "smtpd_tls_cert_file=\(certificate)", "smtpd_tls_key_file=\(key)",
            ])
        }

        /// The answer to a recipient, from a gateway that trusts the authorities of a file.
        private static func deliver(to service: Postfix.Service, trusting file: String) throws -> SMTPReply {
            let relay = RunningGateway.Relay(
                address: "localhost:\(service.port)", tls: "required", settings: ["ca: \(file)"])
            return try deliver(try RunningGateway(.init(relays: [relay])))
        }

        @Test("threat 6: a relay is believed by its certificate alone: the right one is, and nine others are not")
        func certificates() throws {
            let authority = try Authority(TemporaryFolder(isShared: true))
            let flaws = Authority.Flaw.allCases.filter { $0 != .revoked }
            let services = try flaws.map { try Self.service($0, of: authority) }
            let postfix = try Postfix(services: services)
            for (flaw, service) in zip(flaws, services) {
                let answer = try Self.deliver(to: service, trusting: authority.file)
                #expect(answer.code == (flaw == .none ? 250 : 451), "\(flaw.rawValue): \(answer)")
            }
            #expect(!postfix.log.contains("cannot load"), "\(postfix.log)")
        }

        @Test(
            "threat 6: a certificate that its authority has revoked is refused, and any where the list is out of date or missing"
        )
        func revocation() throws {
            let authority = try Authority(TemporaryFolder(isShared: true))
            let good = try Self.service(.none, of: authority)
            let revoked = try Self.service(.revoked, of: authority)
            let postfix = try Postfix(services: [good, revoked])
            #expect(try Self.deliver(to: revoked, trusting: authority.file).code == 250, "nobody was asked")
            for lister in Authority.Lister.allCases {
                let file = try authority.file(listedBy: lister)
                let answers = try [good, revoked].map { try Self.deliver(to: $0, trusting: file).code }
                #expect(answers == [lister == .authority ? 250 : 451, 451], "listed by \(lister.rawValue)")
            }
            #expect(!postfix.log.contains("cannot load"), "\(postfix.log)")
        }

        @Test("threat 28: a relay that never stops talking is left, and takes no memory with it")
        func endlessReply() throws {
            let sink = try Sink { event in
                guard case .command(let line) = event, line.hasPrefix("RCPT") else { return nil }
                let lines = String(repeating: "250-\(String(repeating: "x", count: 500))\r\n", count: 20_000)
                return .reply(lines + "250 end")
            }
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)]))
            _ = try Self.deliver(gateway)
            let before = gateway.memoryPeak
            let answers = try (0..<5).map { _ in try Self.deliver(gateway) }
            #expect(answers.allSatisfy { $0.code == 451 }, "\(answers)")
            #expect(gateway.memoryPeak - before < 8 << 20 || isSanitized)
            #expect(gateway.isRunning)
        }

        @Test(
            "what a relay says in its replies reaches the client as printable text",
            arguments: [
                "550 5.1.1 no \u{1B}[31m such\u{7} user", "550 5.1.1 \(String(repeating: "x", count: 5_000))",
                "550-5.1.1 one\r\n550 5.1.1 two",
            ])
        func replyText(_ text: String) throws {
            let sink = try Sink { event in
                if case .command(let line) = event, line.hasPrefix("RCPT") { return .reply(text) }
                return nil
            }
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)]))
            let answer = try Self.deliver(gateway)
            #expect([550, 451].contains(answer.code), "\(answer)")
            #expect(
                answer.lines.allSatisfy { $0.utf8.allSatisfy { 0x20...0x7E ~= $0 } && $0.utf8.count < 600 }, "\(answer)"
            )
        }
    }
}
