import WeirBase
import WeirQuota

/// A book, a clock, and one message on its way: an expectation cannot hold what is not copyable.
final class Desk {
    var clock: ManualClock
    private var book = Book()
    private var reservation = Reservation()
    var parties: Parties

    init(
        _ account: LimitSet = .none, customer: LimitSet? = nil, gateway: LimitSet = .none,
        clock: ManualClock = ManualClock()
    ) {
        self.clock = clock
        parties = Parties(
            account: Party(1, limits: account), customer: customer.map { Party(2, limits: $0) }, gateway: gateway)
    }

    var held: Amount { reservation.held }
    var subjects: Int { book.count }

    /// What is used of every limit.
    var used: [Int64] { book.usage(of: parties, at: clock.moment).map(\.used) }

    func reserve(_ amount: Amount) -> Decision {
        book.reserve(amount, into: &reservation, for: parties, at: clock.moment)
    }

    func release(_ amount: Amount) { book.release(amount, from: &reservation) }

    @discardableResult
    func commit() -> Charge? { book.commit(&reservation, at: clock.moment) }

    /// Sends one message of `amount`, if it may.
    func sends(_ amount: Amount) -> Bool {
        let isAdmitted = reserve(amount).isAdmitted
        commit()
        return isAdmitted
    }

    /// Sends one message for another account.
    func send(_ amount: Amount, from account: SubjectID) {
        var reservation = Reservation()
        _ = book.reserve(amount, into: &reservation, for: Parties(account: Party(account)), at: clock.moment)
        _ = book.commit(&reservation, at: clock.moment)
    }

    func refund(_ amount: Amount, from charge: inout Charge) -> Refund {
        book.refund(amount, from: &charge, at: clock.moment)
    }

    func record(refusals: Int64) -> [Crossing] { book.record(refusals: refusals, for: parties, at: clock.moment) }
    func connect() -> Decision { book.connect(parties, at: clock.moment) }
    func disconnect() { book.disconnect(parties.subjects) }
    func reset() -> [(slot: Slot, amount: Amount)] { book.reset(parties.account.subject, at: clock.moment) }
    func evict(_ count: Int) -> Int { book.evict(atMost: count, at: clock.moment) }

    func load(_ amount: Amount, in slot: Slot) -> Bool {
        book.load(amount, of: parties.account.subject, in: slot, at: clock.moment)
    }
}
