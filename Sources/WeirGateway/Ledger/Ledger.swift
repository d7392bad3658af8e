import Synchronization
package import WeirQuota
package import WeirRuntime
package import WeirTime

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
        /// The ticket of the last row in `pending`, or handed to the writer before.
        var issued: Ticket = 0
        var writerIsIdle = false
        var waiting: [(ticket: Ticket, waiter: Waiter)] = []
        var condition = Condition.sound
    }

    private let state = Mutex(State())
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

    private func append(_ rows: [JournalRow], to state: inout State) -> Ticket {
        state.pending.append(contentsOf: rows)
        state.issued += UInt64(rows.count)
        if state.writerIsIdle {
            state.writerIsIdle = false
            writerWaiter.wake()
        }
        return state.issued
    }

    /// Files what a message holds, before its content comes: the commit runs while that is in flight.
    func file(_ reservation: borrowing Reservation, of subjects: Subjects, message: UInt64) -> FiledCharge {
        let amount = reservation.held
        return state.withLock { state in
            let now = runtime.now
            var filed = FiledCharge(slot: Slot(now), subjects: subjects, amount: amount, ticket: 0, message: message)
            filed.ticket = append([filed.row(.charge, amount, at: now)], to: &state)
            return filed
        }
    }

    /// Files what a message has grown by since it was filed: octets that SIZE had not declared.
    func fileGrowth(of filed: inout FiledCharge, to reservation: borrowing Reservation) {
        let growth = reservation.held - filed.amount
        guard growth != .zero else { return }
        filed.amount += growth
        filed.ticket = state.withLock { append([filed.row(.growth, growth, at: runtime.now)], to: &$0) }
    }

    /// Takes a message back that was never released: its dot will not be sent.
    func withdraw(_ filed: FiledCharge?, _ reservation: inout Reservation) {
        state.withLock { state in
            state.book.release(reservation.held, from: &reservation)
            guard let filed, filed.amount != .zero else { return }
            _ = append([filed.row(.refund, -filed.amount, at: runtime.now)], to: &state)
        }
    }

    /// What must happen before a message's dot may go out.
    enum Clearance {
        /// Its charge stands, durable, in the slot of now: send the dot at once.
        case released(Charge)
        /// Wait for this ticket and ask again.
        case wait(Ticket)
    }

    /// Makes the reservation a charge if all of it is durable in the slot of now.
    func clear(_ filed: inout FiledCharge, _ reservation: inout Reservation) -> Clearance {
        state.withLock { state in
            let moment = moment(&state)
            let slot = Slot(moment.now)
            if slot != filed.slot {
                let leaving = filed.row(.move, -filed.amount, at: moment.now)
                filed.slot = slot
                filed.ticket = append([leaving, filed.row(.move, filed.amount, at: moment.now)], to: &state)
            }
            guard isDurable(filed.ticket) else { return .wait(filed.ticket) }
            guard let charge = state.book.commit(&reservation, at: moment) else {
                preconditionFailure("a message without recipients has no dot")
            }
            return .released(charge)
        }
    }

    /// Gives back a released message that the relay refused.
    func refund(_ charge: inout Charge, message: UInt64) {
        state.withLock { state in
            let moment = moment(&state)
            let refund = state.book.refund(charge.amount, from: &charge, at: moment)
            guard refund.amount != .zero else { return }
            var rows = [
                JournalRow(
                    kind: .refund, at: moment.now, slot: charge.slot, account: charge.subjects.account,
                    customer: charge.subjects.customer, amount: -refund.amount, message: message)
            ]
            for subject in refund.forgiven {
                rows.append(
                    JournalRow(
                        kind: .reset, at: moment.now, slot: charge.slot, account: subject, customer: nil,
                        amount: refund.amount, message: message))
            }
            _ = append(rows, to: &state)
        }
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

    /// The rows that wait, and the ticket of the last; empty: the writer is to wait until it is woken.
    func takePending() -> (rows: [JournalRow], last: Ticket) {
        state.withLock { state in
            let rows = state.pending
            state.pending = []
            state.writerIsIdle = rows.isEmpty
            return (rows, state.issued)
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

/// A message's charge as the journal has it, while the message is on its way.
struct FiledCharge {
    var slot: Slot
    let subjects: Subjects
    var amount: Amount
    /// Of the last row about this message.
    var ticket: Ledger.Ticket
    let message: UInt64

    /// A row of the journal about this message in its slot.
    func row(_ kind: JournalRow.Kind, _ amount: Amount, at now: Instant) -> JournalRow {
        JournalRow(
            kind: kind, at: now, slot: slot, account: subjects.account, customer: subjects.customer, amount: amount,
            message: message)
    }
}
