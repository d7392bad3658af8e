import Synchronization
import WeirBase
import WeirRuntime

/// What happened, told by those it happened to.
struct DemoEvent: Sendable {
    enum Kind: Sendable {
        case delivered, refused, suspended, notice
    }

    /// Nanoseconds since the demonstration began.
    var at: UInt64
    var kind: Kind
    var who: String
    var text: String
}

/// Everything that happened, in order, with a count of refusals for each account.
final class DemoRecord: Sendable {
    /// Events kept for the screen.
    private static let keptMax = 200

    private struct State {
        var events: [DemoEvent] = []
        /// Events that no longer fit.
        var dropped = 0
        var refused: [String: Int] = [:]
        /// The first refusal of each kind, by account and code: what the end tells once more.
        var firsts: [DemoEvent] = []
    }

    private let state = Mutex(State())
    private let clock: AnchoredClock
    private let start: Instant

    init(_ clock: AnchoredClock) {
        self.clock = clock
        start = clock.now
    }

    /// Since the beginning, in nanoseconds.
    var elapsed: UInt64 { clock.now.since(start) }

    func note(_ kind: DemoEvent.Kind, _ who: String, _ text: String) {
        let event = DemoEvent(at: elapsed, kind: kind, who: who, text: text)
        state.withLock { state in
            state.events.append(event)
            if state.events.count > DemoRecord.keptMax {
                state.events.removeFirst()
                state.dropped += 1
            }
            guard kind == .suspended || kind == .refused else { return }
            let isKnown = state.firsts.contains { first in
                first.who == who && first.kind == kind && first.text.prefix(18) == text.prefix(18)
            }
            if !isKnown { state.firsts.append(event) }
        }
    }

    /// Tells of one message's fate.
    func note(_ outcome: DemoClient.Outcome, of who: String, _ count: Int) {
        if !outcome.refused.isEmpty { state.withLock { $0.refused[who, default: 0] += outcome.refused.count } }
        if let first = outcome.refused.first {
            let share = outcome.refused.count == count ? "all" : "\(outcome.refused.count) of"
            let end = outcome.isClosed ? ", then the session was closed" : ""
            note(.refused, who, "\(first.reply.text)  (\(share) \(DemoRecord.recipients(count))\(end))")
        }
        guard outcome.taken > 0, let last = outcome.last else { return }
        note(.delivered, who, "\(last.text)  (\(DemoRecord.recipients(outcome.taken)))")
    }

    private static func recipients(_ count: Int) -> String { "\(count) recipient\(count == 1 ? "" : "s")" }

    /// The events from the `index`th on, and the index to ask with next.
    func events(from index: Int) -> (events: [DemoEvent], next: Int) {
        state.withLock { state in
            let first = max(0, index - state.dropped)
            return (Array(state.events.dropFirst(first)), state.dropped + state.events.count)
        }
    }

    /// The last refusals, suspensions and notices, newest last.
    func latest(_ count: Int) -> [DemoEvent] {
        state.withLock { Array($0.events.filter { $0.kind != .delivered }.suffix(count)) }
    }

    func refused(_ who: String) -> Int { state.withLock { $0.refused[who, default: 0] } }

    /// The first refusal of each kind, and each suspension.
    var firsts: [DemoEvent] { state.withLock { $0.firsts } }
}
