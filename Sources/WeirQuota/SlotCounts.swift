/// What is counted in each slot, ascending; slots that no window tells apart are one, under the number of the last.
///
/// What a household counts in an hour fits 12 octets; from the first count on that needs more, every slot takes 24.
struct SlotCounts: Sendable {
    private enum Form: Sendable {
        case narrow(SlotList<Int16, Int32>)
        case wide(SlotList<Int32, Int64>)
    }

    private var form = Form.narrow(SlotList())

    /// How many slots are told apart.
    var count: Int {
        switch form {
        case .narrow(let list): list.entries.count
        case .wide(let list): list.entries.count
        }
    }

    subscript(index: Int) -> (slot: UInt32, amount: Amount) {
        switch form {
        case .narrow(let list): list[index]
        case .wide(let list): list[index]
        }
    }

    /// The sum of `quantity` over all slots from `first` on.
    func used(_ quantity: Limit.Quantity, from first: UInt32) -> Int64 {
        switch form {
        case .narrow(let list): list.used(quantity, from: first)
        case .wide(let list): list.used(quantity, from: first)
        }
    }

    /// Adds to a slot that some window holds.
    mutating func add(_ amount: Amount, to slot: UInt32, _ windows: Windows) {
        // A list is taken out while it changes, or it would be copied.
        switch form {
        case .narrow(var list):
            form = .narrow(SlotList())
            if list.add(amount, to: slot, windows) {
                form = .narrow(list)
            } else {
                form = .wide(SlotList(list))
                add(amount, to: slot, windows)
            }
        case .wide(var list):
            form = .narrow(SlotList())
            _ = list.add(amount, to: slot, windows)
            form = .wide(list)
        }
    }

    /// Drops what no window holds, and joins what none tells apart.
    mutating func compact(_ windows: Windows) {
        switch form {
        case .narrow(var list):
            form = .narrow(SlotList())
            list.compact(windows)
            form = .narrow(list)
        case .wide(var list):
            form = .narrow(SlotList())
            list.compact(windows)
            form = .wide(list)
        }
    }

    /// Gives back room for entries that are gone.
    mutating func trim() {
        switch form {
        case .narrow(var list):
            form = .narrow(SlotList())
            list.trim()
            form = .narrow(list)
        case .wide(var list):
            form = .narrow(SlotList())
            list.trim()
            form = .wide(list)
        }
    }
}

/// Slots of one width, ascending.
private struct SlotList<
    Count: FixedWidthInteger & SignedInteger & Sendable, Octets: FixedWidthInteger & SignedInteger & Sendable
>: Sendable {
    /// The counts of one slot; parts may be negative until all of a journal is loaded.
    struct Entry: Sendable {
        let octets: Octets
        let messages: Count
        let recipients: Count
        let refusals: Count
        /// From the list's base.
        let offset: UInt16

        /// So that a sum over all entries of a list cannot overflow.
        private static var octetsMax: Int64 { 1 << 52 }

        /// Nil where a wider entry has room; the widest keeps counts within its range.
        init?(_ amount: Amount, at offset: UInt16) {
            octets = Octets(clamping: min(max(amount.octets, -Self.octetsMax), Self.octetsMax))
            messages = Count(clamping: amount.messages)
            recipients = Count(clamping: amount.recipients)
            refusals = Count(clamping: amount.refusals)
            self.offset = offset
            if Count.bitWidth < Int32.bitWidth, self.amount != amount { return nil }
        }

        init(_ other: Entry, at offset: UInt16) {
            octets = other.octets
            messages = other.messages
            recipients = other.recipients
            refusals = other.refusals
            self.offset = offset
        }

        var amount: Amount {
            Amount(
                messages: Int64(messages), recipients: Int64(recipients), refusals: Int64(refusals),
                octets: Int64(octets))
        }
    }

    private(set) var entries: [Entry] = []
    /// The slot that offsets are counted from.
    private var base: UInt32 = 0

    init() {}

    init<C, O>(_ narrower: SlotList<C, O>) {
        entries = narrower.entries.compactMap { Entry($0.amount, at: $0.offset) }
        base = narrower.base
    }

    private func slot(_ entry: Entry) -> UInt32 { base &+ UInt32(entry.offset) }

    subscript(index: Int) -> (slot: UInt32, amount: Amount) { (slot(entries[index]), entries[index].amount) }

    func used(_ quantity: Limit.Quantity, from first: UInt32) -> Int64 {
        switch quantity {
        case .messages: sum(from: first) { Int64($0.messages) }
        case .recipients: sum(from: first) { Int64($0.recipients) }
        case .refusals: sum(from: first) { Int64($0.refusals) }
        case .octets: sum(from: first) { Int64($0.octets) }
        case .connections: 0
        }
    }

    /// Specialised for each part, so that the loop over a day's slots has no branch but its end.
    @inline(__always)
    private func sum(from first: UInt32, _ part: (borrowing Entry) -> Int64) -> Int64 {
        let least = first > base ? first - base : 0
        let entries = entries.span
        var sum: Int64 = 0
        var index = entries.count - 1
        while index >= 0, UInt32(entries[index].offset) >= least {
            sum &+= part(entries[index])
            index -= 1
        }
        return max(0, sum)
    }

    /// False where the counts need a wider list; then nothing is changed.
    mutating func add(_ amount: Amount, to slot: UInt32, _ windows: Windows) -> Bool {
        if entries.isEmpty || slot < base || slot - base > UInt32(UInt16.max) { rebase(windows) }
        let offset = UInt16(truncatingIfNeeded: slot &- base)
        var position = endPosition(of: offset)
        if position > 0, entries[position - 1].offset == offset {
            guard let sum = Entry(entries[position - 1].amount + amount, at: offset) else { return false }
            entries[position - 1] = sum
            return true
        }
        guard let entry = Entry(amount, at: offset) else { return false }
        if entries.count == entries.capacity {
            compact(windows)
            if entries.count == entries.capacity { entries.reserveCapacity(entries.count + Self.growth) }
            position = endPosition(of: offset)
        }
        entries.insert(entry, at: position)
        return true
    }

    /// Entries for which room is made: a slot takes one, and by the fifth those that no window tells apart are one.
    private static var growth: Int { 4 }

    /// The position after all entries up to `offset`, most often the end.
    private func endPosition(of offset: UInt16) -> Int {
        var position = entries.count
        while position > 0, entries[position - 1].offset > offset { position -= 1 }
        return position
    }

    /// Counts offsets from the first slot that any window holds.
    private mutating func rebase(_ windows: Windows) {
        compact(windows)
        for index in entries.indices {
            let offset = UInt16(truncatingIfNeeded: slot(entries[index]) &- windows.oldest)
            entries[index] = Entry(entries[index], at: offset)
        }
        base = windows.oldest
    }

    mutating func compact(_ windows: Windows) {
        var kept = 0
        for index in entries.indices {
            let entry = entries[index]
            guard slot(entry) >= windows.oldest, entry.amount != .zero else { continue }
            if kept > 0, windows.unites(slot(entries[kept - 1]), slot(entry)),
                let joint = Entry(entries[kept - 1].amount + entry.amount, at: entry.offset)
            {
                entries[kept - 1] = joint
            } else {
                entries[kept] = entry
                kept += 1
            }
        }
        entries.removeLast(entries.count - kept)
    }

    mutating func trim() {
        guard entries.capacity - entries.count > 2 * Self.growth else { return }
        entries = entries.map { $0 }
    }
}
