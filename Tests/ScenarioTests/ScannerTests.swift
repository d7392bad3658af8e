import Foundation
import TestKit
import Testing

extension Scenarios {
    /// With Debian's rspamd, which knows GTUBE and one subject.
    @Suite("The scanner")
    struct Scanner {
        private static func gateway(_ rspamd: Rspamd, before sink: Sink, away: String) throws -> RunningGateway {
            var setup = RunningGateway.Setup(relays: [.init(sink.port)], limits: ["10 recipients per day"])
            // A machine that is busy with other tests has its time.
            setup.settings = ["scanner: { url: \"http://127.0.0.1:\(rspamd.port)\", deadline: 30s, away: \(away) }"]
            return try RunningGateway(setup)
        }

        private static func deliver(_ client: SMTPClient, _ subject: String, _ text: String) throws -> SMTPReply {
            let answers = try client.message(
                to: ["friend@target.example"], "From: <a@client.example>\r\nSubject: \(subject)\r\n\r\n\(text)")
            return try #require(answers.dot)
        }

        private static func scans(_ gateway: RunningGateway, _ result: String) throws -> String {
            let page = try Program.run("curl", ["-sS", "http://127.0.0.1:\(gateway.admin)/metrics"]).output
            let series = "weir_scanner_requests_total{result=\"\(result)\"} "
            return page.split(separator: "\n").first { $0.hasPrefix(series) }.map { String($0.dropFirst(series.count)) }
                ?? ""
        }

        @Test(
            "what rspamd rejects is refused and costs nothing, what it marks passes, and while it is away all does, with an alarm"
        )
        func rspamd() throws {
            let (sink, rspamd) = (try Sink(), try Rspamd())
            let gateway = try Self.gateway(rspamd, before: sink, away: "open")
            #expect(try gateway.weir("check").output.contains("scanner: answers"))
            let client = try SMTPClient(port: gateway.subscribers, from: "127.0.4.1")
            try client.hello()
            client.socket.timeout(seconds: 60)
            #expect(try Self.deliver(client, "hello", "How are you?\r\n..\r\n").code == 250)
            let refused = try Self.deliver(client, "offer", Rspamd.gtube)
            #expect(refused.description.hasPrefix("550 5.7.1 The content of this message is refused as spam or worse."))
            #expect(refused.text.contains("abuse@isp.example"))
            #expect(try Self.deliver(client, Rspamd.marked, "Buy.").code == 250)
            #expect(sink.messages.count == 2)
            #expect(sink.messages.allSatisfy { !$0.text.contains("GTUBE") })
            let shown = try gateway.weir("account", "show", "127.0.4.1/32").output
            #expect(shown.contains("\t10 recipients per day\taccount\t2\t"), "\(shown)")
            #expect(try ["passed", "rejected", "marked"].map { try Self.scans(gateway, $0) } == ["1", "1", "1"])
            #expect(try !gateway.weir("status").output.contains("alarm"))
            // Those who may always be written to may be shown the very spam.
            let help = try client.message(to: ["abuse@isp.example"], "Subject: what is this?\r\n\r\n" + Rspamd.gtube)
            #expect(help.dot?.code == 250)

            rspamd.stop()
            for number in 0..<4 { #expect(try Self.deliver(client, "away \(number)", Rspamd.gtube).code == 250) }
            #expect(
                try gateway.weir("status").output.contains(
                    "The scanner at http://127.0.0.1:\(rspamd.port)/checkv2 is away"))
            #expect(gateway.log.contains("\"scanner away\""))
            #expect(try gateway.weir("check").errors.contains("messages pass without it while it does not answer"))
            try rspamd.start()
            #expect(
                try eventually(within: 60) { try !gateway.weir("status").output.contains("The scanner at") },
                "the alarm does not end")
            #expect(try Self.deliver(client, "offer", Rspamd.gtube).code == 550)
        }

        @Test("away: defer lets nothing pass unseen")
        func deferring() throws {
            let (sink, rspamd) = (try Sink(), try Rspamd())
            let gateway = try Self.gateway(rspamd, before: sink, away: "defer")
            let client = try SMTPClient(port: gateway.subscribers, from: "127.0.4.2")
            try client.hello()
            client.socket.timeout(seconds: 60)
            #expect(try Self.deliver(client, "hello", "How are you?").code == 250)
            rspamd.stop()
            for number in 0..<5 {
                let reply = try Self.deliver(client, "away \(number)", "Hello")
                #expect(reply.description.hasPrefix("451 4.7.1 The content of this message cannot be scanned now"))
            }
            #expect(sink.messages.count == 1)
            #expect(try Self.scans(gateway, "failed") == "3")
            #expect(try Self.scans(gateway, "away") == "2")
        }
    }
}
