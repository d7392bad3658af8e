import Foundation
import Synchronization
import TestKit
import Testing

extension Scenarios {
    /// What a message says decides about that message alone.
    @Suite("Hostile messages")
    struct HostileMessages {
        /// What becomes of a message.
        enum Fate: Sendable {
            /// It goes out as it came.
            case taken
            /// It goes out without fields that only the gateway may write.
            case stripped([UInt8])
            case refused(String)
        }

        struct Hostile: Sendable, CustomTestStringConvertible {
            let what: String
            let fate: Fate
            /// With CRLFs, and dots that begin lines doubled.
            let make: @Sendable () -> [UInt8]

            init(_ what: String, _ fate: Fate = .taken, _ make: @escaping @Sendable () -> [UInt8]) {
                (self.what, self.fate, self.make) = (what, fate, make)
            }

            var testDescription: String { what }
        }

        private static func field(_ name: String, of octet: String, count: Int) -> [UInt8] {
            Array("\(name): \(String(repeating: octet, count: count))\r\n\r\nHello\r\n".utf8)
        }

        private static func fields(_ count: Int, _ field: (Int) -> String) -> [UInt8] {
            Array(((0..<count).map { field($0) + "\r\n" }.joined() + "\r\nHello\r\n").utf8)
        }

        static let messages = [
            Hostile("10^5 fields") { fields(100_000) { "X-Field-\($0): value" } },
            Hostile("10^5 fields named From") { fields(100_000) { "From: <a\($0)@client.example>" } },
            Hostile("10^5 fields named Content-Type") { fields(100_000) { "Content-Type: multipart/mixed; b=\($0)" } },
            Hostile("10^5 fields named Received", .refused("554 5.4.6 ")) { fields(100_000) { "Received: by \($0)" } },
            Hostile("10^5 lines of one field") { fields(100_000) { $0 == 0 ? "Subject: folded" : " \($0)" } },
            Hostile("a header line of 10 MB") { field("X-Long", of: "x", count: 10_000_000) },
            Hostile("a From of 1 MB") { field("From", of: "<\"", count: 500_000) },
            Hostile("a name of 1 MB") { Array((String(repeating: "R", count: 1_000_000) + "\r\n\r\nHello\r\n").utf8) },
            Hostile("10^4 nested parts") {
                let parts = (0..<10_000).map {
                    "--b\($0)\r\nContent-Type: multipart/mixed; boundary=b\($0 + 1)\r\n\r\n"
                }
                return Array(("Content-Type: multipart/mixed; boundary=b0\r\n\r\n" + parts.joined()).utf8)
            },
            Hostile("parts that never end") {
                Array(
                    ("Content-Type: multipart/mixed\r\n\r\n" + String(repeating: "--\r\nContent-\r\n", count: 50_000))
                        .utf8)
            },
            Hostile("base64 and quoted-printable that are neither") {
                let lines = String(repeating: "=\r\n=G0=\r\n====!\r\n", count: 5_000)
                return Array(
                    ("Content-Type: multipart/mixed\r\n\r\n--a\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines
                        + "--a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + lines).utf8)
            },
            Hostile("octets that are no UTF-8") {
                let odd: [UInt8] = [0xC0, 0x80, 0xED, 0xA0, 0x80, 0xF5, 0xFF, 0xFE, 0x80, 0x01, 0x1B, 0x7F]
                return Array("Subject: ".utf8) + odd + Array("\r\nFrom: <".utf8) + odd + Array("@a>\r\n\r\n".utf8) + odd
                    + Array("\r\n".utf8)
            },
            Hostile("a link of 1 MB") {
                Array(("\r\nhttp://" + String(repeating: "a.", count: 500_000) + "\r\n").utf8)
            },
            Hostile("NULs", .refused("554 5.6.0 ")) { Array("Subject: a\0b\r\n\r\n".utf8) },
            Hostile("no header, no body") { [] },
            Hostile(
                "forged fields of ours",
                .stripped(Array("Subject: x\r\nX-Weir-Accounts: kept\r\n\r\nX-Weir-Account: text\r\n".utf8))
            ) {
                Array(
                    ("X-Weir-Account: forged\r\nSubject: x\r\nx-weir-account : forged\r\n folded forged\r\n"
                        + "X-WEIR-ACCOUNT:forged\r\nX-Weir-Accounts: kept\r\nX-Weir-Account\t:\r\n\tforged\r\n\r\n"
                        + "X-Weir-Account: text\r\n").utf8)
            },
            Hostile("10^5 forged fields of ours", .stripped(Array("\r\nHello\r\n".utf8))) {
                fields(100_000) { "X-Weir-Account: \($0)" }
            },
        ]

        private static func deliver(_ octets: [UInt8], over client: SMTPClient) throws -> SMTPReply {
            try client.send("MAIL FROM:<a@client.example>\r\nRCPT TO:<b@target.example>\r\nDATA\r\n")
            for _ in 0..<3 { try #require(try client.reply().isPositive) }
            try client.socket.send(octets + Array(".\r\n".utf8))
            return try client.reply()
        }

        @Test("each decides about itself alone: the next one goes, others do not notice, and nothing grows")
        func alone() throws {
            let sink = try Sink()
            var setup = RunningGateway.Setup(relays: [.init(sink.port)], limits: ["10000 recipients per day"])
            setup.planSettings = ["detector: suspend"]
            let gateway = try RunningGateway(setup)
            let client = try SMTPClient(port: gateway.subscribers, from: "127.0.3.1")
            try client.hello()
            client.socket.timeout(seconds: 120)
            let isOver = Mutex.Box(false)
            let neighbour = try SMTPClient(port: gateway.subscribers, from: "127.0.3.2")
            try neighbour.hello()
            let neighbours = Background {
                var refused: [String] = []
                while !isOver.value.withLock({ $0 }) {
                    let answers = try? neighbour.message(to: ["friend@target.example"], "Subject: hello\r\n\r\nHello")
                    if answers?.delivered != 1 { refused.append("\(String(describing: answers))") }
                    usleep(20_000)
                }
                return refused
            }
            for message in Self.messages {
                let octets = message.make()
                _ = sink.handOver()
                let reply = try Self.deliver(octets, over: client)
                let sent = sink.handOver().filter { $0.sender == "a@client.example" }
                switch message.fate {
                case .refused(let text):
                    #expect(reply.description.hasPrefix(text), "\(message.what): \(reply)")
                    #expect(sent.isEmpty, "\(message.what)")
                case .taken, .stripped:
                    #expect(reply.code == 250, "\(message.what): \(reply)")
                    var expected = octets
                    if case .stripped(let rest) = message.fate { expected = rest }
                    // As data, for that compares fast in a build for debugging.
                    let content = Data(sent.first?.content ?? [])
                    #expect(content.suffix(expected.count) == Data(expected), "\(message.what)")
                    let added = String(decoding: content.dropLast(expected.count), as: UTF8.self)
                    let names = added.matches(of: /(?m)^[A-Za-z-]+:/).map { String($0.0) }
                    #expect(names == ["Received:", "X-Weir-Account:"], "\(message.what): \(added)")
                }
                let next = try Self.deliver(Array("Subject: next\r\n\r\nHello\r\n".utf8), over: client)
                #expect(next.code == 250, "after \(message.what): \(next)")
            }
            isOver.value.withLock { $0 = true }
            #expect(neighbours.join() == [])
            #expect(gateway.memoryPeak < 96 << 20 || isSanitized, "\(gateway.memoryPeak >> 20) MiB")
            #expect(!gateway.log.contains("\"verdict\""), "\(gateway.log)")
            #expect(gateway.stop() == .exited(0))
        }
    }
}
