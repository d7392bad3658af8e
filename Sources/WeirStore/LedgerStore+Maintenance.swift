package import WeirBase
package import WeirQuota

/// Everything that is done behind the charges' back, in slices that no commit has to wait long for.
extension LedgerStore {
    /// Slots older than this are kept by the hour: only an hour's window tells them apart.
    package static let slotsKept = UInt32(UInt64.hour / Slot.span)
    /// Hours older than this are deleted.
    package static let hoursKept = UInt32(35 * UInt64.day / Slot.span)
    /// How long a folded journal row stays for people to look at.
    package static let journalKept: UInt64 = .hour
    /// More distinct counts than this are folded before their slot is over.
    static let openMax = 500_000
    /// Pages in the write-ahead log that are worth a checkpoint, and that are so many that it cannot wait.
    static let walPagesIdle = 1_000
    static let walPagesMax = 4_000

    struct Maintenance {
        let addUsage, setMeta, dropMeta: Statement
        let journalFirst, journalTime, trimJournal: Statement
        let firstSlot, sliceEnd, mergeSlot, dropSlot: Statement

        init(_ database: Database) throws(StoreError) {
            addUsage = try database.prepare(
                """
                INSERT INTO usage VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET
                messages = messages + excluded.messages, recipients = recipients + excluded.recipients,
                refusals = refusals + excluded.refusals, octets = octets + excluded.octets
                """)
            setMeta = try database.prepare("INSERT OR REPLACE INTO meta VALUES(?1, ?2)")
            dropMeta = try database.prepare("DELETE FROM meta WHERE key = ?1")
            journalFirst = try database.prepare("SELECT sequence FROM charge ORDER BY sequence LIMIT 1")
            journalTime = try database.prepare(
                "SELECT time FROM charge WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT 1")
            trimJournal = try database.prepare("DELETE FROM charge WHERE sequence <= ?1")
            firstSlot = try database.prepare("SELECT slot FROM usage WHERE slot >= ?1 ORDER BY slot LIMIT 1")
            sliceEnd = try database.prepare(
                "SELECT subject FROM usage WHERE slot = ?1 ORDER BY subject LIMIT 1 OFFSET ?2")
            mergeSlot = try database.prepare(
                """
                INSERT INTO usage SELECT ?2, subject, messages, recipients, refusals, octets
                FROM usage WHERE slot = ?1 AND subject <= ?3 ORDER BY subject ON CONFLICT DO UPDATE SET
                messages = messages + excluded.messages, recipients = recipients + excluded.recipients,
                refusals = refusals + excluded.refusals, octets = octets + excluded.octets
                """)
            dropSlot = try database.prepare("DELETE FROM usage WHERE slot = ?1 AND subject <= ?2")
        }
    }

    /// Does one slice of what is due, of at most `budget` rows; true when there may be more.
    ///
    /// Folds the journal into `usage` once a slot, deletes journal rows behind the fold, folds slots into hours, deletes
    /// old hours, and empties the write-ahead log. Each slice is one commit: a crash between any two loses nothing.
    /// `today` is the slot that the local day began with: an hour that it divides is kept in two parts. While usage is handed out in
    /// parts nothing is done: what moved between two of them would be in neither.
    package func maintain(now: Instant, today: Slot? = nil, budget: Int = 1_000) throws(StoreError) -> Bool {
        guard !isHandingOut else { return false }
        let budget = max(1, budget)
        if try database.checkpoint(ifOver: Self.walPagesMax) { return true }
        if try fold(now: now, budget: budget) { return true }
        if try trimJournal(now: now, budget: budget) { return true }
        if try expire(now: now, budget: budget) { return true }
        if try gatherHours(now: now, today: today, budget: budget) { return true }
        if try expireStories(now: now, budget: budget) { return true }
        if try expireScores(now: now, budget: budget) { return true }
        return try database.checkpoint(ifOver: Self.walPagesIdle)
    }

