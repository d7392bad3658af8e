import Testing
import WeirBase
import WeirQuota

@Suite("The book, rule by rule")
struct BookTests {
    private let message = Amount(messages: 1)
    private let recipient = Amount(recipients: 1)

    @Test("the recipient after the last is refused, and told when there is room again")
    func refusal() throws {
        let desk = Desk(LimitSet(["3 recipients per day"]))
        for _ in 0..<3 { #expect(desk.reserve(recipient).isAdmitted) }
        desk.clock.advance(10 * .minute)
        desk.commit()
        desk.clock.advance(5 * .hour)
        let refusal = try #require(desk.reserve(recipient).refusal)
        #expect(refusal.limit == "3 recipients per day")
        #expect(refusal.scope == .account)
        #expect(refusal.used == 3)
        #expect(refusal.allowed == 3)
        #expect(refusal.freesAt == ManualClock().now + .hour + .day)
        #expect(!refusal.canNeverFit)
        #expect(desk.held == .zero)
    }

    @Test("an hour's slot counts until the whole of it is out, to the nanosecond")
    func slotLeaves() {
        let desk = Desk(LimitSet(["1 message per hour"]))
        desk.clock.advance(2 * .minute)
        #expect(desk.sends(message))
        desk.clock.advance(63 * .minute - 1)
        #expect(!desk.sends(message))
        desk.clock.advance(1)
        #expect(desk.sends(message))
    }

    @Test("of several limits that refuse the latest is told, and one that never fits before all")
    func strictest() throws {
        let desk = Desk(
            LimitSet(["1 message per hour", "2 B per message"]), customer: LimitSet(["1 message per day, reject"]),
            gateway: LimitSet(["1 message per day"]))
        #expect(desk.sends(message))
        let second = try #require(desk.reserve(message).refusal)
        #expect(second.scope == .customer)
        #expect(second.excess == .rejection)
        #expect(second.freesAt == desk.clock.now + .hour + .day)
        let third = try #require(desk.reserve(Amount(messages: 1, octets: 3)).refusal)
        #expect(third.limit == "2 B per message")
        #expect(third.canNeverFit)
        #expect(desk.used == [1, 0, 1, 1], "all are charged, or none")
    }

    @Test(
        "counts on exactly where a slot outgrows its narrow form",
        arguments: [
            Amount(recipients: 32_767), Amount(recipients: 32_768), Amount(refusals: 40_000), Amount(octets: 1 << 31),
            Amount(messages: 1 << 30, recipients: 1 << 30, refusals: 1 << 30, octets: 1 << 44),
        ])
    func outgrown(large: Amount) {
        let desk = Desk(LimitSet(["1000000000000 recipients per day", "1000000000000 messages per day"]))
        let slot = Slot(desk.clock.now)
        var expected = Amount.zero
        for (back, amount) in [(200, message), (3, recipient), (0, large), (0, recipient), (3, large), (0, -recipient)]
        {
            #expect(desk.load(amount, in: Slot(number: slot.number - UInt32(back))))
            expected += amount
        }
        #expect(desk.used == [expected.recipients, expected.messages])
        #expect(desk.reset().reduce(Amount.zero) { $0 + $1.amount } == expected)
    }

    @Test("within a message: recipients, and octets as they stream")
    func perMessage() throws {
        let desk = Desk(LimitSet(["2 recipients per message", "100 B per message", "150 B per day"]))
        #expect(desk.reserve(Amount(messages: 1, recipients: 1, octets: 60)).isAdmitted)
        #expect(desk.reserve(recipient).isAdmitted)
        let third = try #require(desk.reserve(recipient).refusal)
        #expect(third.used == 2)
        #expect(!third.canNeverFit)
        #expect(third.freesAt == nil)
        #expect(desk.reserve(Amount(octets: 40)).isAdmitted)
        let octet = try #require(desk.reserve(Amount(octets: 1)).refusal)
        #expect(octet.used == 100)
        #expect(octet.canNeverFit)
        #expect(octet.excess == .rejection)
        desk.commit()
        let later = try #require(desk.reserve(Amount(messages: 1, octets: 51)).refusal)
        #expect(later.limit.window == .day)
        #expect(!later.canNeverFit)
    }

    @Test("refusals used up refuse recipients, not octets")
    func refusals() throws {
        let desk = Desk(LimitSet(["2 refusals per hour"], warnAt: [100]))
        #expect(desk.record(refusals: 1).isEmpty)
        #expect(desk.reserve(recipient).crossings.isEmpty)
        #expect(desk.record(refusals: 1).map(\.percent) == [100])
        let refusal = try #require(desk.reserve(recipient).refusal)
        #expect(refusal.used == 2)
        #expect(refusal.freesAt == desk.clock.now + 65 * .minute)
        #expect(desk.reserve(Amount(octets: 1)).isAdmitted)
        desk.clock.advance(65 * .minute)
        #expect(desk.reserve(recipient).isAdmitted)
    }

    @Test("connections are counted while they last")
    func connections() throws {
        let desk = Desk(LimitSet(["2 connections"]), customer: LimitSet(["3 connections"]))
        #expect(desk.connect().isAdmitted)
        #expect(desk.connect().isAdmitted)
        let refusal = try #require(desk.connect().refusal)
        #expect(refusal.scope == .account)
        #expect(refusal.used == 2)
        #expect(refusal.freesAt == nil)
        desk.disconnect()
        #expect(desk.connect().isAdmitted)
        for _ in 0..<5 { desk.disconnect() }
        #expect(desk.used == [0, 0])
    }

    @Test("a warning is told once a window, however often its mark is crossed")
    func warnings() {
        let desk = Desk(LimitSet(["10 recipients per hour", "1 message per day, observe"], warnAt: [80, 100]))
        func told(_ amount: Amount) -> [Int?] { desk.reserve(amount).crossings.map(\.percent) }
        #expect(told(Amount(messages: 1, recipients: 7)) == [])
        #expect(told(recipient) == [80])
        #expect(told(recipient) == [])
        desk.release(Amount(recipients: 2))
        #expect(told(recipient) == [])
        #expect(told(Amount(recipients: 2)) == [100])
        desk.release(Amount(recipients: 4))
        #expect(told(message) == [nil], "a limit that observes is told when it is passed")
        #expect(told(message) == [])
        desk.clock.advance(2 * .hour)
        #expect(told(Amount(recipients: 4)) == [80, 100])
    }

    @Test("a message per message is told each time, where its limit only observes")
    func observedMessages() {
        let desk = Desk(LimitSet(["1 recipient per message, observe"]))
        for _ in 0..<2 {
            #expect(desk.reserve(recipient).crossings.isEmpty)
            #expect(desk.reserve(recipient).crossings.map(\.used) == [2])
            #expect(desk.reserve(recipient).crossings.isEmpty)
            desk.commit()
        }
    }

    @Test("a local day of any zone begins anew at its midnight, and a clock set back opens none again")
    func calendar() {
        let desk = Desk(LimitSet(["1 message per day, calendar"]), clock: ManualClock(zone: 345 * .minute))
        desk.clock.advance(18 * .hour + 10 * .minute)
        #expect(desk.sends(message))
        #expect(!desk.sends(message))
        desk.clock.advance(5 * .minute)
        #expect(desk.sends(message), "it is midnight at +05:45")
        #expect(!desk.sends(message))
        desk.clock.ahead -= 6 * .minute
        #expect(!desk.sends(message), "yesterday is over")
        desk.clock.advance(10 * .minute)
        #expect(!desk.sends(message), "today was open before")
        desk.clock.advance(23 * .hour)
        #expect(!desk.sends(message))
        desk.clock.advance(.hour)
        #expect(desk.sends(message))
    }

    @Test("an hour of the clock that midnight divides stays divided, though its slots are joined")
    func dividedHour() {
        let desk = Desk(
            LimitSet(["99 messages per day, calendar", "98 messages per day, observe"]),
            clock: ManualClock(zone: 345 * .minute))
        desk.clock.advance(18 * .hour)
        for _ in 0..<100 {
            #expect(desk.sends(message))
            desk.clock.advance(5 * .minute)
        }
        #expect(desk.used == [97, 100], "three slots were before midnight")
    }

    @Test("a wall clock that was weeks ahead holds a calendar window no longer than its day")
    func calendarRecovers() {
        let desk = Desk(LimitSet(["1 message per day, calendar"]))
        desk.clock.ahead += 1000 * .hour
        #expect(desk.sends(message))
        desk.clock.ahead -= 1000 * .hour
        #expect(!desk.sends(message))
        desk.clock.advance(.day)
        #expect(desk.sends(message))
        #expect(!desk.sends(message))
    }

    @Test("a refund after a reset changes nothing, and the journal is told so")
    func refundAfterReset() throws {
        let set = LimitSet(["9 recipients per day"])
        let desk = Desk(set, customer: set, gateway: set)
        #expect(desk.reserve(Amount(recipients: 3)).isAdmitted)
        var charge = try #require(desk.commit())
        let forgiven = desk.reset()
        #expect(forgiven.map(\.amount) == [Amount(recipients: 3)])
        #expect(forgiven.map(\.slot) == [Slot(desk.clock.now)])
        #expect(desk.sends(Amount(recipients: 2)))
        let refund = desk.refund(Amount(recipients: 9), from: &charge)
        #expect(refund.amount == Amount(recipients: 3))
        #expect(refund.forgiven == [1])
        #expect(desk.used == [2, 2, 2])
        #expect(desk.refund(Amount(recipients: 1), from: &charge).amount == .zero, "it was all taken out")
    }

    @Test("changed limits hold at once, and what is reserved stays")
    func changedLimits() throws {
        let desk = Desk(LimitSet(["5 recipients per day"]))
        #expect(desk.reserve(Amount(recipients: 5)).isAdmitted)
        desk.parties.account.limits = LimitSet(["2 recipients per day", "3 messages per day"])
        let refusal = try #require(desk.reserve(recipient).refusal)
        #expect(refusal.used == 5)
        #expect(refusal.allowed == 2)
        #expect(refusal.freesAt == desk.clock.now + .hour + .day)
        #expect(desk.reserve(message).isAdmitted)
        #expect(desk.commit()?.amount == Amount(messages: 1, recipients: 5))
        #expect(desk.used == [5, 1])
    }

    @Test(
        "an override that ends soon has room at its end, by what holds then",
        arguments: [(2, 2, UInt64.minute), (0, 0, .minute), (0, 5, .hour + .day), (2, 4, .minute)])
    func overrideEnds(allowed: Int64, used: Int64, room: UInt64) throws {
        let desk = Desk(LimitSet(["5 recipients per day"]))
        if used > 0 { #expect(desk.sends(Amount(recipients: used))) }
        let limit = Limit(quantity: .recipients, window: .day, calendar: false, excess: .deferral, allowed: allowed)
        let override = Override(limit: limit, until: desk.clock.now + .minute, reason: "a test")
        desk.parties.account.limits = LimitSet(["5 recipients per day"], overrides: [override])
        let refusal = try #require(desk.reserve(recipient).refusal)
        #expect(!refusal.canNeverFit)
        #expect(refusal.freesAt == desk.clock.now + room)
        desk.clock.advance(room)
        #expect(desk.reserve(recipient).isAdmitted)
    }

    @Test("a message that is on its way counts for the customer it began with")
    func changedCustomer() throws {
        let set = LimitSet(["5 recipients per day"])
        let desk = Desk(customer: set)
        #expect(desk.reserve(recipient).isAdmitted)
        desk.parties.customer = Party(3, limits: set)
        #expect(desk.reserve(recipient).isAdmitted)
        let charge = try #require(desk.commit())
        #expect(charge.subjects == Subjects(account: 1, customer: 2))
        #expect(desk.used == [0])
        desk.parties.customer = Party(2, limits: set)
        #expect(desk.used == [2])
    }

    @Test("a limit of 0 lets nothing pass, now or later")
    func zero() throws {
        let desk = Desk(LimitSet(["0 recipients per day"]))
        #expect(desk.reserve(message).isAdmitted)
        let refusal = try #require(desk.reserve(recipient).refusal)
        #expect(refusal.canNeverFit)
        #expect(refusal.freesAt == nil)
    }

    @Test("memory follows who is active")
    func eviction() {
        let desk = Desk()
        for number in 10..<60 as Range<UInt32> { desk.send(message, from: SubjectID(number: number)) }
        #expect(desk.connect().isAdmitted)
        #expect(desk.subjects == 52)
        #expect(desk.evict(100) == 0)
        desk.clock.advance(.day + .hour)
        #expect((1...10).contains(desk.evict(10)))
        for _ in 0..<20 { _ = desk.evict(10) }
        #expect(desk.subjects == 2, "the gateway, and the one that is connected")
        desk.disconnect()
        _ = desk.evict(10)
        #expect(desk.subjects == 1)
        desk.send(message, from: 10)
        #expect(desk.subjects == 2)
    }

    @Test("what is stored for the future counts as of now; what is long past does not")
    func loading() {
        let desk = Desk(LimitSet(["9 recipients per hour"]))
        let now = Slot(desk.clock.now).number
        #expect(!desk.load(Amount(recipients: 2), in: Slot(number: .max)))
        #expect(desk.load(Amount(recipients: 3), in: Slot(number: now)))
        #expect(desk.load(Amount(recipients: 4), in: Slot(number: now - 600)))
        #expect(desk.used == [5])
    }
}
