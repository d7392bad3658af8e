import Foundation
import Glibc
import TestKit
import Testing

@Suite("weir demo")
struct DemoTests {
    /// What is in a folder that a demonstration was told to use.
    private static func remains(_ folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("weir-demo") }
    }

    @Test("shows limits and a suspension in plain lines, counts what the relay took, and leaves nothing behind")
    func showsEverything() throws {
        let folder = try TemporaryFolder()
        let run = try Program.run(
            weir, ["demo", "--for", isSanitized ? "20s" : "3s"], environment: ["TMPDIR": folder.path])
        #expect(run.status == 0, "\(run.errors)")
        for words in [
            "452 4.5.3 Too many recipients: this plan takes 100 per message. Send the rest in another message. [",
            "450 4.7.1 Limit reached: 25 of 25 recipients per hour used; room again at ", "flagged by the detector",
            "suspended by the detector", "new recipients do not exist", "refused for what",
            "550 5.7.1 Sending is suspended for this account. Write to abuse@demo.example. [", ", the same,",
        ] {
            #expect(run.output.contains(words), "\(run.output)")
        }
        #expect(!run.output.contains("\u{1B}"), "no terminal, no control codes")
        #expect(run.errors.isEmpty)
        #expect(try Self.remains(folder) == [])
    }

    @Test("ends in order when it is interrupted, and leaves nothing behind", arguments: [SIGINT, SIGTERM, SIGHUP])
    func interrupted(signal: Int32) throws {
        let folder = try TemporaryFolder()
        let output = folder.file("out")
        let demo = try Program(weir, ["demo"], output: output, environment: ["TMPDIR": folder.path])
        try #require(eventually(within: 30) { text(of: output).contains("250 2.0.0 Taken") }, "\(text(of: output))")
        demo.signal(signal)
        #expect(demo.wait(seconds: 20) == .exited(0))
        #expect(text(of: output).contains("What to try next"))
        #expect(try Self.remains(folder) == [])
    }

    @Test("lets the command line administer it while it runs")
    func administered() throws {
        let folder = try TemporaryFolder()
        let output = folder.file("out")
        let demo = try Program(weir, ["demo"], output: output, environment: ["TMPDIR": folder.path])
        defer { demo.stop() }
        try #require(eventually(within: 30) { text(of: output).contains("250 2.0.0 Taken") }, "\(text(of: output))")
        let hint = try #require(text(of: output).firstMatch(of: /WEIR_SOCKET=(\S+)/))
        let account = try Program.run(
            weir, ["account", "show", "news@shop.example"], environment: ["WEIR_SOCKET": String(hint.1)])
        #expect(account.status == 0, "\(account.errors)")
        #expect(account.output.contains("450 recipients per hour"))
    }

    @Test("says where no temporary folder can be made")
    func noFolder() throws {
        let run = try Program.run(weir, ["demo", "--for=1s"], environment: ["TMPDIR": "/nonexistent"])
        #expect(run.status == 75)
        #expect(run.errors.contains("no temporary folder can be made; TMPDIR names another place"), "\(run.errors)")
    }

    @Test(
        "takes no duration without its unit, and none of nothing",
        arguments: ["30", "0s", "s", "-1s", "1y", "99999999h"])
    func durations(text: String) throws {
        let run = try Program.run(weir, ["demo", "--for=\(text)"])
        #expect(run.status == 64)
        #expect(run.errors.contains("write 30s, 2m or 1h"))
    }
}