    /// Opens a fold when a slot has ended, or goes on with the one that is open.
    private func fold(now: Instant, budget: Int) throws(StoreError) -> Bool {
        if tally.fold == nil {
            guard !tally.open.isEmpty, foldedIn != Slot(now) || tally.open.count > Self.openMax else { return false }
            tally.close(upTo: lastSequence)
            foldedIn = Slot(now)
        }
        guard let fold = tally.fold else { return false }
        let slice = fold.rest(atMost: budget)
        let isLast = fold.done + slice.count == fold.keys.count
        try database.transaction { () throws(StoreError) in
            for (key, amount) in slice where amount != .zero {
                try maintenance.addUsage.run(
                    .unsigned(key.slot.number), .unsigned(key.subject.number), .integer(amount.messages),
                    .integer(amount.recipients), .integer(amount.refusals), .integer(amount.octets))
            }
            if isLast {
                try finishFold(at: fold.cut)
            } else if let last = slice.last {
                try maintenance.setMeta.run(.text("fold_cut"), .unsigned(fold.cut))
                try maintenance.setMeta.run(.text("fold_done"), .unsigned(last.key.packed))
            }
        }
        if isLast { folded = fold.cut }
        if isLast { tally.fold = nil } else { tally.fold?.done += slice.count }
        return true
    }

    private func finishFold(at cut: UInt64) throws(StoreError) {
        try maintenance.setMeta.run(.text("folded"), .unsigned(cut))
        try maintenance.dropMeta.run(.text("fold_cut"))
        try maintenance.dropMeta.run(.text("fold_done"))
    }

    /// Deletes folded journal rows that are old enough, from the oldest on.
    private func trimJournal(now: Instant, budget: Int) throws(StoreError) -> Bool {
        guard let first = try maintenance.journalFirst.first(read: { row throws(StoreError) in row.integer(0) }) else {
            return false
        }
        let end = min(Int64(bitPattern: folded), first.addingReportingOverflow(Int64(budget - 1)).partialValue)
        guard first <= end else { return false }
        let time = try maintenance.journalTime.first(.integer(end)) { row throws(StoreError) in
            UInt64(bitPattern: row.integer(0))
        }
        guard let time, now.since(Instant(nanoseconds: time)) >= Self.journalKept else { return false }
        try database.transaction { () throws(StoreError) in try maintenance.trimJournal.run(.integer(end)) }
        return true
    }

    /// Deletes usage older than anybody counts.
    private func expire(now: Instant, budget: Int) throws(StoreError) -> Bool {
        guard let slot = try firstSlot(from: 0), slot < Self.bound(now, Self.hoursKept) else { return false }
        let end = try sliceEnd(slot, budget)
        try database.transaction { () throws(StoreError) in
            try maintenance.dropSlot.run(.unsigned(slot), .unsigned(end))
        }
        return true
    }

    /// Moves usage of old slots to the last slot of their hour; each move is whole, so no progress is kept.
    ///
    /// The last, so that a calendar day which turns out to begin within the hour counts too much rather than too little.
    private func gatherHours(now: Instant, today: Slot?, budget: Int) throws(StoreError) -> Bool {
        let bound = Self.bound(now, Self.slotsKept)
        while let slot = try firstSlot(from: hourCursor), slot / 12 < bound / 12 {
            let last = slot - slot % 12 + 11
            let target = today.map { (slot + 1...last + 1).contains($0.number) ? $0.number - 1 : last } ?? last
            guard slot != target else {
                hourCursor = slot + 1
                continue
            }
            let end = try sliceEnd(slot, budget)
            try database.transaction { () throws(StoreError) in
                try maintenance.mergeSlot.run(.unsigned(slot), .unsigned(target), .unsigned(end))
                try maintenance.dropSlot.run(.unsigned(slot), .unsigned(end))
            }
            return true
        }
        return false
    }

    /// The first slot with usage at or after `slot`.
    func firstSlot(from slot: UInt32) throws(StoreError) -> UInt32? {
        try maintenance.firstSlot.first(.unsigned(slot)) { row throws(StoreError) in try row.unsigned32(0) }
    }

    /// The last of the slot's first `budget` subjects.
    private func sliceEnd(_ slot: UInt32, _ budget: Int) throws(StoreError) -> UInt32 {
        try maintenance.sliceEnd.first(.unsigned(slot), .integer(Int64(budget - 1))) { row throws(StoreError) in
            try row.unsigned32(0)
        } ?? .max
    }

    private static func bound(_ now: Instant, _ kept: UInt32) -> UInt32 {
        let slot = Slot(now).number
        return slot > kept ? slot - kept : 0
    }
}
