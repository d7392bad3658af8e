import Foundation
import TestKit
import Testing
import WeirAdmin
import WeirBase
import WeirGateway

@Suite("Notices") struct NoticeTests {
    static let bob = "bob@isp.example"

    /// A home with the shipped templates, and hooks with their secrets.
    static func home(relay: Sink? = nil, hooks: [(Hook, events: String)] = [], settings: [String] = []) throws
        -> Gate.Home
    {
        let home = try Gate.Home(relay: relay, limits: "10 recipients per hour")
        try home.folder.write(
            "plan: home\nlimits: [10 recipients per hour]\nwarn_at: [80%, 100%]\n", to: "policies/home.yaml")
        try FileManager.default.copyItem(atPath: shippedNotices, toPath: home.folder.file("notices"))
        var webhooks: [String] = []
        for (index, (hook, events)) in hooks.enumerated() {
            try home.folder.write(hook.secret + "\n" + Hook.newSecret + "\n", to: "hook\(index).secret")
            webhooks.append("{ url: \"\(hook.url)\", secret_file: hook\(index).secret, events: [\(events)] }")
        }
        let notices =
            "notices: { directory: notices, from: \"Größter ISP <postmaster@isp.example>\", "
            + "desk: desk@isp.example, per_account: 2 per day }"
        let list = webhooks.isEmpty ? [] : ["webhooks: [\(webhooks.joined(separator: ", "))]"]
        try home.write(settings: [notices] + list + settings)
        return home
    }

    static func addBob(_ gate: Gate) async throws {
        let definition = AccountDefinition(plan: "home", networks: ["127.0.0.5/32"], mail: "bob@home.example")
        _ = try await gate.administration.add(bob, definition, by: gate.actor)
    }

    private static func notices(_ relay: Sink, to recipient: String) -> [Sink.Message] {
        relay.messages.filter { $0.recipients == [recipient] && $0.sender.isEmpty }
    }

    @Test("of a suspension and its end go to owner and desk, from nobody, and count against nobody")
    func suspension() async throws {
        let home = try NoticeTests.home()
        try await Gate.run(home) { gate in
            try await NoticeTests.addBob(gate)
            let administration = gate.administration
            _ = try await administration.suspend(NoticeTests.bob, why: "stolen\r\nBcc: eve@x.example", by: gate.actor)
            #expect(eventually { NoticeTests.notices(home.relay, to: "bob@home.example").count == 1 })
            #expect(eventually { NoticeTests.notices(home.relay, to: "desk@isp.example").count == 1 })
            let text = try #require(NoticeTests.notices(home.relay, to: "bob@home.example").first).text
            #expect(text.contains("\r\nAuto-Submitted: auto-generated\r\n"))
            #expect(text.contains("\r\nSubject: Your account can send no mail at present\r\n"))
            #expect(text.hasPrefix("From: =?UTF-8?B?"))
            #expect(text.contains("your account bob@isp.example, because"))
            let desk = try #require(NoticeTests.notices(home.relay, to: "desk@isp.example").first).text
            #expect(desk.contains("Because: stolen  Bcc: eve@x.example"))
            #expect(!desk.contains("\r\nBcc:"))
            _ = try await administration.release(NoticeTests.bob, why: "cleaned", by: gate.actor)
            #expect(eventually { NoticeTests.notices(home.relay, to: "bob@home.example").count == 2 })
            _ = try await administration.release(NoticeTests.bob, why: "again", by: gate.actor)
            #expect(try await gate.used(by: NoticeTests.bob) == 0)
            let page = try gate.curl("/metrics").body
            #expect(page.contains("weir_notifications_total{channel=\"mail\",kind=\"suspended\",result=\"sent\"} 2"))
        }
        #expect(NoticeTests.notices(home.relay, to: "bob@home.example").count == 2)
    }

    @Test("warn once at each mark of a limit")
    func warnings() async throws {
        let home = try NoticeTests.home()
        try await Gate.run(home) { gate in
            try await NoticeTests.addBob(gate)
            let client = try gate.client(from: "127.0.0.5")
            for _ in 0..<10 { _ = try client.message(to: ["someone@elsewhere.example"], body) }
            #expect(eventually { NoticeTests.notices(home.relay, to: "bob@home.example").count == 2 })
            let subjects = NoticeTests.notices(home.relay, to: "bob@home.example").map(\.text)
            #expect(subjects.contains { $0.contains("Subject: You have used 80% of this hour's mail") })
            #expect(subjects.contains { $0.contains("has used all of its 10 recipients per hour.") })
        }
        #expect(NoticeTests.notices(home.relay, to: "bob@home.example").count == 2)
    }

