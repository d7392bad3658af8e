import WeirBase
package import WeirQuota

/// What a start found in the ledger.
package struct LoadReport: Hashable, Sendable {
    /// How many amounts were handed out.
    package var amounts = 0
    /// How many of them were filed under a slot after `now`, and were handed out as of now: an alarm.
    package var fromTheFuture = 0
    /// The latest slot with any usage.
    package var latest: Slot?
    /// The number of the first subject that was not handed out yet; nil: all were.
    fileprivate var next: UInt32? = 0
    /// Every slot with usage, once they are known.
    fileprivate var slots: [UInt32]?

    package var isWhole: Bool { next == nil }

    package init() {}
}

/// The gateway's clock, as of the boot it was anchored in.
package struct ClockAnchor: Hashable, Sendable {
    /// What the kernel calls this boot.
    package var boot: String
    /// Nanoseconds from CLOCK_BOOTTIME to the gateway's clock.
    package var offset: UInt64

    package init(boot: String, offset: UInt64) {
        self.boot = boot
        self.offset = offset
    }
}

/// Some journal rows, the latest first.
package struct JournalPage: Sendable {
    package var rows: [JournalRow]
    /// Where the search goes on, nil when it reached the journal's beginning.
    package var next: UInt64?
}

extension LedgerStore {
    struct Queries {
        let meta, replay, load, latest, usage: Statement
        let byMessage, bySubject: Statement

        init(_ database: Database) throws(StoreError) {
            meta = try database.prepare("SELECT value FROM meta WHERE key = ?1")
            replay = try database.prepare("SELECT * FROM charge WHERE sequence > ?1 ORDER BY sequence")
            load = try database.prepare(
                "SELECT * FROM usage WHERE slot = ?1 AND subject BETWEEN ?2 AND ?3 ORDER BY subject")
            latest = try database.prepare("SELECT slot FROM usage ORDER BY slot DESC LIMIT 1")
            // One probe a slot: the key has the time first.
            usage = try database.prepare(
                """
                WITH RECURSIVE wanted(slot) AS (VALUES(?2) UNION ALL SELECT slot + 1 FROM wanted WHERE slot < ?3)
                SELECT usage.* FROM wanted CROSS JOIN usage ON usage.slot = wanted.slot AND usage.subject = ?1
                """)
            byMessage = try database.prepare(
                """
                SELECT * FROM charge WHERE sequence < ?1 AND sequence >= ?2 AND message = ?3
                ORDER BY sequence DESC
                """)
            bySubject = try database.prepare(
                """
                SELECT * FROM charge WHERE sequence < ?1 AND sequence >= ?2 AND (account = ?3 OR customer = ?3)
                ORDER BY sequence DESC
                """)
        }
    }

    /// Rebuilds in memory what the journal counts beyond `usage`, a fold that was cut short included.
    func replay() throws(StoreError) {
        folded = try number("folded") ?? 0
        lastSequence = folded
        let cut = try number("fold_cut")
        let done = try number("fold_done").map(UsageKey.init(packed:))
        var isCut = false
        try queries.replay.each(.unsigned(folded)) { statement throws(StoreError) in
            let row = try self.row(statement)
            if let cut, row.sequence > cut, !isCut {
                tally.close(upTo: cut, after: done)
                isCut = true
            }
            tally.add(row)
            lastSequence = row.sequence
        }
        if let cut, !isCut { tally.close(upTo: cut, after: done) }
    }

    /// Hands out the usage of `since` and later, in parts that are to be added up; `now` is the clock's slot.
    ///
    /// That of at most `count` subjects, slot by slot; what it returns continues it with the next ones.
    package func load(
        since: Slot, now: Slot, continuing former: LoadReport = LoadReport(), subjects count: UInt32 = .max,
        _ body: (Slot, SubjectID, Amount) -> Void
    ) throws(StoreError) -> LoadReport {
        guard let first = former.next else { return former }
        var report = former
        let slots: [UInt32]
        if let known = former.slots {
            slots = known
        } else {
            slots = try self.slots(from: since.number)
            report.latest = try queries.latest.first { row throws(StoreError) in Slot(number: try row.unsigned32(0)) }
        }
        report.slots = slots
        func hand(_ key: UsageKey, _ amount: Amount) {
            report.amounts += 1
            if key.slot > now { report.fromTheFuture += 1 }
            body(min(key.slot, now), key.subject, amount)
        }
        // Whatever is beyond the last known subject belongs to no name, and is counted all the same.
        let last = nextSubject > first && nextSubject - first > count ? first + count - 1 : .max
        for slot in slots {
            try queries.load.each(.unsigned(slot), .unsigned(first), .unsigned(last)) { row throws(StoreError) in
                hand(try Self.key(row), try amount(row, from: 2))
            }
        }
        report.next = last < .max ? last + 1 : nil
        isHandingOut = !report.isWhole
        guard report.isWhole else { return report }
        report.slots = nil
        for (key, amount) in tally.unfolded where key.slot >= since {
            hand(key, amount)
            report.latest = max(report.latest ?? key.slot, key.slot)
        }
        return report
    }

