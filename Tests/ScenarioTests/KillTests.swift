import Foundation
import Synchronization
import TestKit
import Testing
import WeirQuota

extension Scenarios {
    @Suite("Kills")
    struct Kills {
        static let account = Limits.account
        /// More in a campaign: `Tests/campaigns/kill 1000`.
        static let kills = Int(ProcessInfo.processInfo.environment["WEIR_KILLS"] ?? "") ?? 15
        static let seed = UInt64(ProcessInfo.processInfo.environment["WEIR_SEED"] ?? "") ?? 7

        @Test(
            "killed at any instant, the daemon has counted what the relay took, and loses nothing it has answered for")
        func kill() throws {
            let sink = try Sink()
            let gateway = try RunningGateway(
                .init(
                    relays: [.init(sink.port)],
                    limits: ["100 recipients per message", "1000000000 recipients per day"],
                    accounts: [Self.account]))
            var random = Seeded(Self.seed)
            let book = Book()
            for kill in 1...Self.kills {
                let isOver = Mutex.Box(false)
                let clients = (0..<8).map { index in
                    let seed = random.next()
                    return Background { book.load(gateway, Seeded(seed), name: "\(kill)-\(index)", until: isOver) }
                }
                let before = book.answered
                #expect(eventually { book.answered > before }, "kill \(kill): no mail went through")
                usleep(UInt32(random.next() % 200_000))
                gateway.kill()
                isOver.value.withLock { $0 = true }
                for client in clients { client.join() }
                #expect(eventually { sink.openConnections == 0 })
                try check(book, sink, gateway, "kill \(kill), seed \(Self.seed)")
                try gateway.start()
            }
        }

        private func check(_ book: Book, _ sink: Sink, _ gateway: RunningGateway, _ what: String) throws {
            let stored = try StoredCounts.amount(of: Self.account.login, in: gateway.store).recipients
            let taken = Int64(sink.recipients)
            let state = book.state.value.withLock { $0 }
            #expect(stored >= taken, "\(what): \(stored) stored, the relay took \(taken)")
            // A message in flight may have been taken, counted, both, or neither.
            #expect(
                stored <= taken + Int64(state.inFlight),
                "\(what): \(stored) stored, \(taken) taken, \(state.inFlight) in flight")
            let missing = state.answered.subtracting(sink.messages.map { Book.mark(of: $0) })
            #expect(missing.isEmpty, "\(what): answered 250 and never taken")
        }
    }

    /// What the clients know.
    final class Book: Sendable {
        struct State {
            /// Marks of the messages that were answered 250.
            var answered: Set<String> = []
            /// Recipients of messages whose answer never came.
            var inFlight = 0
        }

        let state = Mutex.Box(State())
        var answered: Int { state.value.withLock { $0.answered.count } }

        /// The first line of a message's text.
        static func mark(of message: Sink.Message) -> String {
            let start = message.text.range(of: "\r\n\r\n")?.upperBound ?? message.text.startIndex
            return String(message.text[start...].prefix { $0 != "\r\n" })
        }

        /// Sends message after message until the daemon is gone.
        func load(_ gateway: RunningGateway, _ random: Seeded, name: String, until isOver: Mutex<Bool>.Box) {
            var random = random
            var number = 0
            while !isOver.value.withLock({ $0 }) {
                guard let client = try? Limits.session(gateway) else { continue }
                while true {
                    number += 1
                    let recipients = (0..<Int(random.next() % 3) + 1).map { "r\($0)@target.example" }
                    let text = String(repeating: "x", count: Int(random.next() % 8_000))
                    let answers = try? client.message(to: recipients, "\r\n\(name)-\(number)\r\n\(text)")
                    state.value.withLock { state in
                        guard let answers else {
                            state.inFlight += recipients.count
                            return
                        }
                        if answers.delivered > 0 { state.answered.insert("\(name)-\(number)") }
                    }
                    if answers == nil { break }
                }
            }
        }
    }
}
