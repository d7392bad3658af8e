import Testing
import WeirBase
import WeirQuota
import WeirRuntime
import WeirStore

@Suite("The ledger") struct LedgerTests {
    let store = SimulatedStore()

    @Test("counts a row against its account, its customer and the gateway, and still does after a restart")
    func roundTrip() throws {
        var expected: [Cell: Amount] = [:]
        do {
            let ledger = try LedgerStore(in: store.directory)
            let alice = try ledger.subject(.account, "alice@isp.example")
            let company = try ledger.subject(.customer, "company")
            #expect(try ledger.append([row(alice, customer: company, recipients: 3), row(alice)]) == 2)
            for (subject, recipients) in [(SubjectID.gateway, 4), (alice, 4), (company, 3)] as [(SubjectID, Int64)] {
                let messages: Int64 = subject == company ? 1 : 2
                expected[Cell(slot: Slot(noon).number, subject: subject.number)] = Amount(
                    messages: messages, recipients: recipients, octets: messages * 1000)
            }
            #expect(try ledger.counts() == expected)
        }
        let ledger = try LedgerStore(in: store.directory)
        #expect(try ledger.counts() == expected)
        #expect(ledger.lastSequence == 2)
        #expect(try ledger.subject(.account, "alice@isp.example") == SubjectID(number: 1))
        #expect(try ledger.name(of: SubjectID(number: 2)) == "company")
        #expect(try ledger.name(of: SubjectID(number: 3)) == nil)
        #expect(try ledger.append([row(SubjectID(number: 1))]) == 3)
    }

    @Test("forgives an account alone: its customer and the gateway keep what they counted")
    func reset() throws {
        do {
            let ledger = try LedgerStore(in: store.directory)
            let alice = try ledger.subject(.account, "alice@isp.example")
            let company = try ledger.subject(.customer, "company")
            try ledger.append([row(alice, customer: company, recipients: 3)])
            var forgiven = row(alice, recipients: 3)
            forgiven.kind = .reset
            forgiven.amount = -forgiven.amount
            try ledger.append([forgiven])
        }
        let counts = try LedgerStore(in: store.directory).counts()
        for (subject, recipients) in [(0, 3), (1, 0), (2, 3)] as [(UInt32, Int64)] {
            #expect(counts[Cell(slot: Slot(noon).number, subject: subject), default: .zero].recipients == recipients)
        }
    }

