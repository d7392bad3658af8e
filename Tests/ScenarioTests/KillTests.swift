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
            var setup = RunningGateway.Setup(
                relays: [.init(sink.port)], limits: ["100 recipients per message", "1000000000 recipients per day"],
                accounts: [Self.account])
            // Observations are rows of the same journal.
            setup.planSettings = ["detector: shadow"]
            let gateway = try RunningGateway(setup)
            var random = Seeded(Self.seed)
            let book = Book()
            var (observed, observing) = (UInt64(0), 0)
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
                book.take(sink.handOver())
                let stored = try StoredCounts.amount(of: Self.account.login, in: gateway.store).recipients
                book.compare(stored: stored, "kill \(kill), seed \(Self.seed)")
                let last = try StoredCounts.observed(in: gateway.store)
                #expect(last >= observed, "kill \(kill): observations are lost that were there before")
                if last > observed { observing += 1 }
                observed = last
                try gateway.start()
            }
            // The first message of a life may have been answered just before its observation was durable.
            #expect(observing > Self.kills / 2, "\(observing) of \(Self.kills) lives left observations")
            print("\(Self.kills) kills, seed \(Self.seed): \(book.summary)")
        }
    }

    /// What the clients and the relay know.
    final class Book: Sendable {
        private struct State {
            /// Messages that were answered 250 and have not been seen at the relay; by their first line.
            var missing: Set<String> = []
            var answered = 0
            /// Recipients that the relay took.
            var taken: Int64 = 0
            /// Recipients of messages whose answer did not come since the last kill.
            var inFlight: Int64 = 0
            /// Recipients that were counted and not taken, at the last kill.
            var excess: Int64 = 0
        }

        private let state = Mutex(State())

        var answered: Int { state.withLock { $0.answered } }
        var summary: String {
            state.withLock { state in
                "\(state.answered) messages answered 250, \(state.taken) recipients taken by the relay, "
                    + "\(state.excess) more counted for what was in flight"
            }
        }

        func take(_ messages: [Sink.Message]) {
            for message in messages {
                let start = message.text.range(of: "\r\n\r\n")?.upperBound ?? message.text.startIndex
                let mark = String(message.text[start...].prefix { $0 != "\r\n" })
                state.withLock { state in
                    state.taken += Int64(message.recipients.count)
                    state.missing.remove(mark)
                }
            }
        }

        /// After a kill: all that was answered has arrived, and the store has counted it, and in addition at most what was in
        /// flight, which may have been counted, taken, both or neither.
        func compare(stored: Int64, _ what: String) {
            state.withLock { state in
                let excess = stored - state.taken
                #expect(excess >= 0, "\(what): \(stored) stored, the relay took \(state.taken)")
                #expect(
                    excess - state.excess <= state.inFlight, "\(what): \(stored) stored, the relay took \(state.taken)")
                #expect(state.missing.isEmpty, "\(what): answered 250 and never taken")
                (state.excess, state.inFlight) = (excess, 0)
            }
        }

        private func note(_ mark: String, _ recipients: Int, _ answers: SMTPClient.Answers?) {
            state.withLock { state in
                guard let answers else {
                    state.inFlight += Int64(recipients)
                    return
                }
                guard answers.delivered > 0 else { return }
                state.answered += 1
                state.missing.insert(mark)
            }
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
                    note("\(name)-\(number)", recipients.count, answers)
                    if answers == nil { break }
                }
            }
        }
    }
}
