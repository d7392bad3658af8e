import Foundation
import TestKit
import Testing
import WeirStore

extension Scenarios {
    /// Each ends in one clear message with the place and a way out, and nothing is half done.
    @Suite("Bad input")
    struct BadInput {
        /// One fault in files that are right otherwise.
        struct Fault: Sendable, CustomTestStringConvertible {
            var what: String
            var file = "weir.yaml"
            var replacing: String
            var with: String
            /// What the message says: place, fault, way out.
            var says: [String]
            var testDescription: String { what }
        }

        static let faults = [
            Fault(
                what: "a key that is none", replacing: "contact:", with: "contakt:",
                says: ["weir.yaml:4:1", "contakt", "did you mean \"contact\""]),
            Fault(
                what: "a list that is not closed", replacing: "policies: [policies/*.yaml]",
                with: "policies: [policies",
                says: ["weir.yaml:4:8: did not find expected ',' or ']'", "began in line 3, column 11"]),
            Fault(
                what: "a time without its unit", replacing: "delivery: proxy",
                with: "delivery: proxy\ntimeouts: { command: 5 }", says: ["weir.yaml:", "5"]),
            Fault(
                what: "a delivery that does not exist yet", replacing: "delivery: proxy", with: "delivery: queue",
                says: ["weir.yaml:", "use proxy"]),
            Fault(
                what: "an unknown plan", replacing: "plan: standard", with: "plan: standart",
                says: ["weir.yaml:7:", "unknown plan \"standart\"", "standard"]),
            Fault(
                what: "a limit with a typo", file: "policies/standard.yaml", replacing: "recipients", with: "recipents",
                says: ["policies/standard.yaml:3:", "\"recipents\" is not known", "did you mean \"recipients\""]),
            Fault(
                what: "a certificate without its key", replacing: "key: gateway.key", with: "key: other.key",
                says: ["other.key", "No such file", "private key"]),
            Fault(
                what: "a key that is another's", replacing: "key: gateway.key", with: "key: foreign.key",
                says: ["foreign.key", "private key"]),
            Fault(
                what: "authorities that are none", replacing: "tls: none }\n#",
                with: "tls: required, ca: weir.yaml }\n#",
                says: ["weir.yaml", "ca: of relay"]),
        ]

        private static func prepare() throws -> RunningGateway {
            var setup = RunningGateway.Setup(relays: [.init(Ports.free())])
            setup.settings = ["#"]
            let gateway = try RunningGateway(setup, starts: false)
            try Authority.key(gateway.folder.file("foreign.key"))
            return gateway
        }

        @Test(
            "a wrong file is named with its place and a way out, by check and by serve, and nothing is begun",
            arguments: faults)
        func wrong(_ fault: Fault) throws {
            let gateway = try Self.prepare()
            let before = text(of: gateway.folder.file(fault.file))
            try #require(before.contains(fault.replacing))
            try gateway.folder.write(before.replacingOccurrences(of: fault.replacing, with: fault.with), to: fault.file)
            for verb in ["check", "serve"] {
                let outcome = try gateway.weir(verb)
                #expect(outcome.status == 78, "\(verb): \(outcome)")
                for part in fault.says { #expect(outcome.errors.contains(part), "\(verb): \(outcome.errors)") }
                let lines = outcome.errors.split(separator: "\n").filter { !$0.contains("(warning)") }
                #expect(lines.count <= 2, "\(verb): \(outcome.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: gateway.store), "a store was made")
        }

        @Test("a relay whose name does not resolve is told by check; the daemon runs, and answers 451")
        func unresolvable() throws {
            let relay = RunningGateway.Relay(address: "no-such-relay.invalid:25", tls: "none")
            let gateway = try RunningGateway(.init(relays: [relay]), starts: false)
            let check = try gateway.weir("check")
            #expect(check.status == 78, "\(check)")
            #expect(
                check.errors.contains("weir.yaml:") && check.errors.contains("no-such-relay.invalid"), "\(check.errors)"
            )
            try gateway.start()
            let client = try SMTPClient(port: gateway.subscribers)
            try client.hello()
            let answers = try client.message(to: ["a@target.example"], "\r\nHello")
            #expect(answers.recipients[0].description.hasPrefix("451 4.4.1 "))
        }

        @Test(
            "a bad line of an import is named by its number, and no line is taken",
            arguments: [
                ("anna@isp.example,standard\nbert@isp.example,nonsuch", 3, "nonsuch"),
                ("anna@isp.example,standard\n,standard", 3, "login"),
                ("anna@isp.example,standard\nanna@ISP.example,standard", 3, "anna"),
                ("anna@isp.example,standard\n\"bert", 3, "quote"),
                ("anna@isp.example,standard,extra", 2, "3 fields"),
            ])
        func importing(lines: String, line: Int, says: String) throws {
            let gateway = try RunningGateway(.init(relays: [.init(Ports.free())]), starts: false)
            let file = try gateway.folder.write("login,plan\n\(lines)\n", to: "bad.csv")
            for isRunning in [false, true] {
                if isRunning { try gateway.start() }
                let outcome = try gateway.weir("account", "import", file)
                #expect(outcome.status == 65, "\(outcome)")
                #expect(outcome.errors.contains("line \(line): ") && outcome.errors.contains(says), "\(outcome.errors)")
                #expect(try gateway.weir("account", "show", "anna@isp.example").status == 67)
            }
        }

        @Test("a store of a newer version is left alone", arguments: ["ledger.db", "accounts.db"])
        func newerStore(name: String) throws {
            let gateway = try RunningGateway(
                .init(relays: [.init(Ports.free())], accounts: [Limits.account]), starts: false)
            let file = "\(gateway.store)/\(name)"
            let made = try Program.run(
                "/usr/bin/python3",
                ["-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('pragma user_version = 99')", file])
            try #require(made.status == 0, "\(made)")
            let before = contents(of: file)
            let outcome = try gateway.weir("serve")
            #expect(outcome.status == 65, "\(outcome)")
            #expect(outcome.errors.contains("\(name) has version 99"), "\(outcome.errors)")
            #expect(outcome.errors.contains("install the release that wrote it"), "\(outcome.errors)")
            #expect(contents(of: file) == before)
        }

        @Test("a port in use is named, and the other listeners are closed again")
        func portInUse() throws {
            let gateway = try RunningGateway(.init(relays: [.init(Ports.free())]), starts: false)
            let other = try Socket.listening()
            let file = text(of: gateway.configuration)
                .replacingOccurrences(of: "127.0.0.1:\(gateway.strict)", with: "127.0.0.1:\(other.port)")
            try gateway.folder.write(file, to: "weir.yaml")
            let outcome = try gateway.weir("serve")
            #expect(outcome.status == 69, "\(outcome)")
            let parts = ["listener strict", "127.0.0.1:\(other.port)", "Address already in use", "ss -ltnp"]
            for part in parts { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
            #expect((try? Socket(connectedTo: gateway.subscribers)) == nil)
        }

        @Test("a second daemon on the same store is told who holds it")
        func secondDaemon() throws {
            let gateway = try RunningGateway(.init(relays: [.init(Ports.free())]))
            let outcome = try gateway.weir("serve")
            #expect(outcome.status == 75 && outcome.errors.contains("\(gateway.pid)"), "\(outcome)")
            #expect(gateway.isRunning)
        }
    }
}
