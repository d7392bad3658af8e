import Foundation
import TestKit
import Testing

extension Scenarios {
    @Suite("Notices")
    struct Notices {
        /// What Python's mail library makes of a message.
        private static let reader = """
            import email, email.policy, json, sys
            message = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
            print(json.dumps({"from": str(message["from"]), "to": str(message["to"]), "subject": str(message["subject"]),
                "auto": str(message["auto-submitted"]), "path": str(message["return-path"]),
                "date": message["date"].datetime.year, "id": str(message["message-id"]),
                "defects": [str(one) for one in message.defects], "text": message.get_content()}))
            """

        @Test("of a suspension arrives in a real mailbox, and reads as its template says")
        func arrives() throws {
            let relay = try Postfix()
            let gateway = try RunningGateway(.notices(relay: relay.port))
            let login = "anna@isp.example"
            #expect(try gateway.weir("account", "set", login, "--mail", "anna@home.example").status == 0)
            #expect(try gateway.weir("account", "suspend", login, "--why", "gestohlenes Paßwort").status == 0)
            let found = relay.delivered(with: "evt_", count: 2)
            try #require(found.count == 2, "\(relay.log.suffix(2_000))")
            var readers: Set<String> = []
            for message in found {
                let file = gateway.folder.file("message-\(UUID().uuidString)")
                try Data(message).write(to: URL(fileURLWithPath: file))
                let outcome = try Program.run("python3", ["-c", Self.reader, file])
                #expect(outcome.status == 0, "\(outcome.errors)")
                let json = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any] ?? [:]
                let to = json["to"] as? String ?? ""
                readers.insert(to)
                #expect(json["from"] as? String == "Größter ISP <postmaster@isp.example>")
                #expect(json["auto"] as? String == "auto-generated")
                #expect(json["path"] as? String == "<>")
                #expect((json["defects"] as? [String])?.isEmpty == true)
                let text = (json["text"] as? String ?? "").replacing("\r\n", with: "\n")
                if to.contains("desk") {
                    #expect(json["subject"] as? String == "anna@isp.example ist gesperrt")
                    #expect(text.contains("Grund: gestohlenes Paßwort\n"))
                } else {
                    let subject = String(repeating: "Größe ", count: 20) + login
                    #expect(json["subject"] as? String == subject)
                    #expect(text == ".Ein Punkt.\n..Zwei Punkte.\n")
                }
            }
            #expect(readers == ["anna@home.example", "desk@isp.example"])
        }

        @Test("by webhook go over TLS to whom the authority vouches for, and to nobody else")
        func securely() throws {
            let folder = try TemporaryFolder()
            let authority = try Authority(folder)
            let flaws = [Authority.Flaw.none, .otherName, .expired, .foreign]
            let hooks = try flaws.map { try Hook(tls: try authority.issue($0)) }
            let sink = try Sink()
            let login = "anna@isp.example"
            var setup = RunningGateway.Setup(relays: [.init(sink.port)], accounts: [.init(login: login)])
            setup.settings = ["webhooks:"]
            for (index, hook) in hooks.enumerated() {
                setup.files["hook\(index).secret"] = hook.secret + "\n"
                setup.settings.append(
                    "  - { url: \"\(hook.url)\", secret_file: hook\(index).secret, ca: \(authority.file) }")
            }
            let gateway = try RunningGateway(setup)
            #expect(try gateway.weir("account", "suspend", login, "--why", "test").status == 0)
            #expect(eventually { hooks[0].calls.count == 1 })
            #expect(hooks[0].calls.first?.isSigned == true)
            func delayed() -> [Substring] {
                gateway.log.split(separator: "\n").filter { $0.contains("notice delayed") }
            }
            func hooksDelayed() -> Set<Substring> {
                Set(delayed().compactMap { $0.firstMatch(of: /"to":"[^"]*"/)?.output })
            }
            #expect(eventually { hooksDelayed().count == 3 }, "\(delayed())")
            #expect(delayed().allSatisfy { $0.contains("certificate") || $0.contains("hostname") }, "\(delayed())")
            let told = hooks.dropFirst().flatMap(\.calls)
            #expect(told.isEmpty, "\(gateway.log)")
        }
    }
}

extension RunningGateway.Setup {
    /// Templates of a folder beside the configuration, one of them hard to say in a header.
    fileprivate static func notices(relay: UInt16) -> Self {
        var setup = Self(
            relays: [.init(relay)],
            accounts: [.init(login: "anna@isp.example", password: "correct horse battery staple")])
        let desk = "Subject: {account} ist gesperrt\n\nGrund: {reason}\nEreignis: {id}\n"
        let subject = String(repeating: "Größe ", count: 20)
        let subscriber = "Subject: \(subject){account}\n\n.Ein Punkt.\n..Zwei Punkte.\n"
        setup.files = ["notices/suspended-desk.txt": desk, "notices/suspended-subscriber.txt": subscriber]
        setup.settings = [
            "notices: { directory: notices, from: \"Größter ISP <postmaster@isp.example>\", desk: desk@isp.example }"
        ]
        return setup
    }
}
