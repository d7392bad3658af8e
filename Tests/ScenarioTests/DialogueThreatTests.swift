import Foundation
import TestKit
import Testing

extension Scenarios {
    @Suite("Threats from clients, in what they say")
    struct DialogueThreats {
        private static func start(limits: [String]? = nil) throws -> (sink: Sink, gateway: RunningGateway) {
            let sink = try Sink()
            return (
                sink, try RunningGateway(.init(relays: [.init(sink.port)], limits: limits, accounts: [Limits.account]))
            )
        }

        /// All replies until the daemon closes, or to the last of `octets`, a QUIT.
        private static func replies(to octets: [UInt8], at port: UInt16) throws -> [SMTPReply] {
            let client = try SMTPClient(port: port)
            try client.socket.send(octets)
            var replies: [SMTPReply] = []
            while let reply = try? client.reply() { replies.append(reply) }
            return replies
        }

        @Test("nobody relays without an account")
        func noOpenRelay() throws {
            let sink = try Sink()
            // The only network with an account is another one.
            var setup = RunningGateway.Setup(relays: [.init(sink.port)])
            setup.range = "192.0.2.0/24"
            let gateway = try RunningGateway(setup)
            for (port, refusal) in [
                (gateway.submission, "530 5.7.0 Issue STARTTLS first"),
                (gateway.local, "530 5.7.0 Authentication required"),
                (gateway.subscribers, "550 5.7.1 Relaying denied"),
            ] {
                let client = try SMTPClient(port: port)
                try client.hello()
                let answers = try client.message(to: ["receiver@target.example", "abuse@isp.example"], "\r\nHello")
                #expect(answers.mail.description == refusal)
                #expect(answers.recipients.allSatisfy { !$0.isPositive } && answers.dot == nil)
            }
            #expect(!sink.commands.contains { $0.hasPrefix("MAIL") })
        }

        @Test("threat 3: what is sent behind STARTTLS in clear is never taken for words under TLS")
        func commandInjection() throws {
            let (sink, gateway) = try Self.start()
            let line = Array("STARTTLS\r\nRSET\r\n".utf8)
            for split in 0...line.count {
                let client = try SMTPClient(port: gateway.submission)
                try client.hello()
                try client.socket.send(Array(line[..<split]))
                try client.socket.send(Array(line[split...]))
                var codes: [Int] = []
                while let reply = try? client.reply() { codes.append(reply.code) }
                // Together it is refused; where RSET came later it was no TLS, and the handshake failed.
                let isWhole = split == 0 || split == line.count
                #expect(codes == [554] || !isWhole && codes == [220], "split at \(split): \(codes)")
            }
            #expect(!sink.commands.contains { $0.hasPrefix("RSET") })
        }

        @Test("threat 3: all that was said before STARTTLS is forgotten after it")
        func forgetting() throws {
            let (_, gateway) = try Self.start()
            let outcome = try Program.run(
                "openssl",
                [
                    "s_client", "-quiet", "-starttls", "smtp", "-CAfile", gateway.certificate, "-connect",
                    "127.0.0.1:\(gateway.subscribers)",
                ], input: "MAIL FROM:<a@client.example>\r\nQUIT\r\n")
            #expect(outcome.output.contains("503 5.5.1"), "s_client had said EHLO before: \(outcome.output)")
        }

        @Test(
            "threat 7: a browser that posts a mail is turned away at its first line", arguments: ["POST", "GET", "PUT"])
        func http(verb: String) throws {
            let (sink, gateway) = try Self.start()
            let request = """
                \(verb) / HTTP/1.1\r\nHost: gate.example\r\nContent-Length: 200\r\n\r\nEHLO x\r\n\
                MAIL FROM:<a@client.example>\r\nRCPT TO:<b@target.example>\r\nDATA\r\n\r\nHello\r\n.\r\nQUIT\r\n
                """
            let replies = try Self.replies(to: Array(request.utf8), at: gateway.subscribers)
            #expect(replies.map(\.code) == [421])
            #expect(!sink.commands.contains { $0.hasPrefix("MAIL") })
        }

