import Testing
import WeirBase
import WeirQuota

@Suite("Numbers from the ends of their types")
struct ExtremesTests {
    @Test("nothing traps, and no count is negative", arguments: [.min, -1, 0, 1, .max - 1, .max] as [Int64])
    func counts(number: Int64) {
        var book = Book()
        for allowed in [0, 1, .max] as [Int64] {
            for instant in [0, 1, .day, .max - 1, .max] as [UInt64] {
                for key in [.min, 0, .max] as [Int32] {
                    let now = Instant(nanoseconds: instant)
                    let span = CalendarSpan(key: key, start: now, end: .distantFuture)
                    let moment = Moment(now: now, calendar: CalendarNow(hour: span, day: span))
                    let limits = everyLimit(allowing: allowed, calendar: key == 0)
                    for limits in [limits, .none] {
                        let party = Party(2, limits: limits)
                        let parties = Parties(account: Party(1, limits: limits), customer: party, gateway: limits)
                        live(number, in: &book, parties, moment)
                        let usages = book.usage(of: parties, at: moment)
                        #expect(usages.allSatisfy { $0.used >= 0 && $0.reserved == 0 })
                    }
                }
            }
        }
    }

    private func everyLimit(allowing allowed: Int64, calendar: Bool) -> LimitSet {
        let limits = Limit.Name.all.map { name in
            Limit(
                quantity: name.quantity, window: name.window, calendar: calendar,
                excess: name.observes ? .observe : .deferral, allowed: allowed)
        }
        return LimitSet(limits, warnAt: [.min, -1, 80, .max])
    }

    private func live(_ number: Int64, in book: inout Book, _ parties: Parties, _ moment: Moment) {
        let amount = Amount(messages: number, recipients: number, refusals: number, octets: number)
        var first = Reservation()
        var second = Reservation()
        _ = book.reserve(amount, into: &first, for: parties, at: moment)
        _ = book.reserve(amount, into: &first, for: parties, at: moment)
        _ = book.reserve(amount, into: &second, for: parties, at: moment)
        book.release(second.held, from: &second)
        if var charge = book.commit(&first, at: moment) { book.refund(amount, from: &charge, at: moment) }
        _ = book.record(refusals: number, for: parties, at: moment)
        book.load(amount, of: 1, in: Slot(number: .max), at: moment)
        _ = book.reset(2, at: moment)
        book.evict(atMost: 9, at: moment)
    }

    @Test("slots and amounts stay within their types")
    func values() {
        #expect(Slot(number: .max).start == .distantFuture)
        #expect(Slot(.distantFuture).start <= .distantFuture)
        let most = Amount(messages: .max, recipients: .max, refusals: .max, octets: .max)
        let least = Amount(messages: .min, recipients: .min, refusals: .min, octets: .min)
        #expect(most + most == most)
        #expect(-least == most)
        #expect(least - most == least)
    }
}
