import TestKit
import WeirAdmin
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirRuntime

extension MetricsCoverageTests {
    /// Notices and complaints with every end that they may have.
    static func telling() async throws -> String {
        let relay = try Sink { event in
            guard case .command(let line) = event, line == "RCPT TO:<desk@isp.example>" else { return nil }
            return .reply("550 5.1.1 Nobody")
        }
        let home = try NoticeTests.home(
            relay: relay, hooks: [(Hook(["500"]), "warned, flagged, suspended, released, machine_stopped")])
        var page = ""
        try await Gate.run(home) { gate in
            try await NoticeTests.addBob(gate)
            let herald = gate.daemon.server.gateway.herald
            for kind in EventKind.allCases where kind != .warned {
                for _ in 0..<3 {
                    let at = gate.daemon.server.runtime.wall
                    let event = AccountEvent(
                        kind, of: NoticeTests.bob, at: at, random: gate.daemon.server.runtime.random())
                    herald.tell(herald.notices(of: event))
                }
            }
            let message = try ComplaintTests.sent(gate, from: "127.0.0.5")
            for _ in 0..<9 { _ = try ComplaintTests.sent(gate, from: "127.0.0.5") }
            for report in [message, message, "x"] {
                _ = try ComplaintTests.post(gate, ComplaintTests.report(report))
            }
            _ = try ComplaintTests.post(gate, ComplaintTests.report(message, by: "another.example"))
            // Of a message that nobody knows.
            let hash = message.split(separator: "\r\n").first { $0.hasPrefix("X-Weir-Account:") } ?? ""
            for reporter in ["third.example", "fourth.example"] {
                _ = try ComplaintTests.post(gate, ComplaintTests.report("\(hash)\r\n\r\nx", by: reporter))
            }
            _ = try ComplaintTests.post(gate, "x")
            let wanted = [
                "{channel=\"mail\",kind=\"suspended\",result=\"sent\"}",
                "{channel=\"mail\",kind=\"released\",result=\"refused\"}",
                "{channel=\"webhook\",kind=\"suspended\",result=\"retried\"}",
            ]
            _ = try eventually {
                page = try self.page(of: gate)
                return wanted.allSatisfy { !page.contains("weir_notifications_total\($0) 0\n") }
            }
        }
        return page
    }
}
