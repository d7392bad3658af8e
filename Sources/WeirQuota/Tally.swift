import WeirBase

/// What is counted of one subject.
struct Tally {
    /// A crossing that was reported, which silences its like while its slot is in the window.
    struct Mark {
        var name: Limit.Name
        var percent: Int?
        var slot: UInt32
    }

    /// What was charged in each slot, ascending.
    private(set) var slots = SlotCounts()
    let subject: SubjectID
    /// Tells this tally from the subject's before a reset or an eviction.
    var edition: UInt32
    var connections: Int32 = 0
    var reserved = Amount.zero
    private var marks: [Mark] = []

    init(_ subject: SubjectID, edition: UInt32) {
        self.subject = subject
        self.edition = edition
    }

    /// The sum of `quantity` over all slots from `first` on.
    func used(_ quantity: Limit.Quantity, from first: UInt32) -> Int64 { slots.used(quantity, from: first) }

    /// When slots that hold at least `count` of the limit's quantity will have left its window, the oldest first; what
    /// they do not hold is reserved, and taken as charged now.
    func release(of count: Int64, by limit: Limit, _ windows: Windows) -> Instant {
        var remaining = count
        var latest = Instant(nanoseconds: 0)
        for index in 0..<slots.count {
            let (slot, amount) = slots[index]
            guard slot >= windows.first(of: limit) else { continue }
            let release = windows.release(of: slot, by: limit)
            if remaining <= 0, release > latest { return latest }
            remaining = remaining.adding(-amount[limit.quantity])
            latest = release
        }
        return remaining <= 0 ? latest : windows.release(of: windows.current, by: limit)
    }

    /// Adds to a slot that some window holds.
    mutating func add(_ amount: Amount, to slot: UInt32, _ windows: Windows) { slots.add(amount, to: slot, windows) }

    /// Takes out what was charged in a slot; nothing happens where that is no longer kept.
    mutating func subtract(_ amount: Amount, from slot: UInt32, _ windows: Windows) {
        guard slot >= windows.oldest, let index = (0..<slots.count).first(where: { slots[$0].slot >= slot }) else {
            return
        }
        let kept = slots[index].slot
        if kept == slot || windows.unites(slot, kept) { slots.add(-amount, to: kept, windows) }
    }

    /// Drops what no window holds, joins what none tells apart, and takes no more room than that needs.
    mutating func compact(_ windows: Windows) {
        slots.compact(windows)
        slots.trim()
        if !marks.isEmpty { marks.removeAll { $0.slot < windows.oldest } }
    }

    /// Forgets all slots; what is reserved and connected stays.
    mutating func clear(edition: UInt32) {
        self.edition = edition
        slots = SlotCounts()
        marks = []
    }

    /// Whether nothing of it matters any more, once compacted.
    var isIdle: Bool { slots.count == 0 && connections == 0 && reserved == .zero }

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
