import Foundation
import TestKit
import Testing
import WeirQuota

extension Scenarios {
    @Suite("A disk that fills up")
    struct FullDisk {
        /// A file system in memory, of so many octets, in the place of a folder.
        private final class SmallDisk: Sendable {
            let path: String

            init(at path: String, octets: Int) throws {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                let outcome = try Program.run(
                    "mount", ["-t", "tmpfs", "-o", "size=\(octets),mode=0700", "weir-tests", path])
                guard outcome.status == 0 else { throw Program.Failure(description: outcome.errors) }
                self.path = path
            }

            deinit { _ = try? Program.run("umount", ["--lazy", path]) }

            /// Takes all the room that there is; returns the octets.
            func fill() throws -> Int {
                let file = open("\(path)/filler", O_WRONLY | O_CREAT, 0o600)
                guard file >= 0 else { throw Program.Failure(description: String(cString: strerror(errno))) }
                defer { close(file) }
                let page = [UInt8](repeating: 0, count: 4_096)
                var octets = 0
                while case let count = write(file, page, page.count), count > 0 { octets += count }
                return octets
            }

            func makeRoom() { unlink("\(path)/filler") }
        }

        private static let login = "127.0.0.2/32"

        @Test("is told to clients with 452, nothing that was answered is lost, and mail goes on when there is room")
        func full() throws {
            let sink = try Sink()
            let gateway = try RunningGateway(
                .init(relays: [.init(sink.port)], limits: ["100000 recipients per day"]), starts: false)
            let disk: SmallDisk
            do { disk = try SmallDisk(at: gateway.store, octets: 12 << 20) } catch {
                print("skipped: nothing can be mounted here: \(error)")
                return
            }
            try gateway.start()
            let client = try SMTPClient(port: gateway.subscribers, from: "127.0.0.2")
            try client.hello()
            var taken = 0
            /// Sends one message; the first answer that is not 2xx.
            func send() throws -> SMTPReply? {
                let answers = try client.message(to: ["a@target.example"], "\r\nHello")
                taken += answers.delivered
                let refusal = ([answers.mail] + answers.recipients + [answers.dot ?? answers.data]).first {
                    !$0.isPositive
                }
                if answers.dot == nil { try client.must("RSET") }
                return refusal
            }
            #expect(try send() == nil)
            #expect(try disk.fill() > 100_000)
            // What the store has of the disk already is enough for some hundreds.
            var refusal: SMTPReply?
            for _ in 0..<2_000 where refusal == nil { refusal = try send() }
            #expect(refusal?.description.hasPrefix("452 4.3.1 ") == true, "\(refusal?.description ?? "none")")
            // Nor can the store take whoever has sent nothing yet.
            let stranger = try SMTPClient(port: gateway.subscribers, from: "127.0.0.3")
            try stranger.hello()
            let told = try stranger.command("MAIL FROM:<s@client.example>")
            #expect(told.description.hasPrefix("452 4.3.1 "), "\(told)")
            let status = try gateway.weir("status")
            #expect(status.output.contains("The store's disk is full"), "\(status)")
            #expect(gateway.isRunning && sink.recipients == taken)

            disk.makeRoom()
            let goesOn = try eventually(within: 30) { try send() == nil }
            #expect(goesOn, "\(gateway.log.suffix(1_000))")
            #expect(try send() == nil)
            #expect(sink.recipients == taken)
            #expect(gateway.stop() == .exited(0))
            #expect(try StoredCounts.amount(of: Self.login, in: gateway.store).recipients == Int64(taken))
            try gateway.start()
            let shown = try gateway.weir("account", "show", Self.login)
            #expect(shown.output.contains("\taccount\t\(taken)\t"), "\(shown)")
        }
    }
}