    @Test("that no relay has taken are sent after a restart")
    func restart() async throws {
        let away = try Sink { event in
            guard case .command(let line) = event, line == "MAIL FROM:<>" else { return nil }
            return .reply("451 4.3.0 Later")
        }
        let home = try NoticeTests.home(relay: away)
        try await Gate.run(home) { gate in
            try await NoticeTests.addBob(gate)
            _ = try await gate.administration.suspend(NoticeTests.bob, why: "stolen", by: gate.actor)
            #expect(eventually { away.commands.filter { $0 == "MAIL FROM:<>" }.count >= 2 })
        }
        #expect(away.messages.isEmpty)
        let relay = try Sink()
        let relays = "relays: [{ name: relay, address: \"127.0.0.1:\(relay.port)\", tls: none }]"
        let yaml = try String(contentsOfFile: home.path, encoding: .utf8)
        let lines = yaml.split(separator: "\n").map { $0.hasPrefix("relays:") ? relays : String($0) }
        try home.folder.write(lines.joined(separator: "\n") + "\n", to: "weir.yaml")
        try await Gate.run(home) { _ in
            #expect(eventually { NoticeTests.notices(relay, to: "bob@home.example").count == 1 })
        }
        try await Gate.run(home) { _ in }
        #expect(relay.messages.count == 2, "one to the owner, one to the desk, and none twice")
    }

    @Test("by webhook are signed as Python's hmac has it, and come again with the same id")
    func webhooks() async throws {
        let (flaky, hanging, gone) = (try Hook(["500", "200"]), try Hook(["hang"]), try Hook(["410"]))
        let home = try NoticeTests.home(
            hooks: [(flaky, "suspended, released"), (hanging, "suspended"), (gone, "suspended, released")])
        try await Gate.run(home) { gate in
            try await NoticeTests.addBob(gate)
            _ = try await gate.administration.suspend(NoticeTests.bob, why: "a \"word\"\u{7}", by: gate.actor)
            // The one that hangs delays neither mail, nor the others, nor the end.
            #expect(eventually { NoticeTests.notices(home.relay, to: "bob@home.example").count == 1 })
            #expect(eventually { hanging.calls.count == 1 })
            #expect(eventually(within: 20) { flaky.calls.count == 2 })
            let calls = flaky.calls
            #expect(calls.allSatisfy { $0.isSigned && $0.signatures == 2 })
            #expect(Set(calls.map(\.id)).count == 1)
            #expect(Set(calls.map(\.body)).count == 1)
            let json = try JSONSerialization.jsonObject(with: Data(calls[0].body.utf8)) as? [String: Any]
            #expect(json?["type"] as? String == "account.suspended")
            #expect((json?["timestamp"] as? String).flatMap { WallTime(text: $0) } != nil)
            let data = json?["data"] as? [String: Any]
            #expect(data?["account"] as? String == NoticeTests.bob)
            #expect(data?["reason"] as? String == "a \"word\"\u{7}")
            #expect(data?["by"] as? String == "tests")
            _ = try await gate.administration.release(NoticeTests.bob, why: "x", by: gate.actor)
            #expect(eventually { flaky.calls.count == 3 })
            #expect(gone.calls.count == 1)
            let alarm = "Webhook \(gone.url) answered 410: it is told nothing more until weir reload."
            #expect(try await gate.administration.status().alarms == [alarm])
            #expect(try await gate.administration.reload(by: gate.actor).changes == [])
            #expect(try await gate.administration.status().alarms == [])
        }
    }

    @Test("are told to the minute in which it happened, and not the next")
    func minute() {
        let event = WallTime(nanoseconds: 1_795_386_159 * .second)
        #expect(LocalCalendar.text(of: event).contains(":22 "), "22:22:39, in any zone of whole hours and half ones")
    }

    @Test("change with a reload, which names the templates; check names one that no plan sends")
    func templates() async throws {
        let home = try NoticeTests.home()
        try await Gate.run(home) { gate in
            try home.folder.write("Subject: x\n\nAnother text\n", to: "notices/flagged-desk.txt")
            try home.folder.write("Subject: x\n\nNear\n", to: "notices/warned-day-90-desk.txt")
            try FileManager.default.removeItem(atPath: home.folder.file("notices/released-desk.txt"))
            #expect(
                try await gate.administration.reload(by: gate.actor).changes == [
                    "template flagged-desk changed", "template warned-day-90-desk added",
                    "template released-desk removed",
                ])
        }
        let outcome = try Program.run(weir, ["check", "--config", home.path])
        #expect(outcome.status == 0)
        let warnings = outcome.errors.split(separator: "\n").filter { $0.contains(".txt is never sent") }
        #expect(warnings.count == 1, "\(outcome.errors)")
        let warning = "warned-day-90-desk.txt is never sent: no plan warns at 90%: plans warn at 80%, 100% (warning)"
        #expect(warnings.first?.hasSuffix(warning) == true, "\(warnings)")
    }

    @Test("need templates and secrets that can be used")
    func check() throws {
        let home = try NoticeTests.home(hooks: [(Hook(), "suspended")])
        try home.folder.write("Subject: x\n\nHello {acount}\n", to: "notices/flagged-desk.txt")
        try home.folder.write("secret\n", to: "hook0.secret")
        let outcome = try Program.run(weir, ["check", "--config", home.path])
        #expect(outcome.status == 78)
        let said = outcome.errors + outcome.output
        #expect(said.contains("flagged-desk.txt:3:7: \"acount\" is no fact of this notice"))
        #expect(said.contains("hook0.secret: no secret in it: secret_file: holds whsec_"))
    }
}
