import WeirBase

/// What is counted of one subject.
struct Tally {
    /// The counts of one slot, or of several that no window tells apart, under the number of the last.
    struct Entry {
        private(set) var octets: Int64 = 0
        private(set) var messages: Int32 = 0
        private(set) var recipients: Int32 = 0
        private(set) var refusals: Int32 = 0
        var slot: UInt32

        init(slot: UInt32) { self.slot = slot }

        /// So that a sum over all entries of a tally cannot overflow.
        private static let octetsMax: Int64 = 1 << 52

        /// Counts stay within their types; parts may be negative until all of a journal is loaded.
        mutating func add(_ amount: Amount) {
            messages = Int32(clamping: Int64(messages).adding(amount.messages))
            recipients = Int32(clamping: Int64(recipients).adding(amount.recipients))
            refusals = Int32(clamping: Int64(refusals).adding(amount.refusals))
            octets = min(max(octets.adding(amount.octets), -Self.octetsMax), Self.octetsMax)
        }

        var amount: Amount {
            Amount(
                messages: Int64(messages), recipients: Int64(recipients), refusals: Int64(refusals), octets: octets)
        }

        var isZero: Bool { messages == 0 && recipients == 0 && refusals == 0 && octets == 0 }

        subscript(quantity: Limit.Quantity) -> Int64 {
            switch quantity {
            case .messages: Int64(messages)
            case .recipients: Int64(recipients)
            case .refusals: Int64(refusals)
            case .octets: octets
            case .connections: 0
            }
        }
    }

    /// A crossing that was reported, which silences its like while its slot is in the window.
    struct Mark {
        var name: Limit.Name
        var percent: Int?
        var slot: UInt32
    }

    let subject: SubjectID
    /// Tells this tally from the subject's before a reset or an eviction.
    var edition: UInt32
    var connections: Int32 = 0
    var reserved = Amount.zero
    /// Ascending by slot.
    private(set) var entries: [Entry] = []
    private var marks: [Mark] = []

    init(_ subject: SubjectID, edition: UInt32) {
        self.subject = subject
        self.edition = edition
    }

    /// The sum of `quantity` over all slots from `first` on.
    func used(_ quantity: Limit.Quantity, from first: UInt32) -> Int64 {
        switch quantity {
        case .messages: sum(from: first) { Int64($0.messages) }
        case .recipients: sum(from: first) { Int64($0.recipients) }
        case .refusals: sum(from: first) { Int64($0.refusals) }
        case .octets: sum(from: first) { $0.octets }
        case .connections: 0
        }
    }

    /// Specialised for each part, so that the loop over a day's slots has no branch but its end.
    @inline(__always)
    private func sum(from first: UInt32, _ part: (borrowing Entry) -> Int64) -> Int64 {
        let entries = entries.span
        var sum: Int64 = 0
        var index = entries.count - 1
        while index >= 0, entries[index].slot >= first {
            sum &+= part(entries[index])
            index -= 1
        }
        return max(0, sum)
    }

    /// When slots that hold at least `count` of the limit's quantity will have left its window, the oldest first; what
    /// they do not hold is reserved, and taken as charged now.
    func release(of count: Int64, by limit: Limit, _ windows: Windows) -> Instant {
        var remaining = count
        var latest = Instant(nanoseconds: 0)
        for entry in entries where entry.slot >= windows.first(of: limit) {
            let release = windows.release(of: entry.slot, by: limit)
            if remaining <= 0, release > latest { return latest }
            remaining = remaining.adding(-entry[limit.quantity])
            latest = release
        }
        return remaining <= 0 ? latest : windows.release(of: windows.current, by: limit)
    }

    /// Adds to a slot that some window holds.
    mutating func add(_ amount: Amount, to slot: UInt32, _ windows: Windows) {
        var position = endPosition(of: slot)
        if position > 0, entries[position - 1].slot == slot {
            entries[position - 1].add(amount)
            return
        }
        if entries.count == entries.capacity {
            compact(windows)
            if entries.count == entries.capacity { entries.reserveCapacity(entries.count + Self.growth) }
            position = endPosition(of: slot)
        }
        var entry = Entry(slot: slot)
        entry.add(amount)
        entries.insert(entry, at: position)
    }

    /// Doubling would waste half of what most accounts need.
    private static let growth = 4

    /// The position after all entries up to `slot`, most often the end.
    private func endPosition(of slot: UInt32) -> Int {
        var position = entries.count
        while position > 0, entries[position - 1].slot > slot { position -= 1 }
        return position
    }

    /// Takes out what was charged in a slot; nothing happens where that is no longer kept.
    mutating func subtract(_ amount: Amount, from slot: UInt32, _ windows: Windows) {
        guard slot >= windows.oldest else { return }
        for index in entries.indices where entries[index].slot >= slot {
            if entries[index].slot == slot || windows.unites(slot, entries[index].slot) { entries[index].add(-amount) }
            return
        }
    }

    /// Drops what no window holds, and joins what none tells apart.
    mutating func compact(_ windows: Windows) {
        var kept = 0
        for index in entries.indices {
            let entry = entries[index]
            guard entry.slot >= windows.oldest, !entry.isZero else { continue }
            if kept > 0, windows.unites(entries[kept - 1].slot, entry.slot) {
                entries[kept - 1].add(entry.amount)
                entries[kept - 1].slot = entry.slot
            } else {
                entries[kept] = entry
                kept += 1
            }
        }
        entries.removeLast(entries.count - kept)
        if !marks.isEmpty { marks.removeAll { $0.slot < windows.oldest } }
    }

    /// Forgets all slots; what is reserved and connected stays.
    mutating func clear(edition: UInt32) {
        self.edition = edition
        entries = []
        marks = []
    }

    /// Whether nothing of it matters any more, once compacted.
    var isIdle: Bool { entries.isEmpty && connections == 0 && reserved == .zero }

    /// Whether a crossing is news in its limit's window; if so, it no longer is.
    mutating func mark(_ crossing: Crossing, _ windows: Windows) -> Bool {
        let new = Mark(name: crossing.limit.name, percent: crossing.percent, slot: windows.current)
        guard let old = marks.firstIndex(where: { $0.name == new.name && $0.percent == new.percent }) else {
            marks.append(new)
            return true
        }
        guard marks[old].slot < windows.first(of: crossing.limit) else { return false }
        marks[old] = new
        return true
    }
}
