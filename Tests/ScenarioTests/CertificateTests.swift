import Glibc
import TestKit
import Testing
import WeirRuntime

extension Scenarios {
    @Suite("Certificates")
    struct Certificates {
        /// A session under TLS that s_client keeps open.
        private struct Session {
            private let folder: TemporaryFolder
            private let program: Program
            private let input: Int32

            init(_ port: UInt16) throws {
                folder = try TemporaryFolder()
                mkfifo(folder.file("in"), 0o600)
                input = open(folder.file("in"), O_RDWR | O_CLOEXEC)
                program = try Program(
                    "openssl", ["s_client", "-quiet", "-starttls", "smtp", "-connect", "127.0.0.1:\(port)"],
                    input: folder.file("in"), output: folder.file("out"))
            }

            func close() { Glibc.close(input) }

            /// Sends lines, and waits for what the gateway says in the end.
            func say(_ text: String, until answer: String) -> Bool {
                _ = write(input, text, text.utf8.count)
                return eventually { TestKit.text(of: folder.file("out")).contains(answer) }
            }
        }

        private static func serial(_ port: UInt16, _ options: String...) throws -> String {
            let session = try Program.run(
                "openssl", ["s_client", "-connect", "127.0.0.1:\(port)"] + options, input: "QUIT\r\n", seconds: 20)
            return try Program.run("openssl", ["x509", "-noout", "-serial"], input: session.output).output
        }

        @Test("a new pair of files serves every listener after a reload, and open sessions go on")
        func reload() throws {
            let sink = try Sink()
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)]))
            let serials = {
                [
                    try Self.serial(gateway.submissions), try Self.serial(gateway.submission, "-starttls", "smtp"),
                    try Self.serial(gateway.subscribers, "-starttls", "smtp"),
                ]
            }
            let before = try serials()
            #expect(Set(before).count == 1 && before[0].hasPrefix("serial="), "\(before)")
            let session = try Session(gateway.subscribers)
            defer { session.close() }
            let envelope = "EHLO x\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<b@target.example>\r\nDATA\r\n"
            #expect(session.say(envelope, until: "\r\n354 "))

            let new = { (file: String) in
                try SelfSignedCertificate.make(
                    names: [RunningGateway.name], directory: gateway.folder.path, file: file)
            }
            _ = try new("gateway")
            #expect(try serials() == before, "nothing changes before the reload")
            #expect(try gateway.weir("reload").status == 0)
            let after = try serials()
            #expect(Set(after).count == 1 && after[0].hasPrefix("serial=") && after[0] != before[0], "\(after)")

            // A certificate without its key is refused, whole.
            try gateway.folder.write(TestKit.text(of: try new("other").certificate), to: "gateway.pem")
            #expect(try gateway.weir("reload").status != 0)
            #expect(try serials() == after)

            #expect(session.say("Subject: long\r\n\r\nHello.\r\n.\r\n", until: "\r\n250 2.0.0 Taken"))
            #expect(sink.messages.count == 1)
        }
    }
}
