import Foundation
import Synchronization
import TestKit
import Testing

extension Scenarios {
    @Suite("Fairness")
    struct Fairness {
        static let refused = "refused@target.example"

        /// Honest accounts' times from MAIL to the answer to the dot, sorted, in milliseconds.
        private static func latencies(_ gateway: RunningGateway, messages: Int) -> [Double] {
            inParallel(4) { index -> [Double] in
                guard let client = try? SMTPClient(port: gateway.subscribers, from: "127.0.1.\(index + 1)"),
                    (try? client.hello()) != nil
                else { return [] }
                return (0..<messages).compactMap { _ in
                    let start = Date()
                    let answers = try? client.message(to: ["friend@target.example"], "Subject: hello\r\n\r\nHello")
                    return answers?.delivered == 1 ? Date().timeIntervalSince(start) * 1_000 : nil
                }
            }.joined().sorted()
        }

        /// What makes trouble beside the honest accounts.
        private final class Trouble: Sendable {
            private struct State {
                var isOver = false
                var count = 0
                var streaming = 0
            }

            private let state = Mutex(State())

            var goesOn: Bool { state.withLock { !$0.isOver } }
            /// How often it has happened.
            var count: Int { state.withLock { $0.count } }
            /// Sessions that are in the middle of their content.
            var streaming: Int { state.withLock { $0.streaming } }

            func happened() { state.withLock { $0.count += 1 } }
            func streams(_ change: Int) { state.withLock { $0.streaming += change } }
            func end() { state.withLock { $0.isOver = true } }
        }

        /// Runs `cause` on threads of its own beside honest accounts, and holds these against themselves alone; begins when it has
        /// happened `count` times and `streaming` sessions stream, which they have to do to the end.
        private static func compare(
            _ gateway: RunningGateway, sessions: Int, count: Int, streaming: Int = 0,
            cause: @escaping @Sendable (Trouble) -> Void
        ) {
            _ = latencies(gateway, messages: 5)
            let alone = latencies(gateway, messages: 40)
            let trouble = Trouble()
            let threads = (0..<sessions).map { _ in Background { cause(trouble) } }
            let isEnough = eventually(within: 30) { trouble.count >= count && trouble.streaming >= streaming }
            #expect(isEnough, "\(trouble.count) times, \(trouble.streaming) stream: too little to show anything")
            let beside = latencies(gateway, messages: 40)
            #expect(trouble.streaming >= streaming, "it was over too soon")
            trouble.end()
            for thread in threads { thread.join() }
            expectUntouched(alone, beside)
        }

        /// Relative, for the machine is small; a relay's punishment of an error, a second, is far beyond.
        private static func expectUntouched(_ alone: [Double], _ beside: [Double]) {
            #expect(alone.count == 160 && beside.count == 160, "an honest message was refused")
            guard alone.count == 160, beside.count == 160 else { return }
            for (share, index) in [(50, 80), (80, 128)] {
                let words = "\(share) of 100 within \(alone[index]) ms alone, \(beside[index]) ms beside"
                print(words)
                #expect(beside[index] < alone[index] * 2 + 20, "\(words)")
            }
            #expect(beside[152] < 1_000, "95 of 100 within \(alone[152]) ms alone, \(beside[152]) ms beside")
        }

        /// What Postfix writes when it breaks a connection off for its errors.
        private static let punished = "too many errors after"

        @Test("an account that draws a refusal on every message does not slow the others down on the same Postfix")
        func refusals() throws {
            let postfix = try Postfix(settings: [
                "smtpd_recipient_restrictions = check_recipient_access inline:{{\(Self.refused) = REJECT}}, permit"
            ])
            let gateway = try RunningGateway(.init(relays: [.init(postfix.port)]))
            Self.compare(gateway, sessions: 4, count: 50) { trouble in
                var client: SMTPClient?
                while trouble.goesOn {
                    do {
                        let session = try client ?? SMTPClient(port: gateway.subscribers, from: "127.0.2.1")
                        if client == nil { try session.hello() }
                        client = session
                        let answers = try session.message(to: [Self.refused], "\r\nHello")
                        if answers.recipients[0].code == 554 { trouble.happened() }
                        // Of the processors it takes no more than an honest one does.
                        usleep(20_000)
                    } catch {
                        client = nil
                    }
                }
            }
            #expect(!postfix.log.contains(Self.punished), "no connection of ours was punished")

            // As many on one connection, without us between.
            let direct = try SMTPClient(port: postfix.port)
            try direct.hello()
            try direct.must("MAIL FROM:<a@client.example>")
            var codes: [Int] = []
            while codes.count < 25, let reply = try? direct.command("RCPT TO:<\(Self.refused)>") {
                codes.append(reply.code)
            }
            #expect(codes.last == 421, "\(codes)")
            let isPunished = eventually { postfix.log.contains(Self.punished) }
            #expect(isPunished, "or the look at its log shows nothing")
        }

        @Test("twenty sessions on a line of 1 KiB a second do not slow the others down")
        func slowLine() throws {
            let postfix = try Postfix()
            // They are all of one account, which has a tenth of the relay's connections.
            var relay = RunningGateway.Relay(postfix.port)
            relay.settings = ["connections: 250"]
            let gateway = try RunningGateway(.init(relays: [relay]))
            Self.compare(gateway, sessions: 20, count: 200, streaming: 20) { trouble in
                guard let client = try? SMTPClient(port: gateway.subscribers, from: "127.0.2.1"),
                    (try? client.hello()) != nil, (try? client.must("MAIL FROM:<a@client.example>")) != nil,
                    (try? client.must("RCPT TO:<slow@target.example>")) != nil,
                    (try? client.command("DATA"))?.code == 354
                else { return }
                trouble.streams(1)
                defer { trouble.streams(-1) }
                while trouble.goesOn {
                    guard (try? client.send(String(repeating: "slow words\r\n", count: 9))) != nil else { return }
                    trouble.happened()
                    usleep(100_000)
                }
            }
        }
    }
}
