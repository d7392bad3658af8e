import Synchronization
package import WeirBase
package import WeirQuota
package import WeirRuntime
package import WeirStore

/// The one place where charges are decided, and from where they become durable.
///
/// Decisions are made in memory, under one lock, and never wait. What was decided goes to the journal as rows, each with a
/// ticket; the ``LedgerWriter`` commits them in groups, and a message's dot waits until its ticket is durable.
package final class Ledger: Sendable {
    /// A place in the order of journal rows; durable once all rows up to it are.
    package typealias Ticket = UInt64

    /// Whether rows become durable at present.
    package enum Condition: Equatable, Sendable {
        case sound
        /// The disk is full: 452 until it is not.
        case full
        /// Commits fail for another reason: 451.
        case failing
    }

    struct State: ~Copyable {
        var book = Book()
        var calendar = LocalCalendar()
        /// Rows that no commit has taken yet.
        var pending: [JournalRow] = []
        /// Likewise, of the detector's journal.
        var observations: [ObservationRow] = []
        /// The ticket of the last row in either, or handed to the writer before.
        var issued: Ticket = 0
        var writerIsIdle = false
        var waiting: [(ticket: Ticket, waiter: Waiter)] = []
        var condition = Condition.sound
    }

    private let state = Mutex(State())
    /// Stories that no commit has taken yet.
    private let stories = Mutex<[StoryRow]>([])
    private let durableTicket = Atomic<Ticket>(0)
    private let runtime: Runtime
    private let writerWaiter: Waiter

    /// `writer` is the waiter of the task that commits.
    init(runtime: Runtime, writer: Waiter) {
        self.runtime = runtime
        writerWaiter = writer
    }

    // MARK: - Deciding

    /// Lends the book at this moment, under the lock: no call out from `body`.
    package func decide<Result>(_ body: (inout Book, Moment) -> sending Result) -> sending Result {
        state.withLock { state in
            let moment = moment(&state)
            return body(&state.book, moment)
        }
    }

    private func moment(_ state: inout State) -> Moment {
        let now = runtime.now
        return Moment(now: now, calendar: state.calendar.refresh(now: now, wall: runtime.wall))
    }

    /// Rows that wait for their commit.
    package var pendingCount: Int { state.withLock { $0.pending.count } }

    package var condition: Condition { state.withLock { $0.condition } }

    // MARK: - Journalling

    /// Files rows that are decided elsewhere: refusals, forgiveness.
    @discardableResult
    package func journal(_ rows: [JournalRow]) -> Ticket {
        state.withLock { append(rows, to: &$0) }
    }

    /// Files what the detector has observed: it goes with the same commits.
    func file(_ observation: ObservationRow) {
        state.withLock { state in
            state.observations.append(observation)
            state.issued += 1
            wakeWriter(&state)
        }
    }

    /// The ticket of the last row of any kind.
    package var lastTicket: Ticket { state.withLock { $0.issued } }

    private func append(_ rows: [JournalRow], to state: inout State) -> Ticket {
        state.pending.append(contentsOf: rows)
        state.issued += UInt64(rows.count)
        wakeWriter(&state)
        return state.issued
    }

    private func wakeWriter(_ state: inout State) {
        if state.writerIsIdle {
            state.writerIsIdle = false
            writerWaiter.wake()
        }
    }

    /// Files what a message holds, before its content comes: the commit runs while that is in flight.
    func file(_ holds: [Hold], message: MessageID) {
        state.withLock { state in
            let now = runtime.now
            for hold in holds {
                guard let subjects = hold.reservation.subjects else { continue }
                let filed = Hold.Filed(
                    subjects: subjects, slot: Slot(now), amount: hold.reservation.held, message: message.number)
                hold.filed = filed
                hold.ticket = append([filed.row(.charge, filed.amount, at: now)], to: &state)
            }
        }
    }

    /// Files what a message has grown or shrunk by since it was filed: octets that SIZE had not declared rightly.
    func fileGrowth(of holds: [Hold]) {
        state.withLock { state in
            for hold in holds { fileGrowth(of: hold, to: hold.reservation.held, &state) }
        }
    }

    private func fileGrowth(of hold: Hold, to amount: Amount, _ state: inout State) {
        guard let filed = hold.filed, amount != filed.amount else { return }
        hold.ticket = append([filed.row(.growth, amount - filed.amount, at: runtime.now)], to: &state)
        hold.filed?.amount = amount
    }

    /// Takes a message back that was never released: its dot will not be sent.
    func withdraw(_ holds: [Hold]) {
        state.withLock { state in
            for hold in holds {
                let held = hold.reservation.held
                state.book.release(held, from: &hold.reservation)
                if let filed = hold.filed, filed.amount != .zero {
                    _ = append([filed.row(.refund, -filed.amount, at: runtime.now)], to: &state)
                }
                hold.filed = nil
            }
        }
    }

    /// What must happen before a message's dot may go out.
    enum Clearance: Equatable {
        /// Its charges stand, durable, in the slot of now: send the dot at once.
        case released
        /// Wait for this ticket and ask again.
        case wait(Ticket)
    }

    /// Makes what a message holds a charge, if all of it is durable in the slot of now, and `ticket` is too.
    func clear(_ holds: [Hold], after ticket: Ticket) -> Clearance {
        state.withLock { state in
            let moment = moment(&state)
            let slot = Slot(moment.now)
            for hold in holds {
                guard var filed = hold.filed, filed.slot != slot else { continue }
                let leaving = filed.row(.move, -filed.amount, at: moment.now)
                filed.slot = slot
                hold.filed = filed
                hold.ticket = append([leaving, filed.row(.move, filed.amount, at: moment.now)], to: &state)
            }
            let last = holds.map(\.ticket).reduce(ticket, max)
            guard isDurable(last) else { return .wait(last) }
            for hold in holds {
                hold.charge = state.book.commit(&hold.reservation, at: moment)
                // Where octets have no limit, what SIZE did not say may follow the dot.
                if let charge = hold.charge { fileGrowth(of: hold, to: charge.amount, &state) }
                hold.released = hold.filed
                hold.filed = nil
            }
            return .released
        }
    }

    /// Gives back a released message that the relay refused.
    func refund(_ holds: [Hold]) {
        state.withLock { state in
            let moment = moment(&state)
            for hold in holds {
                guard var charge = hold.charge, let filed = hold.released else { continue }
                let refund = state.book.refund(charge.amount, from: &charge, at: moment)
                hold.charge = nil
                guard refund.amount != .zero else { continue }
                var rows = [filed.row(.refund, -refund.amount, at: moment.now)]
                for subject in refund.forgiven {
                    rows.append(
                        JournalRow(
                            kind: .reset, at: moment.now, slot: charge.slot, account: subject, customer: nil,
                            amount: refund.amount, message: filed.message))
                }
                _ = append(rows, to: &state)
            }
        }
    }

    // MARK: - Stories

    /// Stories that wait for a commit, at most; where it is full, the message's line in the log is all that is left of it.
    static let storiesMax = 10_000

    /// Tells what came of a transaction: kept with the next commit there is, and no later than upkeep. Nobody waits for it.
    func tell(_ story: StoryRow) {
        stories.withLock { if $0.count < Ledger.storiesMax { $0.append(story) } }
    }

    /// A story that no commit has taken yet.
    package func story(_ id: UInt64) -> StoryRow? { stories.withLock { $0.last { $0.id == id } } }

    /// For the writer.
    func takeStories() -> [StoryRow] {
        stories.withLock { stories in
            defer { stories = [] }
            return stories
        }
    }

    /// Those of a commit that failed; the newest are dropped where there are too many.
    func giveBack(_ taken: [StoryRow]) {
        stories.withLock { $0 = Array((taken + $0).prefix(Ledger.storiesMax)) }
    }

    // MARK: - Durability

    func isDurable(_ ticket: Ticket) -> Bool { durableTicket.load(ordering: .acquiring) >= ticket }

    /// Waits until the ticket is durable; false when the deadline passes, or commits fail, before.
    package func becomesDurable(_ ticket: Ticket, until deadline: Instant, waiter: Waiter) async -> Bool {
        while !isDurable(ticket) {
            let mayWait = state.withLock { state in
                guard state.condition == .sound, !isDurable(ticket) else { return false }
                state.waiting.append((ticket, waiter))
                return true
            }
            if mayWait { await waiter.wait(until: deadline) }
            if isDurable(ticket) { return true }
            let isSound = state.withLock { state in
                state.waiting.removeAll { $0.waiter === waiter }
                return state.condition == .sound
            }
            if !isSound || runtime.now >= deadline { return false }
        }
        return true
    }

    // MARK: - For the writer

    /// Rows on their way into the store.
    struct Batch {
        var rows: [JournalRow] = []
        var observations: [ObservationRow] = []
        /// The ticket of the last.
        var last: Ticket = 0

        var count: Int { rows.count + observations.count }
        var isEmpty: Bool { count == 0 }
    }

    /// Puts the rows that wait behind those of `batch`; none at all: the writer is to wait until it is woken.
    func takePending(into batch: inout Batch) {
        state.withLock { state in
            batch.rows.append(contentsOf: state.pending)
            batch.observations.append(contentsOf: state.observations)
            batch.last = state.issued
            state.writerIsIdle = state.pending.isEmpty && state.observations.isEmpty
            state.pending = []
            state.observations = []
        }
    }

    /// Notes that every row up to `ticket` is durable.
    func committed(upTo ticket: Ticket) {
        durableTicket.store(ticket, ordering: .releasing)
        let ready = state.withLock { state in
            state.condition = .sound
            let ready = state.waiting.filter { $0.ticket <= ticket }
            state.waiting.removeAll { $0.ticket <= ticket }
            return ready
        }
        wake(ready.map(\.waiter))
    }

    /// One call to each loop, not one to each waiter; administrators wait on threads of their own.
    private func wake(_ waiters: [Waiter]) {
        var others = waiters
        for loop in runtime.loops where !others.isEmpty {
            let own = others.filter { $0.executor === loop }
            if own.isEmpty { continue }
            others.removeAll { $0.executor === loop }
            loop.post { for waiter in own { waiter.signal() } }
        }
        for waiter in others { waiter.wake() }
    }

    /// Notes that commits fail: whoever waits is told.
    func failed(_ condition: Condition) {
        let waiting = state.withLock { state in
            state.condition = condition
            defer { state.waiting = [] }
            return state.waiting
        }
        wake(waiting.map(\.waiter))
    }
}

/// What one message holds of one account's limits, from its first recipient until its outcome is known.
///
/// Owned by the message's session; the ledger changes it under its lock.
final class Hold {
    /// A charge as the journal has it.
    struct Filed {
        /// Whom the reservation is charged to.
        let subjects: Subjects
        var slot: Slot
        var amount: Amount
        let message: UInt64

        /// A row of the journal in its slot.
        func row(_ kind: JournalRow.Kind, _ amount: Amount, at now: Instant) -> JournalRow {
            JournalRow(
                kind: kind, at: now, slot: slot, account: subjects.account, customer: subjects.customer,
                amount: amount, message: message)
        }
    }

    /// Counted in every window, and filed under no slot in memory, until the dot.
    var reservation = Reservation()
    /// From DATA to the dot; nil also where nothing is held.
    fileprivate(set) var filed: Filed?
    /// From the dot on: there is nothing to withdraw any more.
    fileprivate(set) var released: Filed?
    /// From the dot on.
    fileprivate(set) var charge: Charge?
    /// Of the last row about it.
    fileprivate(set) var ticket: Ledger.Ticket = 0
}