        @Test("threat 7: after three lines that are no SMTP, nothing more is read")
        func noise() throws {
            let (_, gateway) = try Self.start()
            let replies = try Self.replies(to: Array("one\r\ntwo\r\nthree\r\nEHLO x\r\n".utf8), at: gateway.subscribers)
            #expect(replies.map(\.code) == [500, 500, 421])
        }

        static let hostileLines: [String] = {
            let controls = ["\r", "\n", "\0", "\u{1B}", "\u{7F}", "\t"]
            return controls.flatMap { control in
                [
                    "MAIL FROM:<a\(control)b@client.example>", "MAIL FROM:<a@client.example> AUTH=a\(control)b",
                    "MAIL FROM:<a@client.example> ENVID=a\(control)b",
                    "RCPT TO:<a\(control)b@target.example>", "RCPT TO:<a@target.example> ORCPT=rfc822;a\(control)b",
                    "RCPT TO:<a@target.example> NOTIFY=\(control)",
                ]
            } + [
                "MAIL FROM:<a@client.example> AUTH=a+0Ab", "RCPT TO:<\"a\\\u{1}b\"@target.example>",
                "RCPT TO:<a@target.example>\u{A0}NOTIFY=NEVER", "RCPT TO:<a@target.example> RCPT TO:<b@target.example>",
                "RCPT TO:<a@target.example> ORCPT=rfc822;a+0D+0Ab", "RCPT TO:<a>b@target.example>",
            ]
        }()

