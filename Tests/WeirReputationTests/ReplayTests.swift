import Foundation
import TestKit
import Testing

@Suite("A replay") struct ReplayTests {
    private static let accounts = #"{"bob": {"plan": "consumer", "ident": "user", "day0": -9}}"#

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A message to two people, with members in the place of others.
    private static func event(
        _ number: Int, at time: Int? = nil, kind: String = "msg", account: String = "bob", ip: String = "192.0.2.1",
        replies: String = #""250","250""#
    ) -> String {
        #"{"n":\#(number),"t":\#(time ?? number),"k":"\#(kind)","a":"\#(account)","ip":"\#(ip)","rc":["x","y"],"#
            + #""f":{"sc":0},"up":{"r":[\#(replies)],"d":"250"}}"#
    }

    private func replay(_ trace: String, accounts: String = accounts, to output: String = "out", _ options: String...)
        throws -> Program.Outcome
    {
        try Program.run(
            weir,
            [
                "detector", "replay", folder.write(trace, to: "trace"), "--accounts",
                folder.write(accounts, to: "accounts"), "--decisions", folder.file(output),
            ] + options)
    }

    private func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.file(name)) }

    @Test("refuses to write over what it reads, and leaves it as it was", arguments: ["trace", "accounts", "link"])
    func over(_ output: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: folder.file("trace"))
        let trace = Self.event(1) + "\n"
        let outcome = try replay(trace, to: output)
        #expect(outcome.status == 65 && outcome.errors.contains("--decisions names another file"), "\(outcome)")
        #expect(try String(contentsOfFile: folder.file("trace"), encoding: .utf8) == trace)
        #expect(try String(contentsOfFile: folder.file("accounts"), encoding: .utf8) == Self.accounts)
    }

    @Test("refuses to read what it would write beside its file until that is whole")
    func partial() throws {
        let trace = try folder.write(Self.event(1), to: "out.partial")
        let outcome = try Program.run(
            weir,
            [
                "detector", "replay", trace, "--accounts", folder.write(Self.accounts, to: "accounts"), "--decisions",
                folder.file("out"),
            ])
        #expect(outcome.status == 65 && outcome.errors.contains("--decisions names another file"), "\(outcome)")
        #expect(try String(contentsOfFile: trace, encoding: .utf8) == Self.event(1) && !isThere("out"))
    }

    @Test("writes its file when it is whole, and passes over accounts that it does not know, counting them")
    func whole() throws {
        let fine = try replay([Self.event(1), Self.event(2, account: "eve"), Self.event(3)].joined(separator: "\n"))
        #expect(fine.status == 0, "\(fine)")
        #expect(fine.errors.contains("2 events of 1 accounts"))
        #expect(fine.errors.contains("of accounts that \(folder.file("accounts")) does not have: 1."))
        #expect(isThere("out") && !isThere("out.partial"))
        try folder.write("kept", to: "out")
        #expect(try replay("nothing").status == 65)
        #expect(try String(contentsOfFile: folder.file("out"), encoding: .utf8) == "kept" && !isThere("out.partial"))
        #expect(try replay(Self.event(1, replies: ""), "--no-replies").status == 0)
    }

    @Test(
        "refuses a line that is no event, or cannot follow, by its number",
        arguments: [
            (event(2, at: 0), "trace:2: an event from before the last one"),
            (event(2, kind: "zap"), ": k is neither msg nor auth"), (event(2, ip: "999.1.1.1"), ": ip is no address"),
            (event(2, replies: #""250""#), "trace:2: the number of replies is 1, that of recipients 2"),
        ])
    func refused(line: String, reason: String) throws {
        let outcome = try replay(Self.event(1) + "\n" + line + "\n")
        #expect(outcome.status == 65 && outcome.errors.contains("trace:2:"), "\(outcome)")
        #expect(outcome.errors.contains(reason), "\(outcome)")
        #expect(!isThere("out"))
    }

    @Test("takes no options that contradict each other, or that all want standard input")
    func contradictions() throws {
        let once = "standard input is one file; name the others by their paths\n"
        for (arguments, reason) in [
            (["-", "--accounts", "-"], once), (["-", "--accounts", "x", "--hash-key", "-"], once),
            (["x", "--accounts", "-", "--hash-key", "-"], once),
            (["x", "--accounts", "x", "--rule", "ten-labels", "--restart-every", "9"], "leave --restart-every out\n"),
        ] {
            let outcome = try Program.run(weir, ["detector", "replay"] + arguments + ["--decisions", "-"])
            #expect(outcome.status == 64 && outcome.errors.hasSuffix(reason), "\(outcome)")
        }
    }

    @Test("says where no temporary folder can be made")
    func noFolder() throws {
        let files = [try folder.write(Self.event(1), to: "trace"), try folder.write(Self.accounts, to: "accounts")]
        let outcome = try Program.run(
            weir,
            [
                "detector", "replay", files[0], "--accounts", files[1], "--decisions", "-", "--restart-every", "9",
            ], environment: ["TMPDIR": "/nonexistent"])
        #expect(outcome.status == 75)
        let reason = "/nonexistent: No such file or directory: no temporary folder can be made"
        #expect(outcome.errors.hasPrefix("weir: \(reason)") && outcome.output == "")
    }

    @Test("says what is wrong with the accounts, and with a key")
    func files() throws {
        for (text, reason) in [
            ("[", "it is not JSON"), ("[]", "it has the wrong form"), (#"{"bob": 3}"#, "bob has the wrong form"),
            (#"{"bob": {"plan": "consumer", "ident": "ip"}}"#, #"bob has no "day0""#),
            (#"{"bob": {"plan": "gold", "ident": "ip", "day0": 1}}"#, #"account bob: there is no plan "gold""#),
            (#"{"bob": {"plan": "bulk", "ident": "x", "day0": 1}}"#, "account bob: ident is user or ip"),
        ] {
            let outcome = try replay(Self.event(1), accounts: text)
            #expect(outcome.status == 65)
            #expect(outcome.errors == "weir: \(folder.file("accounts")): \(reason).\n")
        }
        let key = try folder.write("", to: "key")
        #expect(
            try replay(Self.event(1), "--hash-key", key).errors == "weir: \(key): a key of 0 octets is too short.\n")
    }
}
