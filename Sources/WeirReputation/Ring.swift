import WeirBase

/// A count over the last so many slots of time.
struct Ring: Equatable, Sendable {
    /// By slot number modulo their count.
    private(set) var slots: [UInt32]
    /// The number of the latest slot.
    private(set) var latest: UInt64
    private(set) var total: UInt64 = 0

    init(slots: Int) {
        self.slots = [UInt32](repeating: 0, count: slots)
        latest = 0
    }

    init(slots: [UInt32], latest: UInt64) {
        self.slots = slots
        self.latest = latest
        total = slots.reduce(0) { $0 + UInt64($1) }
    }

    /// Forgets what is too old at `slot`. Where the clock went back, what was counted counts as of now.
    mutating func advance(to slot: UInt64) {
        if slot < latest { rotate(to: slot) }
        guard slot > latest else { return }
        for passed in 0..<min(slot - latest, UInt64(slots.count)) {
            let place = self.place(slot - passed)
            total -= UInt64(slots[place])
            slots[place] = 0
        }
        latest = slot
    }

    mutating func add(_ count: Int) {
        let place = self.place(latest)
        let sum = slots[place].addingReportingOverflow(UInt32(clamping: count))
        let value = sum.overflow ? UInt32.max : sum.partialValue
        total += UInt64(value - slots[place])
        slots[place] = value
    }

    private func place(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: slot % UInt64(slots.count)) }

    private mutating func rotate(to slot: UInt64) {
        let aged = (0..<UInt64(slots.count)).map { latest >= $0 ? slots[place(latest - $0)] : 0 }
        latest = slot
        for (age, value) in aged.enumerated() {
            slots[place(slot &+ UInt64(slots.count) &- UInt64(age))] = value
        }
    }
}
