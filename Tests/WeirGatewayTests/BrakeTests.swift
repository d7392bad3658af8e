import TestKit
import Testing
import WeirAdmin
import WeirRuntime

@Suite("The brake of a flagged account") struct BrakeTests {
    @Test("lets ten new people an hour pass, says so to the next, and whom it knows it may write to as ever")
    func brake() async throws {
        let relay = try ConductTests.relay()
        try await Gate.run(try ConductTests.home("flag", relay: relay)) { gate in
            let token = try await ConductTests.ann(gate)
            let client = try gate.session("ann", token)
            #expect(try client.message(to: ["friend@example.com"], body).delivered == 1)
            let last = try ConductTests.spam(gate, token: token).last
            try gate.becomes(.flagged, "ann")
            let people = Set(relay.commands.filter { $0.hasPrefix("RCPT") })
            #expect(people.count == 10, "\(people)")
            let text =
                "4.7.1 This account may write to few new people at present; others as ever. "
                + "Write to abuse@isp.example. ["
            #expect(last?.code == 450 && last?.text.hasPrefix(text) == true, "\(last?.description ?? "nothing")")

            // In the owner's own session too.
            let answers = try client.message(to: ["new@example.com", "friend@example.com", "newer@example.com"], body)
            #expect(answers.recipients.map(\.code) == [450, 250, 450] && answers.dot?.code == 250, "\(answers)")
            #expect(relay.messages.last?.recipients == ["friend@example.com"])
            #expect(try gate.curl("/metrics").body.contains("weir_detector_braked_recipients_total 3\n"))
        }
    }

    @Test("counts in all sessions together before any of their messages ends, and gets back what comes to none")
    func sessions() async throws {
        let relay = try ConductTests.relay()
        try await Gate.run(try ConductTests.home("flag", relay: relay)) { gate in
            let token = try await ConductTests.ann(gate)
            var used = 0
            while used < 10, !gate.log.lines.contains(where: { $0.contains("\"verdict\"") }) {
                let bot = try gate.session("ann", token, from: "127.0.\(used % 3).9", name: "bot\(used % 3).example")
                let people = ["nobody\(used)@example.com", "somebody\(used)@example.com"]
                _ = try bot.message(to: people, "Subject: offer \(used)\r\n\r\nBuy it now, friend.")
                used += people.count
            }
            #expect(used < 10)
            let clients = try (0..<5).map { _ in try gate.session("ann", token) }
            func codes(_ name: String) throws -> [Int] {
                var codes: [Int] = []
                for (number, client) in clients.enumerated() {
                    try client.must("MAIL FROM:<s@client.example>")
                    for person in 0..<10 {
                        codes.append(try client.command("RCPT TO:<\(name)\(number).\(person)@example.com>").code)
                    }
                }
                return codes
            }
            let first = try codes("new").count { $0 == 250 }
            for client in clients { try client.must("RSET") }
            let second = try codes("newer").count { $0 == 250 }
            #expect(first == 10 - used && second == 10 - used, "\(used)")
        }
    }

    @Test("is not used up by recipients that a limit refuses")
    func limit() async throws {
        let home = try ConductTests.home("flag", relay: try ConductTests.relay())
        try home.folder.write(
            "plan: home\nlimits: [3 recipients per message]\ndetector: flag\n", to: "policies/home.yaml")
        try await Gate.run(home) { gate in
            let token = try await ConductTests.ann(gate)
            let client = try gate.session("ann", token)
            #expect(try client.message(to: ["friend@example.com"], body).delivered == 1)
            for number in 0..<2 {
                let people = (0..<3).map { "nobody\(number).\($0)@example.com" }
                #expect(try client.message(to: people, body).delivered == 0)
                try client.must("RSET")
            }
            try gate.becomes(.flagged, "ann")
            try client.must("MAIL FROM:<s@client.example>")
            for _ in 0..<3 { try client.must("RCPT TO:<friend@example.com>") }
            for number in 0..<12 {
                let answer = try client.command("RCPT TO:<new\(number)@example.com>")
                #expect(answer.code == 452 && answer.text.hasPrefix("4.5.3 Too many recipients"), "\(answer)")
            }
        }
    }

    @Test("ends with the evidence that it rests on where that is damaged, and the audit says so")
    func damaged() async throws {
        let home = try ConductTests.home("flag", relay: try ConductTests.relay())
        var token = ""
        try await Gate.run(home) { gate in
            token = try await ConductTests.ann(gate)
            _ = try ConductTests.spam(gate, token: token)
            try gate.becomes(.flagged, "ann")
        }
        try MetricsCoverageTests.damage(home)
        try await Gate.run(home) { gate in
            let client = try gate.session("ann", token)
            #expect(try client.message(to: ["friend@example.com"], body).delivered == 1)
            let isTold = try eventually {
                try gate.curl("/v1/accounts/ann/history").body.contains("its evidence was damaged, and begins anew")
            }
            #expect(isTold)
            #expect(try await gate.administration.account("ann").state == .normal)
        }
    }
}
