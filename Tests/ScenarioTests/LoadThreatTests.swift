import Foundation
import Glibc
import Synchronization
import TestKit
import Testing

extension Scenarios {
    @Suite("Threats from clients, in how much they ask for")
    struct LoadThreats {
        /// Lets this process have `count` sockets, and the daemons that it starts; throws where it may not.
        private static func allowSockets(_ count: Int) throws {
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            getrlimit(resource, &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(resource, &limit)
            // Beside them each has a few hundred of its own.
            try #require(limit.rlim_cur >= count + 500, "ulimit -Hn is \(limit.rlim_max)")
        }

        @Test(
            "threat 27: ten thousand that say nothing and a hundred that dribble messages leave a new login its second")
        func slowloris() throws {
            let sink = try Sink()
            try Self.allowSockets(10_300)
            var setup = RunningGateway.Setup(relays: [.init(sink.port)], accounts: [Limits.account])
            setup.relays[0].settings = ["connections: 150"]
            let gateway = try RunningGateway(setup)
            let idle = try (0..<10_000).map { _ in try Socket(connectedTo: gateway.local) }
            let dribbling = try (0..<100).map { index in
                let client = try SMTPClient(port: gateway.subscribers, from: "127.0.9.\(index + 1)")
                try client.hello()
                try client.send("MAIL FROM:<a@client.example>\r\nRCPT TO:<b@target.example>\r\nDATA\r\n")
                for _ in 0..<3 { try #require(try client.reply().isPositive) }
                return client
            }
            let isOver = Mutex.Box(false)
            let dribbler = Background {
                while !isOver.value.withLock({ $0 }) {
                    for client in dribbling { try? client.send("N") }
                    usleep(50_000)
                }
            }
            defer {
                isOver.value.withLock { $0 = true }
                dribbler.join()
            }
            let times = try (0..<20).map { _ in
                let start = Date()
                let client = try Limits.session(gateway)
                let time = Date().timeIntervalSince(start)
                #expect(try client.message(to: ["a@target.example"], "\r\nHello").delivered == 1)
                return time
            }
            print("threat 27: the slowest of 20 logins took \(times.max() ?? 0) s")
            #expect(times.allSatisfy { $0 < 1 || isSanitized }, "\(times)")
            #expect(idle.count == 10_000 && gateway.isRunning)
            #expect(sink.openConnections > 100, "the dribbling messages hold no relay's connections")
        }

        @Test("threat 27: who says nothing is let go when its time is over")
        func deadline() throws {
            let sink = try Sink()
            var setup = RunningGateway.Setup(relays: [.init(sink.port)])
            setup.settings = ["timeouts: { command: 1s, data: 1s }"]
            let gateway = try RunningGateway(setup)
            let client = try SMTPClient(port: gateway.subscribers)
            let start = Date()
            #expect(try client.reply().description.hasPrefix("421 4.4.2 "))
            #expect(Date().timeIntervalSince(start) < 10)
            let sender = try SMTPClient(port: gateway.subscribers)
            try sender.hello()
            try sender.send("MAIL FROM:<a@client.example>\r\nRCPT TO:<b@target.example>\r\nDATA\r\n")
            for _ in 0..<3 { #expect(try sender.reply().isPositive) }
            try sender.send("Subject: half a message\r\n")
            #expect(try sender.reply().description.hasPrefix("421 4.4.2 "))
            #expect(sink.messages.isEmpty)
        }

        @Test(
            "threat 28: long lines, many recipients and great messages take no memory",
            arguments: burdens.dropLast())
        func memory(kind: String) throws {
            let sink = try Sink { event in
                // The relay keeps nothing either: it is in this process.
                if case .message = event { return .reply("554 5.6.0 Too much") }
                return nil
            }
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)], accounts: [Limits.account]))
            let send: @Sendable (Int) -> Bool = { index in
                let client = try? Limits.session(gateway, from: "127.0.6.\(index + 1)")
                return client.map { Self.burden($0, with: kind) } ?? false
            }
            var arrived = inParallel(2, send).count { $0 }
            let before = gateway.memoryPeak
            arrived += inParallel(10, send).count { $0 }
            #expect(arrived == 12, "burdens of \(kind) came through")
            let grown = gateway.memoryPeak - before
            #expect(grown < 16 << 20 || isSanitized, "\(grown >> 10) KiB more")
            let client = try Limits.session(gateway)
            #expect(try client.command("NOOP").code == 250)
        }

