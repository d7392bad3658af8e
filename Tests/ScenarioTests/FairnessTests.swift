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

        /// Runs `trouble` on threads of its own beside honest accounts, and compares these with themselves alone.
        private static func compare(
            _ gateway: RunningGateway, sessions: Int, trouble: @escaping @Sendable (Int, Mutex<Bool>.Box) -> Int
        ) -> (alone: [Double], beside: [Double], troubles: Int) {
            _ = latencies(gateway, messages: 5)
            let alone = latencies(gateway, messages: 40)
            let isOver = Mutex.Box(false)
            let troubles = (0..<sessions).map { index in Background { trouble(index, isOver) } }
            // Postfix begins to punish a connection after ten errors.
            usleep(1_500_000)
            let beside = latencies(gateway, messages: 40)
            isOver.value.withLock { $0 = true }
            return (alone, beside, troubles.map { $0.join() }.reduce(0, +))
        }

        /// Generous, for the machine is small; a relay's punishment of an error, a second, is far beyond.
        private static func expectUntouched(_ alone: [Double], _ beside: [Double]) {
            #expect(alone.count == 160 && beside.count == 160, "an honest message was refused")
            guard alone.count == 160, beside.count == 160 else { return }
            #expect(beside[80] < alone[80] * 5 + 50, "median \(alone[80]) ms alone, \(beside[80]) ms beside")
            #expect(beside[152] < 1_000, "95 of 100 within \(alone[152]) ms alone, \(beside[152]) ms beside")
        }

        @Test("an account that draws a refusal on every message does not slow the others down on the same Postfix")
        func refusals() throws {
            let postfix = try Postfix(settings: [
                "smtpd_recipient_restrictions = check_recipient_access inline:{{\(Self.refused) = REJECT}}, permit"
            ])
            let gateway = try RunningGateway(.init(relays: [.init(postfix.port)]))
            let times = Self.compare(gateway, sessions: 4) { index, isOver in
                var refusals = 0
                var client: SMTPClient?
                while !isOver.value.withLock({ $0 }) {
                    do {
                        let session = try client ?? SMTPClient(port: gateway.subscribers, from: "127.0.2.1")
                        if client == nil { try session.hello() }
                        client = session
                        let answers = try session.message(to: [Self.refused], "\r\nHello")
                        refusals += answers.recipients.count { $0.code == 554 }
                    } catch {
                        client = nil
                    }
                }
                return refusals
            }
            #expect(times.troubles > 20, "\(times.troubles) refusals are too few to show anything")
            Self.expectUntouched(times.alone, times.beside)
        }

        @Test("twenty sessions on a line of 1 KiB a second do not slow the others down")
        func slowLine() throws {
            let postfix = try Postfix()
            let gateway = try RunningGateway(.init(relays: [.init(postfix.port)]))
            let times = Self.compare(gateway, sessions: 20) { index, isOver in
                guard let client = try? SMTPClient(port: gateway.subscribers, from: "127.0.2.1"),
                    (try? client.hello()) != nil
                else { return 0 }
                let envelope = "MAIL FROM:<a@client.example>\r\nRCPT TO:<slow@target.example>\r\nDATA\r\n"
                guard (try? client.send(envelope)) != nil else { return 0 }
                while !isOver.value.withLock({ $0 }) {
                    guard (try? client.send(String(repeating: "slow words\r\n", count: 9))) != nil else { return 0 }
                    usleep(100_000)
                }
                return 1
            }
            #expect(times.troubles == 20, "the slow ones were cut off")
            Self.expectUntouched(times.alone, times.beside)
        }
    }
}
