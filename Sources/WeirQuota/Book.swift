import WeirBase

/// The counts of everyone, in memory: what is charged in each slot, and what is reserved.
///
/// The fold of the ledger's journal; one lock guards it, and no call takes longer than a look at three tallies. A
/// subject is here while any window, reservation or connection of its counts.
package struct Book: ~Copyable, Sendable {
    var tallies: [Tally] = []
    private var positions: [UInt32: UInt32] = [:]
    private var calendar: CalendarNow?
    /// Given to each tally made, and to each that is reset.
    private var edition: UInt32 = 0
    /// Where the next eviction goes on.
    private var hand = 0

    /// - Parameter subjectsMin: how many subjects find room without moving the others.
    package init(subjectsMin: Int = 0) {
        tallies.reserveCapacity(max(1, subjectsMin))
        positions.reserveCapacity(max(1, subjectsMin))
        tallies.append(Tally(.gateway, edition: 0))
    }

    /// How many subjects are in memory, the gateway included.
    package var count: Int { tallies.count }

    /// The windows of now; calendar windows move on where their time has come.
    mutating func windows(at moment: Moment) -> Windows {
        var current = calendar ?? moment.calendar
        current.hour.advance(to: moment.calendar.hour, at: moment.now)
        current.day.advance(to: moment.calendar.day, at: moment.now)
        calendar = current
        return Windows(now: moment.now, calendar: current)
    }

    func position(of subject: SubjectID) -> Int? {
        subject == .gateway ? Seats.gateway : positions[subject.number].map(Int.init)
    }

    private mutating func position(making subject: SubjectID) -> Int {
        if let position = position(of: subject) { return position }
        positions[subject.number] = UInt32(truncatingIfNeeded: tallies.count)
        tallies.append(Tally(subject, edition: nextEdition()))
        return tallies.count - 1
    }

    /// Where the tallies of `subjects` are; made where there are none.
    mutating func seats(of subjects: Subjects) -> Seats {
        Seats(account: position(making: subjects.account), customer: subjects.customer.map { position(making: $0) })
    }

    private mutating func nextEdition() -> UInt32 {
        edition &+= 1
        return edition
    }
}

/// The positions of one message's tallies, until the next eviction.
struct Seats {
    let account: Int
    let customer: Int?
    static let gateway = 0

    subscript(scope: Scope) -> Int? {
        switch scope {
        case .account: account
        case .customer: customer
        case .gateway: Seats.gateway
        }
    }
}

// MARK: Loading, forgiving, forgetting

extension Book {
    /// Counts what a slot holds for a subject, as stored; rows may come in any order.
    ///
    /// A slot that no window holds is passed over. One from the future counts as of now, and false is returned: the clock
    /// was wrong, an alarm is due. Load all of a journal at one moment.
    @discardableResult
    package mutating func load(_ amount: Amount, of subject: SubjectID, in slot: Slot, at moment: Moment) -> Bool {
        load(CollectionOfOne((slot: slot, subject: subject, amount: amount)), at: moment)
    }

    /// Counts what several slots hold; true if none is from the future. Fastest where subjects come in one order again and again.
    @discardableResult
    package mutating func load(
        _ rows: some Sequence<(slot: Slot, subject: SubjectID, amount: Amount)>, at moment: Moment
    ) -> Bool {
        let windows = windows(at: moment)
        var isPast = true
        var position = 0
        for (slot, subject, amount) in rows {
            let number = min(slot.number, windows.current)
            if number != slot.number { isPast = false }
            guard number >= windows.oldest else { continue }
            // The next one is most often where the next tally is.
            position += 1
            if position >= tallies.count || tallies[position].subject != subject {
                position = self.position(making: subject)
            }
            tallies[position].add(amount, to: number, windows)
        }
        return isPast
    }

    /// Counts a row of the journal for all whom it concerns: a reset is its subject's alone.
    @discardableResult
    package mutating func load(_ row: JournalRow, at moment: Moment) -> Bool {
        let isPast = load(row.amount, of: row.account, in: row.slot, at: moment)
        guard row.kind != .reset else { return isPast }
        if let customer = row.customer { load(row.amount, of: customer, in: row.slot, at: moment) }
        load(row.amount, of: .gateway, in: row.slot, at: moment)
        return isPast
    }

    /// Forgives what is counted in the open windows; what is reserved stays, and later refunds of what was forgiven
    /// change nothing.
    ///
    /// - Returns: What was taken out of each slot, ascending, which the journal is to subtract.
    package mutating func reset(_ subject: SubjectID, at moment: Moment) -> [(slot: Slot, amount: Amount)] {
        let windows = windows(at: moment)
        guard let position = position(of: subject) else { return [] }
        tallies[position].compact(windows)
        let slots = tallies[position].slots
        let forgiven = (0..<slots.count).map { (slot: Slot(number: slots[$0].slot), amount: slots[$0].amount) }
        tallies[position].clear(edition: nextEdition())
        return forgiven
    }

    /// Looks at the next `countMax` subjects, and drops those of whom nothing counts; call it from time to time.
    ///
    /// - Returns: How many were dropped.
    @discardableResult
    package mutating func evict(atMost countMax: Int, at moment: Moment) -> Int {
        let windows = windows(at: moment)
        let before = tallies.count
        for _ in 0..<max(0, min(countMax, before)) {
            if hand >= tallies.count { hand = 0 }
            tallies[hand].compact(windows)
            if hand > 0, tallies[hand].isIdle { remove(at: hand) } else { hand += 1 }
        }
        return before - tallies.count
    }

    /// The last tally takes the place of the one removed.
    private mutating func remove(at position: Int) {
        positions[tallies[position].subject.number] = nil
        let last = tallies.removeLast()
        guard position < tallies.count else { return }
        tallies[position] = last
        positions[last.subject.number] = UInt32(truncatingIfNeeded: position)
    }
}