        /// What the daemon may have in all of it; nothing of what is asked for at once would fit.
        private static let memoryMax = 64 << 20

        @Test(
            "threat 28: all of it at once, from sixty-four clients and a relay that babbles, stays within a memory control group",
            .enabled(if: !isSanitized, "the sanitizers' own memory would not fit"))
        func soak() throws {
            let sink = try Sink { event in
                switch event {
                case .message: .reply("554 5.6.0 Too much")
                case .command(let line) where line.contains("<babble@"):
                    .reply(
                        String(repeating: "250-\(String(repeating: "x", count: 900))\r\n", count: 20_000) + "250 end")
                default: nil
                }
            }
            let gateway = try RunningGateway(
                .init(relays: [.init(sink.port)], accounts: [Limits.account]), starts: false)
            var group: MemoryGroup?
            do { group = try MemoryGroup(octetsMax: Self.memoryMax) } catch {
                print("threat 28: \(error); the peak is looked at")
            }
            try gateway.start(through: group?.launcher ?? [])
            let arrived = inParallel(64) { index in
                let kind = Self.burdens[index % Self.burdens.count]
                return (0..<2).count { _ in
                    let client = try? Limits.session(gateway, from: "127.0.6.\(index + 1)")
                    return client.map { Self.burden($0, with: kind) } ?? false
                }
            }.reduce(0, +)
            #expect(arrived == 128, "burdens came through")
            print("threat 28: at most \(gateway.memoryPeak >> 20) of \(Self.memoryMax >> 20) MiB were taken")
            #expect(gateway.isRunning && gateway.memoryPeak < Self.memoryMax)
            let client = try Limits.session(gateway)
            #expect(try client.command("NOOP").code == 250)
        }

        private static let burdens = [
            "command", "login", "content line", "header", "header fields", "recipients", "nested parts", "huge replies",
        ]

        /// Sends as much of one kind as a client may, and returns whether the daemon has answered any of it.
        private static func burden(_ client: SMTPClient, with kind: String) -> Bool {
            // It may hang up in the middle.
            try? send(kind, to: client)
            var isAnswered = false
            while (try? client.reply()) != nil { isAnswered = true }
            return isAnswered
        }

        private static func send(_ kind: String, to client: SMTPClient) throws {
            let megabyte = String(repeating: "x", count: 1 << 20)
            let envelope = "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@target.example>\r\nDATA\r\n"
            switch kind {
            case "command": try client.send("NOOP \(megabyte)\r\n")
            case "login": try client.send("AUTH PLAIN \(megabyte)\r\n")
            case "content line": try client.send("\(envelope)\r\n\(megabyte)\(megabyte)\r\n.\r\n")
            case "header": try client.send("\(envelope)Subject: \(megabyte)\r\n\r\n.\r\n")
            case "header fields":
                try client.send(envelope + String(repeating: "X-Field: x\r\n", count: 30_000) + "\r\n.\r\n")
            case "huge replies":
                try client.send("MAIL FROM:<a@client.example>\r\nRCPT TO:<babble@target.example>\r\n")
            case "recipients":
                try client.send("MAIL FROM:<a@client.example>\r\n")
                for _ in 0..<2_000 {
                    try client.send("RCPT TO:<\(String(repeating: "r", count: 60))@target.example>\r\n")
                }
            default:
                let part = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                try client.send(envelope + String(repeating: part, count: 10_000) + ".\r\n")
            }
            try client.send("QUIT\r\n")
        }