    @Test("keeps one number for one name of one kind, whatever is written in it", arguments: injections)
    func subjects(name: String) throws {
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, name)
        let customer = try ledger.subject(.customer, name)
        #expect(account != customer)
        #expect(try ledger.subject(.account, name) == account)
        try ledger.append([])
        #expect(try ledger.subject(.account, name) == account)
        #expect(try ledger.name(of: account) == name)
        #expect(try ledger.subject(.gateway, name) == .gateway)
    }

    @Test("folds to the same counts, in slices of any size, with rows coming in between", arguments: [1, 2, 7, 1000])
    func folding(budget: Int) throws {
        let ledger = try LedgerStore(in: store.directory)
        var now = noon
        for step in 0..<40 {
            let account = try ledger.subject(.account, "user\(step % 7)")
            try ledger.append([row(account, at: now), row(account, at: now, recipients: -1)])
            _ = try ledger.maintain(now: now, budget: budget)
            now.nanoseconds += .minute
        }
        let before = try ledger.counts(by: 12)
        try ledger.drain(now: now + 10 * .minute, budget: budget)
        #expect(try ledger.counts(by: 12) == before)
        #expect(try ledger.journal(message: 0).rows.count == 80, "young rows stay to be looked at")
        try ledger.drain(now: now + 2 * .hour, budget: budget)
        #expect(try ledger.counts(by: 12) == before)
        #expect(try ledger.journal(message: 0).rows.isEmpty)
        #expect(try LedgerStore(in: store.crashed(seed: 1).directory).counts(by: 12) == before)
    }

    @Test("keeps slots for an hour, hours for 35 days, and nothing after that")
    func ageing() throws {
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "alice")
        for slot in 0..<24 { try ledger.append([row(account, at: noon + UInt64(slot) * Slot.span)]) }
        let hours = try ledger.counts(by: 12)
        try ledger.drain(now: noon + 119 * .minute, budget: 3)
        #expect(try ledger.counts().count == 48)
        try ledger.drain(now: noon + 2 * .hour, budget: 3)
        #expect(try ledger.counts().count == 26)
        try ledger.drain(now: noon + 3 * .hour, budget: 3)
        #expect(try ledger.counts().count == 4)
        #expect(try ledger.counts(by: 12) == hours)
        try ledger.drain(now: noon + 38 * .day, budget: 3)
        #expect(try ledger.counts().isEmpty)
    }

    @Test("an hour in which the local day begins stays in two parts", arguments: [0, 1, 3, 6, 9, 11, 12] as [UInt32])
    func dividedHour(offset: UInt32) throws {
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "alice")
        for slot in 0..<12 { try ledger.append([row(account, at: noon + UInt64(slot) * Slot.span)]) }
        let today = Slot(number: Slot(noon).number + offset)
        while try ledger.maintain(now: noon + 3 * .hour, today: today, budget: 5) {}
        let counts = try LedgerStore(in: store.crashed(seed: 1).directory).counts()
        #expect(counts.count == (offset % 12 == 0 ? 2 : 4))
        let since = counts.filter { $0.key.subject == account.number && $0.key.slot >= today.number }
        #expect(since.values.map(\.messages).reduce(0, +) == Int64(12 - offset))
    }

    @Test("hands out every subject, however many there are", arguments: [1, 4_095, 4_096, 4_097, 9_000])
    func manySubjects(count: UInt32) throws {
        let ledger = try LedgerStore(in: store.directory)
        let subjects = try (1...count).map { try ledger.subject(.account, "user\($0)") }
        // One that was never named is counted all the same.
        try ledger.append((subjects + [SubjectID(number: 1 << 31)]).map { row($0) })
        try ledger.drain(now: noon + 10 * .minute, budget: 10_000)
        #expect(try ledger.counts().count == Int(count) + 2)
    }

    @Test("hands out the same in parts of any size, upkeep asked for in between", arguments: [1, 2, 3] as [UInt32])
    func parts(count: UInt32) throws {
        let ledger = try LedgerStore(in: store.directory)
        let accounts = try (0..<5).map { try ledger.subject(.account, "user\($0)") }
        for slot in 0..<26 { try ledger.append(accounts.map { row($0, at: noon + UInt64(slot) * Slot.span) }) }
        let before = try ledger.counts()
        // As after a kill: nothing is folded yet.
        let reopened = try LedgerStore(in: store.crashed(seed: 1).directory)
        var (counts, report): ([Cell: Amount], LoadReport) = ([:], LoadReport())
        repeat {
            report = try reopened.load(
                since: Slot(number: 0), now: Slot(number: .max), continuing: report, subjects: count
            ) { slot, subject, amount in
                counts[Cell(slot: slot.number, subject: subject.number), default: .zero] += amount
            }
            if !report.isWhole { try reopened.drain(now: noon + 3 * .hour, budget: 7) }
        } while !report.isWhole
        #expect(counts == before)
        #expect(try reopened.maintain(now: noon + 3 * .hour), "or this shows nothing")
        try reopened.drain(now: noon + 3 * .hour)
        #expect(try reopened.counts(by: 12) == ledger.counts(by: 12))
    }

    @Test("hands out rows of the future as of now, and says so")
    func future() throws {
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "alice")
        try ledger.append([row(account), row(account, at: noon + .hour)])
        var slots: [Slot] = []
        let report = try ledger.load(since: Slot(number: 0), now: Slot(noon)) { slot, _, _ in slots.append(slot) }
        #expect(slots == Array(repeating: Slot(noon), count: 4))
        #expect(report.amounts == 4 && report.fromTheFuture == 2)
        #expect(report.latest == Slot(noon + .hour))
        let later = try ledger.load(since: Slot(noon + .minute * 5), now: Slot(noon + .hour)) { _, _, _ in }
        #expect(later.amounts == 2)
    }

    @Test("tells what a subject used, folded or not, slot by slot")
    func usage() throws {
        let ledger = try LedgerStore(in: store.directory)
        let alice = try ledger.subject(.account, "alice")
        let bob = try ledger.subject(.account, "bob")
        for minute in stride(from: 0, to: 60, by: 4) as StrideTo<UInt64> {
            try ledger.append([row(alice, at: noon + minute * .minute), row(bob, at: noon + minute * .minute)])
            if minute == 32 { try ledger.drain(now: noon + 40 * .minute) }
        }
        let usage = try ledger.usage(of: alice, from: Slot(noon), to: Slot(noon + .hour))
        #expect(usage.map(\.slot) == (0..<12).map { Slot(number: Slot(noon).number + $0) })
        #expect(usage.map(\.amount.messages).reduce(0, +) == 15)
        #expect(try ledger.usage(of: alice, from: Slot(noon + .hour), to: Slot(noon)).isEmpty)
        #expect(try ledger.usage(of: alice, from: Slot(number: 0), to: Slot(number: .max)).isEmpty, "35 days at most")
    }

    @Test("finds the rows of a message and of a subject, page by page")
    func journal() throws {
        let ledger = try LedgerStore(in: store.directory)
        let alice = try ledger.subject(.account, "alice")
        let bob = try ledger.subject(.account, "bob")
        for message in 1...50 as ClosedRange<UInt64> {
            try ledger.append([row(message % 2 == 0 ? alice : bob, message: message), row(bob, message: .max)])
        }
        #expect(try ledger.journal(message: 7).rows.map(\.sequence) == [13])
        var found: [UInt64] = []
        var cursor: UInt64?
        repeat {
            let page = try ledger.journal(subject: alice, before: cursor, scanning: 11)
            found += page.rows.map(\.message)
            cursor = page.next
        } while cursor != nil
        #expect(found == stride(from: 50, to: 0, by: -2).map { $0 })
        #expect(try ledger.journal(message: .max).rows.count == 50)
    }

    @Test("remembers the clock's anchor")
    func anchor() throws {
        do {
            let ledger = try LedgerStore(in: store.directory)
            #expect(try ledger.anchor() == nil)
            try ledger.save(ClockAnchor(boot: "one", offset: 5))
            try ledger.save(ClockAnchor(boot: "two", offset: .max))
        }
        #expect(try LedgerStore(in: store.directory).anchor() == ClockAnchor(boot: "two", offset: .max))
    }

    @Test("takes amounts at the ends of their range without trapping")
    func extremes() throws {
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "alice")
        var wide = row(account, at: .distantFuture, message: .max)
        wide.amount = Amount(messages: 1 << 52, recipients: -(1 << 52), refusals: 0, octets: 1 << 52)
        try ledger.append([wide, wide, wide])
        #expect(try ledger.usage(of: account, from: wide.slot, to: wide.slot).map(\.amount.messages) == [3 << 52])
    }
}

/// Names that have been used against programs that build SQL.
let injections = [
    "'; DROP TABLE charge; --", "alice' OR '1'='1", "\" UNION SELECT 1 --", "%_*?", "?1", ":name", "a\\'b", "x'41'",
    "Robert\u{0}--", "", "ÄÖÜ 日本 🙂",
]