        @Test("threat 8: no address and no parameter carries a line or a control octet to the relay")
        func envelopeInjection() throws {
            let (sink, gateway) = try Self.start()
            for line in Self.hostileLines {
                let client = try SMTPClient(port: gateway.subscribers)
                try client.hello()
                if line.hasPrefix("RCPT") { try client.must("MAIL FROM:<a@client.example>") }
                try client.send("\(line)\r\nRCPT TO:<good@target.example>\r\nQUIT\r\n")
                while (try? client.reply()) != nil {}
            }
            #expect(eventually { sink.commands.contains { $0.contains("good@target.example") } }, "none got that far")
            for command in sink.commands {
                #expect(
                    command.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F },
                    "\(command.debugDescription)")
                #expect(
                    ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"].contains { command.hasPrefix($0) },
                    "\(command.debugDescription)")
            }
        }

        @Test(
            "threat 11: numbers of any size are answered, and end nothing",
            arguments: [
                ("SIZE=18446744073709551615", 552), ("SIZE=18446744073709551616", 552),
                ("SIZE=99999999999999999999999", 552),
                ("SIZE=9223372036854775808", 552), ("SIZE=-1", 501), ("SIZE=", 501), ("SIZE=0x10", 501),
                ("SIZE=1000", 250),
            ])
        func numbers(parameter: String, code: Int) throws {
            let (_, gateway) = try Self.start(limits: ["25 MB per message", "100 MB per day"])
            let client = try SMTPClient(port: gateway.subscribers)
            try client.hello()
            let answer = try client.command("MAIL FROM:<a@client.example> \(parameter)")
            // What cannot be a number at all may also be called one that is too long.
            #expect(answer.code == code || code == 552 && answer.code == 501, "\(answer)")
            #expect(try client.command("NOOP").code == 250)
            #expect(gateway.isRunning)
        }

        @Test("threat 14: messages without a sender count like all others")
        func nullSender() throws {
            let (sink, gateway) = try Self.start(limits: ["3 recipients per day"])
            let client = try SMTPClient(port: gateway.subscribers)
            try client.hello()
            let delivered = try (1...4).map { _ in
                try client.message(from: "", to: ["a@target.example"], "\r\nHello").delivered
            }
            #expect(delivered == [1, 1, 1, 0])
            #expect(sink.recipients == 3)
        }

        @Test(
            "threats 18 and 19: a client cannot say that it is another",
            arguments: [
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", "PROXY UNKNOWN\r\n",
                "\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\0\u{0C}",
                "EHLO x\r\nXCLIENT ADDR=192.0.2.1 LOGIN=anna@isp.example\r\n", "EHLO x\r\nXFORWARD ADDR=192.0.2.1\r\n",
            ])
        func otherAddress(_ octets: String) throws {
            let (sink, gateway) = try Self.start(limits: ["1 recipient per day"])
            // The address that it has is used up.
            let first = try SMTPClient(port: gateway.subscribers, from: "127.0.0.9")
            let offers = try first.must("EHLO client.example").lines
            #expect(!offers.contains { $0.hasPrefix("XCLIENT") || $0.hasPrefix("XFORWARD") })
            #expect(try first.message(to: ["a@target.example"], "\r\nHello").delivered == 1)

            let client = try SMTPClient(port: gateway.subscribers, from: "127.0.0.9")
            try client.send(
                octets
                    + "\r\nEHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<b@target.example>\r\nQUIT\r\n"
            )
            var replies: [SMTPReply] = []
            while let reply = try? client.reply() { replies.append(reply) }
            #expect(replies.contains { $0.code >= 500 || $0.code == 421 }, "\(replies)")
            #expect(sink.recipients == 1 && !sink.commands.contains { $0.contains("b@target.example") })
        }

        static let clientNames = [
            "a\rb", "a\nb", "\u{1B}[2Jclient", "\"quoted\"; DROP TABLE charge", "a) by evil (b", "<>@,;\\",
            String(repeating: "n", count: 1_900), "client.example\tfor <evil@target.example>", "имя.example",
        ]

        @Test(
            "threats 13, 23 and 24: a client's name ends no line of the header, the log or the metrics",
            arguments: clientNames)
        func names(_ name: String) throws {
            let (sink, gateway) = try Self.start()
            let honest = try SMTPClient(port: gateway.subscribers)
            try honest.must("HELO honest.example")
            #expect(try honest.command("unknown").code == 500)
            #expect(try honest.message(to: ["a@target.example"], "\r\nHello").delivered == 1)
            sink.forget()
            let series = try gateway.series()
            let client = try SMTPClient(port: gateway.subscribers)
            // Where this name is not taken, the first one stands.
            try client.send("HELO client.example\r\nEHLO \(name)\r\nVRFY x\r\n")
            while try client.reply().code != 252 {}
            let answers = try client.message(to: ["a@target.example"], "Subject: x\r\n\r\nHello")
            #expect(answers.delivered == 1, "\(answers)")
            let header = try #require(sink.messages.first).text.components(separatedBy: "\r\n\r\n")[0]
            let fields = header.components(separatedBy: "\r\n").filter { !$0.hasPrefix("\t") }
            #expect(fields.count == 3 && header.hasPrefix("Received: from "), "\(header)")
            #expect(header.utf8.allSatisfy { 0x20...0x7E ~= $0 || [0x0D, 0x0A, 0x09].contains($0) }, "\(header)")
            #expect(header.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 998 })
            #expect(try gateway.series() == series, "the metrics have grown")
            #expect(eventually { gateway.log.components(separatedBy: "\"message\"").count > 2 }, "\(gateway.log)")
            for line in gateway.log.split(separator: "\n") where line.hasPrefix("{") {
                #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil, "\(line)")
            }
            #expect(gateway.log.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A })
        }

        @Test("threat 24: a client cannot name another account, and mail that goes in circles ends")
        func trace() throws {
            let (sink, gateway) = try Self.start()
            let client = try SMTPClient(port: gateway.subscribers)
            try client.hello()
            let forged = "x-weir-account: 0123\r\n and more\r\nX-Weir-Account : 4567\r\nSubject: x\r\n\r\nHello"
            #expect(try client.message(to: ["a@target.example"], forged).delivered == 1)
            let header = try #require(sink.messages.first).text.components(separatedBy: "\r\n\r\n")[0]
            #expect(!header.contains("0123") && !header.contains("and more") && !header.contains("4567"), "\(header)")
            #expect(header.components(separatedBy: "\r\n").count { $0.lowercased().hasPrefix("x-weir-account") } == 1)
            let hops = String(repeating: "Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\n", count: 51)
            let answers = try client.message(to: ["a@target.example"], hops + "\r\nHello")
            #expect(answers.dot?.description.hasPrefix("554 5.4.6 ") == true, "\(answers)")
            #expect(sink.messages.count == 1)
        }
    }
}