        /// What s_client says of a renegotiation: it asks for one at a line that begins with "R".
        private static func renegotiation(_ port: UInt16) throws -> String {
            let folder = try TemporaryFolder()
            mkfifo(folder.file("in"), 0o600)
            let input = open(folder.file("in"), O_RDWR | O_CLOEXEC)
            defer { close(input) }
            let client = try Program(
                "openssl", ["s_client", "-tls1_2", "-connect", "127.0.0.1:\(port)"], input: folder.file("in"),
                output: folder.file("out"))
            #expect(eventually { text(of: folder.file("out")).contains("220 gate.example") })
            _ = write(input, "R\n", 2)
            _ = client.wait(seconds: 5)
            #expect(text(of: folder.file("out")).contains("RENEGOTIATING"))
            return text(of: folder.file("out"))
        }

        @Test(
            "threat 29: TLS offers no renegotiation, no early data and nothing below 1.2, and resumes no login",
            arguments: [
                "renegotiation", "early data", "TLS 1.1", "resumption",
            ])
        func tls(kind: String) throws {
            let sink = try Sink()
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)], accounts: [Limits.account]))
            let folder = try TemporaryFolder()
            let client = { (arguments: [String], input: String) in
                try Program.run(
                    "openssl",
                    ["s_client", "-connect", "127.0.0.1:\(gateway.submissions)", "-CAfile", gateway.certificate]
                        + arguments,
                    input: input, seconds: 20)
            }
            let login =
                "EHLO x\r\nAUTH PLAIN \(Data("\0\(Limits.account.login)\0token".utf8).base64EncodedString())\r\n"
            switch kind {
            case "renegotiation":
                #expect(try Self.renegotiation(gateway.submissions).contains("no renegotiation"))
            case "early data":
                _ = try client(["-quiet", "-sess_out", folder.file("session")], login + "QUIT\r\n")
                let early = try folder.write("EHLO early\r\n", to: "early")
                let outcome = try client(
                    ["-sess_in", folder.file("session"), "-early_data", early, "-ign_eof"], "QUIT\r\n")
                #expect(outcome.output.contains("Reused, TLSv1.3"), "\(outcome.output)")
                #expect(outcome.output.contains("Early data was not sent"), "\(outcome.output)")
            case "TLS 1.1":
                let outcome = try client(["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], "QUIT\r\n")
                #expect(outcome.errors.contains("alert protocol version"), "\(outcome)")
                #expect(!outcome.output.contains("220 gate.example"), "\(outcome.output)")
            default:
                _ = try client(["-quiet", "-sess_out", folder.file("session")], login + "QUIT\r\n")
                let outcome = try client(
                    ["-sess_in", folder.file("session"), "-nocommands", "-ign_eof"],
                    "EHLO x\r\nMAIL FROM:<a@client.example>\r\nQUIT\r\n")
                #expect(outcome.output.contains("Reused, TLSv1.3"), "\(outcome.output)")
                #expect(outcome.output.contains("530 5.7.0"), "\(outcome.output)")
            }
            #expect(gateway.isRunning)
        }

        @Test(
            "threat 29: a TLS session is taken up where it was agreed on and until the keys change, and nowhere else",
            arguments: ["-tls1_2", "-tls1_3"])
        func resumption(version: String) throws {
            let sink = try Sink()
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)]))
            let folder = try TemporaryFolder()
            let isResumed = { (port: UInt16, option: String) in
                let start = port == gateway.submissions ? [] : ["-starttls", "smtp"]
                let outcome = try Program.run(
                    "openssl",
                    ["s_client", "-connect", "127.0.0.1:\(port)", "-nocommands", "-ign_eof", version] + start
                        + [option, folder.file("session")], input: "QUIT\r\n", seconds: 20)
                #expect(outcome.output.contains("221 2.0.0 "), "\(outcome)")
                return outcome.output.contains("Reused, TLSv1.")
            }
            #expect(try !isResumed(gateway.submissions, "-sess_out"))
            #expect(try isResumed(gateway.submissions, "-sess_in"))
            #expect(try !isResumed(gateway.submission, "-sess_in"))
            #expect(try !isResumed(gateway.subscribers, "-sess_in"))
            // A reload changes the keys, as each day does.
            #expect(try gateway.weir("reload").status == 0)
            #expect(try !isResumed(gateway.submissions, "-sess_in"))
        }
    }
}
