import TestKit
import Testing
import WeirAdmin
import WeirConfiguration
import WeirGateway

@Suite("A scanner's reply") struct ScannerReplyTests {
    private static let usual =
        #"{"is_skipped":false,"score":9.0,"required_score":15.0,"action":"add header","thresholds":{"reject":15},"#
        + #""symbols":{"A":{"name":"A","options":["x","\"]}\\"],"score":1e-2}},"messages":{},"time_real":0.58}"#

    private static func read(_ text: String) -> ScannerReply? { ScannerReply(Array(text.utf8)) }

    @Test(
        "is an action and a score on one scale, whatever the scanner's own",
        arguments: [
            ("no action", "-3", "15", ScannerReply.Action.pass, -3), ("no action", "5", "10", .pass, 7.5),
            ("add header", "9", "15", .mark, 9), ("rewrite subject", "1", "15", .mark, 6),
            ("greylist", "4.5", "15", .defer, 4.5), ("soft reject", "4", "15", .defer, 4),
            ("reject", "40", "20", .reject, 30), ("reject", "0", "15", .reject, 15),
            ("discard", "1", "15", .reject, 15),
            ("of ours", "1e3", "15", .pass, 100), ("no action", "2", "null", .pass, 2),
            ("no action", "2", "0", .pass, 2),
        ])
    func actions(action: String, score: String, required: String, expected: ScannerReply.Action, scaled: Double) {
        let reply = Self.read("{\"action\": \"\(action)\", \"score\":\(score),\n\"required_score\" : \(required) }")
        #expect(reply?.action == expected)
        #expect(reply?.score == scaled)
    }

    @Test("is whole, or it is none")
    func torn() {
        let octets = Array(Self.usual.utf8)
        #expect(ScannerReply(octets)?.action == .mark)
        for end in octets.indices { #expect(ScannerReply(Array(octets[..<end])) == nil, "\(end)") }
        #expect(ScannerReply(octets + Array("{}".utf8)) == nil)
    }

    @Test("that is something else is none, however deep, and never a trap")
    func garbage() {
        let deep = String(repeating: "[", count: 100_000)
        for text in [
            "", " ", "[]", "null", "{}", "{\"action\":1,\"score\":1}", "{\"action\":\"reject\"}", "{\"score\":1}",
            "{\"action\":\"reject\",\"score\":\"1\"}", "{\"action\":\"reject\",\"score\":nan}",
            "{\"action\":\"reject\",\"score\":1e999}", "{\"action\":\"reject\",\"score\":-}", "{\"a\":\(deep)",
            "{\"error\":\"task timeout\"}", "{\"a\":\"\\",
        ] { #expect(Self.read(text) == nil, "\(text.prefix(60))") }
        var random = Seeded(1)
        let octets = Array(Self.usual.utf8)
        for _ in 0..<2_000 {
            var changed = octets
            for _ in 0..<3 {
                changed[Int(random.next() % UInt64(changed.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = ScannerReply(changed)
        }
    }
}

@Suite("A scanner's password") struct ScannerPasswordTests {
    private static func settings(_ scanner: ScannerStub, _ file: String) -> [String] {
        ["scanner: { url: \"http://127.0.0.1:\(scanner.port)\", deadline: 30s, password_file: \(file) }"]
    }

    @Test("goes with every message, and a reload reads it again; one that is none is refused, and the former stays")
    func reload() async throws {
        let scanner = try ScannerStub { _ in .verdict("no action", 0) }
        let home = try Gate.Home()
        let file = home.folder.file("scanner.password")
        try home.folder.write("first secret\n", to: "scanner.password")
        try home.write(settings: Self.settings(scanner, file))
        try await Gate.run(home) { gate in
            let client = try gate.client()
            func ask() throws -> String? {
                #expect(try client.message(to: ["a@example.com"], body).delivered == 1)
                return scanner.passwords.last ?? nil
            }
            #expect(try ask() == "first secret")
            try home.folder.write("second\n", to: "scanner.password")
            #expect(try ask() == "first secret")
            _ = try await gate.administration.reload(by: gate.actor)
            #expect(try ask() == "second")
            for (text, reason) in [("\n", "no password in it"), ("third\nX-Forged: yes\n", "more than one line")] {
                try home.folder.write(text, to: "scanner.password")
                let error = await #expect(throws: AdminError.self) {
                    try await gate.administration.reload(by: gate.actor)
                }
                let details = error?.errors.map(\.detail) ?? []
                #expect(details.contains { $0.contains("\(file): \(reason)") }, "\(details)")
                #expect(try ask() == "second")
            }
        }
    }

    @Test("is none where no file is named")
    func none() async throws {
        let scanner = try ScannerStub { _ in .verdict("no action", 0) }
        let home = try Gate.Home(settings: ["scanner: { url: \"http://127.0.0.1:\(scanner.port)\", deadline: 30s }"])
        try await Gate.run(home) { gate in
            let answers = try gate.client().message(to: ["a@example.com"], body)
            #expect(answers.delivered == 1)
        }
        let asked: [String] = scanner.passwords.map { $0 ?? "none" }
        #expect(asked == ["none"])
    }
}

@Suite("What is kept for the scanner") struct ScanCopyTests {
    private static let written = Array("Received: x\r\n\r\n..\r\n...a\r\nb.c\r\n..d\r\n".utf8)
    private static let message = Array("Received: x\r\n\r\n.\r\n..a\r\nb.c\r\n.d\r\n".utf8)

    private static func copy(_ pieces: [ArraySlice<UInt8>], max: Int = 1000, budget: ScanBudget = ScanBudget())
        -> [UInt8]
    {
        let copy = ScanCopy(octetsMax: max, budget: budget)
        for piece in pieces { copy.take(piece) }
        return copy.octets
    }

    @Test("is the message, wherever it is torn")
    func torn() {
        for first in Self.written.indices {
            for second in first..<Self.written.count {
                let pieces = [Self.written[..<first], Self.written[first..<second], Self.written[second...]]
                #expect(Self.copy(pieces) == Self.message, "\(first), \(second)")
            }
        }
    }

    @Test("ends at its size, and not one octet later")
    func size() {
        for max in 1...Self.message.count + 1 {
            #expect(Self.copy([Self.written[..<5], Self.written[5...]], max: max) == Array(Self.message.prefix(max)))
        }
    }

    @Test("is cut where the memory for all messages ends, has no gap, and gives back what it took")
    func budget() {
        let budget = ScanBudget()
        #expect(budget.take(ScanBudget.octetsMax - ScanBudget.step))
        let long = [UInt8](repeating: 0x78, count: ScanBudget.step + 10)
        do {
            let first = ScanCopy(octetsMax: 1_000_000, budget: budget)
            first.take(long[...])
            #expect(first.octets.isEmpty)
            let second = ScanCopy(octetsMax: 1_000_000, budget: budget)
            second.take(long[..<100])
            second.take(long[...])
            #expect(second.octets.count == ScanBudget.step)
            budget.giveBack(ScanBudget.octetsMax - ScanBudget.step)
            second.take(long[...])
            #expect(second.octets.count == ScanBudget.step, "what follows would not follow")
        }
        #expect(budget.take(ScanBudget.octetsMax))
    }
}
