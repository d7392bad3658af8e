import TestKit
import Testing
import WeirAdmin
import WeirRuntime

@Suite("A login towards a relay") struct RelayLoginTests {
    private static let user = "Z2F0ZTE="
    private static let secret = "c2VjcmV0"

    /// A relay that wants AUTH before MAIL, by the mechanisms that it offers.
    private static func relay(_ mechanisms: String) throws -> Sink {
        try Sink(offers: mechanisms.isEmpty ? [] : ["AUTH \(mechanisms)"]) { event in
            guard case .command(let line) = event else { return nil }
            switch line {
            case "AUTH PLAIN AGdhdGUxAHNlY3JldA==": return .reply("235 2.7.0 Welcome")
            case "AUTH LOGIN": return .reply("334 VXNlcm5hbWU6")
            case user: return .reply("334 UGFzc3dvcmQ6")
            case secret: return .reply("235 2.7.0 Welcome")
            default: return line.hasPrefix("AUTH") ? .reply("535 5.7.8 No") : nil
            }
        }
    }

    private static func home(_ relay: Sink, password: String = "secret") throws -> Gate.Home {
        let home = try Gate.Home(relay: relay)
        try home.folder.write(password + "\n", to: "relay.secret")
        try home.write(settings: [
            "relays: [{ name: relay, address: \"127.0.0.1:\(relay.port)\", tls: none, login: gate1, "
                + "password_file: relay.secret }]"
        ])
        return home
    }

    @Test(
        "goes by PLAIN where the relay offers it, else by LOGIN",
        arguments: [
            ("PLAIN LOGIN", ["AUTH PLAIN AGdhdGUxAHNlY3JldA=="]),
            ("CRAM-MD5 PLAIN", ["AUTH PLAIN AGdhdGUxAHNlY3JldA=="]),
            ("LOGIN", ["AUTH LOGIN", user, secret]), ("NTLM login", ["AUTH LOGIN", user, secret]),
        ])
    func mechanisms(offered: String, lines: [String]) async throws {
        let relay = try RelayLoginTests.relay(offered)
        try await Gate.run(try RelayLoginTests.home(relay)) { (gate) async throws in
            #expect(try gate.client().message(to: ["a@example.com"], body).delivered == 1)
            #expect(Array(relay.commands.drop { !$0.hasPrefix("EHLO") }.dropFirst().prefix(lines.count)) == lines)
        }
    }

    @Test(
        "that is not possible defers all mail, and status and log say why",
        arguments: [
            ("", "secret", "neither AUTH PLAIN nor AUTH LOGIN is offered, and login: is set for the relay"),
            ("CRAM-MD5", "secret", "neither AUTH PLAIN nor AUTH LOGIN is offered, and login: is set for the relay"),
            ("LOGIN", "wrong", "502 5.5.1 Unknown command"), ("PLAIN", "wrong", "535 5.7.8 No"),
        ])
    func impossible(offered: String, password: String, reason: String) async throws {
        let relay = try RelayLoginTests.relay(offered)
        try await Gate.run(try RelayLoginTests.home(relay, password: password)) { gate in
            let answers = try gate.client().message(to: ["a@example.com"], body)
            #expect(answers.recipients.map(\.code) == [451])
            #expect(relay.commands.allSatisfy { !$0.hasPrefix("MAIL") })
            let status = try await gate.administration.status()
            #expect(status.relays.map(\.trouble) == ["login: \(reason)"])
            #expect(gate.log.lines.contains { $0.contains("\"relay down\"") && $0.contains(reason) })
            #expect(gate.log.lines.allSatisfy { !$0.contains("secret") && !$0.contains(RelayLoginTests.secret) })
        }
    }
}
