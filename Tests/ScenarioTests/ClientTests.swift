import TestKit
import Testing

extension Scenarios {
    @Suite("Mail programs")
    struct Clients {
        enum Server: String, CaseIterable, Sendable {
            case postfix = "Postfix"
            case exim = "Exim"
            case sink = "smtp-sink"

            func start() throws -> any MailServer {
                switch self {
                case .postfix: try Postfix()
                case .exim: try Exim()
                case .sink: try SMTPSink()
                }
            }
        }

        /// What may stand above the message as the program sent it.
        static let fields = SMTPSink.fields.union([
            "return-path", "x-original-to", "delivered-to", "envelope-to", "delivery-date", "received",
            "x-weir-account",
        ])

        @Test(
            "every mail program's message arrives octet for octet, but for the fields on top",
            arguments: Server.allCases)
        func roundTrip(server: Server) throws {
            let relay = try server.start()
            let (login, password) = ("anna@isp.example", "correct horse")
            let gateway = try RunningGateway(
                .init(
                    relays: [.init(relay.port)], limits: ["100 recipients per message", "1000 recipients per day"],
                    accounts: [.init(login: login, password: password)]))
            for program in MailProgram.allCases {
                for security in MailProgram.Security.allCases {
                    let what = "\(program.rawValue) with \(security.rawValue)"
                    let message = MailMessage(marker: "m\(program.hashValue.magnitude)-\(security.hashValue.magnitude)")
                    let sent = try program.send(
                        message, .init(gateway: gateway, security: security, login: login, password: password))
                    #expect(
                        sent.outcome.status == 0, "\(what): \(sent.outcome.errors) \(sent.outcome.output.suffix(1000))")
                    let found = relay.delivered(with: message.marker)
                    try #require(found.count == 1, "\(what): \(found.count) arrived")
                    let added = MailMessage.addedFields(of: found[0], over: sent.expected)
                    guard let added else {
                        Issue.record("\(what): changed on the way, \(MailMessage.difference(found[0], sent.expected))")
                        continue
                    }
                    #expect(Set(added).isSubset(of: Self.fields), "\(what): \(added)")
                    #expect(added.count { $0 == "received" } == 2, "\(what): ours, and the relay's own")
                    #expect(added.count { $0 == "x-weir-account" } == 1, "\(what)")
                }
            }
        }

        @Test("a relay that does not offer PIPELINING hears one command after the other, on a used connection too")
        func lockstep() throws {
            let relay = try Exim(settings: ["pipelining_advertise_hosts ="])
            let gateway = try RunningGateway(.init(relays: [.init(relay.port)], limits: ["100 recipients per message"]))
            let client = try SMTPClient(port: gateway.subscribers, from: "127.0.3.7")
            try client.hello()
            for number in 0..<4 {
                let people = (0..<5).map { "friend\($0)@target.example" }
                try client.send(
                    "MAIL FROM:<a@client.example>\r\n" + people.map { "RCPT TO:<\($0)>\r\n" }.joined() + "DATA\r\n")
                for _ in 0...people.count { #expect(try client.reply().code == 250) }
                #expect(try client.reply().code == 354)
                let reply = try client.command("Subject: lockstep \(number)\r\n\r\nHello.\r\n.")
                #expect(reply.code == 250, "\(reply)")
                // An envelope that is dropped: RSET goes ahead of the next.
                try client.must("MAIL FROM:<a@client.example>")
                try client.must("RCPT TO:<friend@target.example>")
                try client.must("RSET")
            }
            #expect(eventually(within: 30) { relay.deliveredCount == 20 }, "\(relay.deliveredCount) arrived")
        }
    }
}
