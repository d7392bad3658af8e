import WeirBase

/// A count over the last so many slots of time.
struct Ring<let count: Int>: Sendable {
    /// By slot number modulo their count.
    private(set) var slots = InlineArray<count, UInt32>(repeating: 0)
    /// The number of the latest slot.
    private(set) var latest: UInt64 = 0
    private(set) var total: UInt64 = 0

    init() {}

    init(slots: InlineArray<count, UInt32>, latest: UInt64) {
        self.slots = slots
        self.latest = latest
        for place in slots.indices { total += UInt64(slots[place]) }
    }

    /// Forgets what is too old at `slot`. Where the clock went back, what was counted counts as of now.
    mutating func advance(to slot: UInt64) {
        if slot < latest { rotate(to: slot) }
        guard slot > latest else { return }
        for passed in 0..<min(slot - latest, UInt64(count)) {
            let place = self.place(slot - passed)
            total -= UInt64(slots[place])
            slots[place] = 0
        }
        latest = slot
    }

    mutating func add(_ more: Int) {
        let place = self.place(latest)
        let sum = slots[place].addingReportingOverflow(UInt32(clamping: more))
        let value = sum.overflow ? UInt32.max : sum.partialValue
        total += UInt64(value - slots[place])
        slots[place] = value
    }

    private func place(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot % UInt64(count)) }

    private mutating func rotate(to slot: UInt64) {
        let former = self
        for age in 0..<UInt64(count) {
            let value = former.latest >= age ? former.slots[place(former.latest - age)] : 0
            slots[place(slot &+ UInt64(count) &- age)] = value
        }
        latest = slot
    }
}

extension Ring: Equatable {
    static func == (left: Self, right: Self) -> Bool {
        left.latest == right.latest
            && left.slots.indices.allSatisfy { left.slots[$0] == right.slots[$0] }
    }
}
