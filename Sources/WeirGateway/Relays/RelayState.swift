import Synchronization
package import WeirBase
package import WeirConfiguration
import WeirQuota
import WeirRuntime
package import WeirSMTP

/// One relay as all loops see it: how many connections stand and who holds them, whether it rests, what it offers.
package final class RelayState: Sendable {
    package let settings: Relay
    package let meter: RelayMeter?
    private let state: Mutex<State>

    private struct State {
        /// Connections that stand or are being made, on all loops.
        var open = 0
        /// Connections in use, by account.
        var held: [SubjectID: Int] = [:]
        /// Sessions that stand in line for a connection, first come first.
        var line: [Place] = []
        /// Attempts that failed since one last succeeded.
        var failures = 0
        var restsUntil: Instant?
        /// Since it last ended a message: how often it kept silent in the middle of one; when it may be tried again, nil where it
        /// answers; when one was last let through to try it.
        var silences = 0
        var silentUntil: Instant?
        var triedAt: Instant?
        /// When it last ended a message.
        var answeredAt: Instant?
        /// What the relay offered when it was last reached; nil before.
        var offered: Extensions?
    }

    private struct Place {
        let waiter: Waiter
        let account: SubjectID
        /// It was woken, and has not looked since.
        var isCalled = false
    }

    /// What is known of `former`, where that is the same relay with other settings, is known of this one.
    package init(_ settings: Relay, meter: RelayMeter? = nil, after former: RelayState? = nil) {
        self.settings = settings
        self.meter = meter
        var known = State()
        if let former, former.settings.isSameServer(as: settings) {
            known = former.state.withLock { $0 }
            (known.open, known.held, known.line) = (0, [:], [])
        }
        state = Mutex(known)
        meter?.sample(self)
    }

    // MARK: - Connections

    /// What a session that wants a connection is to do.
    enum Claim: Equatable {
        /// Take an idle one of your loop.
        case reuse
        /// Make a new one: it is counted already.
        case open
        /// All are in use, or this account has its share: you stand in line.
        case wait
    }

    /// How many connections one account may hold: a tenth, at least 2.
    var shareMax: Int { max(2, settings.connections / 10) }

    /// Claims a connection. Where none may be had `waiter` stands in line and is woken when its turn comes: then it claims again, and
    /// keeps its place if that was in vain.
    ///
    /// Of one that kept silent the first claim after its rest is the one that tries it: the next must wait for the outcome, or a minute.
    func claim(for account: SubjectID, idleAtHand: Bool, by waiter: Waiter, at now: Instant) -> Claim {
        state.withLock { state in
            let held = state.held[account, default: 0]
            let place = state.line.firstIndex { $0.waiter === waiter }
            guard held < shareMax, idleAtHand || state.open < settings.connections else {
                if let place {
                    state.line[place].isCalled = false
                } else {
                    state.line.append(Place(waiter: waiter, account: account))
                }
                return .wait
            }
            if let place { state.line.remove(at: place) }
            if !idleAtHand { state.open += 1 }
            state.held[account] = held + 1
            if let rested = state.silentUntil, rested <= now {
                (state.silentUntil, state.triedAt) = (now + RelayState.restMax, now)
            }
            return idleAtHand ? .reuse : .open
        }
    }

    /// Takes `waiter` out of the line. It may have been called, and what it was called for may lie idle on another loop: the next
    /// is called.
    func leaveLine(_ waiter: Waiter) {
        state.withLock { $0.line.removeAll { $0.waiter === waiter } }
        wakeNext()
    }

    /// Notes that `account` no longer holds one of its connections, and wakes who waits for it.
    func release(by account: SubjectID) {
        state.withLock { state in
            let held = state.held[account, default: 1] - 1
            state.held[account] = held > 0 ? held : nil
        }
        wakeNext()
    }

    /// Counts a probe's connection, which may exceed the cap by one.
    func opened() { state.withLock { $0.open += 1 } }

    func closed() {
        state.withLock { $0.open -= 1 }
        wakeNext()
    }

    package var openCount: Int { state.withLock { $0.open } }

    /// Whether the next in line is one whose loop cannot use an idle connection of `executor`.
    func isWanted(elsewhereThan executor: RuntimeExecutor) -> Bool {
        state.withLock { state in next(in: state).map { state.line[$0].waiter.executor !== executor } ?? false }
    }

    private func wakeNext() {
        let waiter = state.withLock { state -> Waiter? in
            guard let next = next(in: state) else { return nil }
            state.line[next].isCalled = true
            return state.line[next].waiter
        }
        waiter?.wake()
    }

    /// The place of the first that may have a connection: whose account has its share would only wait on.
    private func next(in state: State) -> Int? {
        state.line.firstIndex { !$0.isCalled && state.held[$0.account, default: 0] < shareMax }
    }

    // MARK: - Health

    /// The shortest and the longest rest after a failure, in nanoseconds.
    static let restMin: UInt64 = .second
    static let restMax: UInt64 = 60 * .second

    package var isUp: Bool { state.withLock { $0.restsUntil == nil } }
    package var offered: Extensions? { state.withLock { $0.offered } }
    /// Whether it is to be probed: its rest is over, or nobody has reached it yet.
    func isProbeDue(at now: Instant) -> Bool {
        state.withLock { state in state.restsUntil.map { $0 <= now } ?? (state.offered == nil) }
    }
    var restsUntil: Instant? { state.withLock { $0.restsUntil } }

    /// How long after it might have been tried again a silence is told of, where nobody tries.
    static let silenceTold: UInt64 = 10 * .minute

    /// Whether it kept silent, and is not to be asked just now where another is there.
    func isSilent(at now: Instant) -> Bool { state.withLock { $0.silentUntil.map { now < $0 } ?? false } }

    /// Whether it kept silent in the middle of the latest messages, as far as anybody knows.
    package func keepsSilent(at now: Instant) -> Bool {
        state.withLock { $0.silentUntil.map { now < $0 + RelayState.silenceTold } ?? false }
    }

    /// Notes that a session waited in vain for its answer from `began` on; returns whether it had answered before. `jitter` is random.
    ///
    /// Of the sessions that were under way when it fell silent only the first counts; the rests grow with each that tried it since.
    func keptSilent(since began: Instant, now: Instant, jitter: UInt64) -> Bool {
        state.withLock { state in
            let wasSilent = state.silentUntil != nil
            let isNews = wasSilent ? state.triedAt.map { $0 <= began } : state.answeredAt.map { $0 <= began }
            guard isNews ?? !wasSilent else { return false }
            state.silences = min(state.silences + 1, 16)
            state.silentUntil = now + RelayState.rest(after: state.silences, jitter: jitter)
            return !wasSilent
        }
    }

    /// Notes that it has ended a message; returns whether it had kept silent before.
    func answered(now: Instant) -> Bool {
        state.withLock { state in
            defer { (state.silences, state.silentUntil, state.triedAt, state.answeredAt) = (0, nil, nil, now) }
            return state.silentUntil != nil
        }
    }

    private static func rest(after failures: Int, jitter: UInt64) -> UInt64 {
        let rest = min(restMin << UInt64(failures - 1), restMax)
        return rest / 2 + jitter % (rest / 2 + 1)
    }

    /// Notes that the relay was reached and what it offers; returns whether it had rested.
    func reached(offering: Extensions) -> Bool {
        state.withLock { state in
            defer {
                state.failures = 0
                state.restsUntil = nil
                state.offered = offering
            }
            return state.restsUntil != nil
        }
    }

    /// Notes that the relay could not be reached; returns whether it was up before. `jitter` is random.
    func failed(now: Instant, jitter: UInt64) -> Bool {
        state.withLock { state in
            state.failures = min(state.failures + 1, 16)
            let wasUp = state.restsUntil == nil
            state.restsUntil = now + RelayState.rest(after: state.failures, jitter: jitter)
            return wasUp
        }
    }
}

extension Relay {
    /// Whether who answers there, and what he offers, must be the same.
    fileprivate func isSameServer(as other: Relay) -> Bool {
        (address, tls, ca, login) == (other.address, other.tls, other.ca, other.login)
    }
}