    /// Every slot from `first` on that has usage.
    private func slots(from first: UInt32) throws(StoreError) -> [UInt32] {
        var slots: [UInt32] = []
        var next = try firstSlot(from: first)
        while let slot = next {
            slots.append(slot)
            next = slot < .max ? try firstSlot(from: slot + 1) : nil
        }
        return slots
    }

    /// What a subject used, slot by slot, from one slot to another, both included, at most 35 days.
    package func usage(of subject: SubjectID, from: Slot, to: Slot) throws(StoreError) -> [(slot: Slot, amount: Amount)]
    {
        guard from <= to else { return [] }
        let last = min(to.number, from.number.addingReportingOverflow(Self.hoursKept).partialValue)
        guard last >= from.number else { return [] }
        var sums: [UsageKey: Amount] = [:]
        try queries.usage.each(.unsigned(subject.number), .unsigned(from.number), .unsigned(last)) {
            row throws(StoreError) in
            sums[try Self.key(row), default: .zero].accumulate(try amount(row, from: 2))
        }
        for (key, amount) in tally.unfolded
        where key.subject == subject && (from.number...last).contains(key.slot.number) {
            sums[key, default: .zero].accumulate(amount)
        }
        return Tally.sorted(sums).map { ($0.key.slot, $0.amount) }
    }

    /// The journal's rows about one message, from the latest back; reads at most `scanning` rows to find them.
    package func journal(
        message: UInt64, before: UInt64? = nil, scanning: UInt64 = 20_000
    ) throws(StoreError) -> JournalPage {
        try page(queries.byMessage, .unsigned(message), before, scanning)
    }

    /// The journal's rows about one account or customer, from the latest back; reads at most `scanning` rows.
    package func journal(
        subject: SubjectID, before: UInt64? = nil, scanning: UInt64 = 20_000
    ) throws(StoreError) -> JournalPage {
        try page(queries.bySubject, .unsigned(subject.number), before, scanning)
    }

    private func page(
        _ statement: Statement, _ wanted: Value, _ before: UInt64?, _ scanning: UInt64
    ) throws(StoreError) -> JournalPage {
        let end = min(before ?? lastSequence + 1, lastSequence + 1)
        let start = end > scanning ? end - scanning : 0
        var rows: [JournalRow] = []
        try statement.each(.unsigned(end), .unsigned(start), wanted) { row throws(StoreError) in
            rows.append(try self.row(row))
        }
        let first = try maintenance.journalFirst.first { row throws(StoreError) in row.integer(0) } ?? .max
        return JournalPage(rows: rows, next: Int64(bitPattern: start) > first ? start : nil)
    }

    /// The clock's anchor as last saved.
    package func anchor() throws(StoreError) -> ClockAnchor? {
        guard let boot = try queries.meta.first(.text("boot"), read: { row throws(StoreError) in row.text(0) }),
            let offset = try number("offset")
        else { return nil }
        return ClockAnchor(boot: boot, offset: offset)
    }

    /// Makes the clock's anchor durable.
    package func save(_ anchor: ClockAnchor) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            try maintenance.setMeta.run(.text("boot"), .text(anchor.boot))
            try maintenance.setMeta.run(.text("offset"), .unsigned(anchor.offset))
        }
    }

    /// Reads the whole file and compares its structure with itself; takes seconds on a large one.
    package func verify() throws(StoreError) { try database.verify() }
}

/// Rows as values; what no sound file holds is damage.
extension LedgerStore {
    /// No count of a sound file comes near it, and sums of billions of them do not overflow.
    private static let countMax: UInt64 = 1 << 53

    func number(_ key: String) throws(StoreError) -> UInt64? {
        try queries.meta.first(.text(key)) { row throws(StoreError) in UInt64(bitPattern: row.integer(0)) }
    }

    private static func key(_ row: Statement) throws(StoreError) -> UsageKey {
        UsageKey(Slot(number: try row.unsigned32(0)), SubjectID(number: try row.unsigned32(1)))
    }

    private func amount(_ row: Statement, from column: Int32) throws(StoreError) -> Amount {
        let amount = Amount(
            messages: row.integer(column), recipients: row.integer(column + 1), refusals: row.integer(column + 2),
            octets: row.integer(column + 3))
        let widest = max(
            amount.messages.magnitude, amount.recipients.magnitude, amount.refusals.magnitude, amount.octets.magnitude)
        guard widest <= Self.countMax else {
            throw .damaged(path: database.path, reason: "a count is out of its range")
        }
        return amount
    }

    private func row(_ row: Statement) throws(StoreError) -> JournalRow {
        guard let kind = JournalRow.Kind(rawValue: row.integer(1)), row.integer(0) > 0 else {
            throw .damaged(path: database.path, reason: "a journal row is out of its range")
        }
        return JournalRow(
            sequence: UInt64(bitPattern: row.integer(0)), kind: kind,
            at: Instant(nanoseconds: UInt64(bitPattern: row.integer(2))),
            slot: Slot(number: try row.unsigned32(3)), account: SubjectID(number: try row.unsigned32(4)),
            customer: row.isNull(5) ? nil : SubjectID(number: try row.unsigned32(5)),
            amount: try amount(row, from: 6), message: UInt64(bitPattern: row.integer(10)))
    }
}
