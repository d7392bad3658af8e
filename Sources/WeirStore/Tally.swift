import WeirQuota

/// What usage is filed under: time first, so that writes and deletions touch neighbouring pages.
struct UsageKey: Hashable, Comparable {
    let slot: Slot
    let subject: SubjectID

    /// Both in one number, which orders as the key does.
    var packed: UInt64 { UInt64(slot.number) << 32 | UInt64(subject.number) }

    init(_ slot: Slot, _ subject: SubjectID) {
        self.slot = slot
        self.subject = subject
    }

    init(packed: UInt64) {
        slot = Slot(number: UInt32(truncatingIfNeeded: packed >> 32))
        subject = SubjectID(number: UInt32(truncatingIfNeeded: packed))
    }

    func hash(into hasher: inout Hasher) { hasher.combine(packed) }

    static func < (left: UsageKey, right: UsageKey) -> Bool { left.packed < right.packed }
}

/// What the journal counts beyond the table `usage`, by slot and subject.
///
/// The counts are always: `usage` + what is left of the fold + what is open. A fold moves everything up to one journal
/// row, the cut, into `usage`, in slices in the order of keys; what comes meanwhile is counted as open.
struct Tally {
    struct Fold {
        /// The last journal row that is in it.
        let cut: UInt64
        /// All keys, packed and ascending: numbers sort ten times as fast as what they stand for.
        let keys: [UInt64]
        let amounts: [UsageKey: Amount]
        /// How many keys are in `usage` already.
        var done = 0

        /// The next entries that are not in `usage` yet, at most so many.
        func rest(atMost count: Int = .max) -> [(key: UsageKey, amount: Amount)] {
            keys[done...].prefix(count).map { packed in
                let key = UsageKey(packed: packed)
                return (key, amounts[key] ?? .zero)
            }
        }
    }

    private(set) var open: [UsageKey: Amount] = [:]
    var fold: Fold?

    /// Counts a row against its account, its customer and the gateway; a reset against its subject alone.
    mutating func add(_ row: JournalRow) {
        Tally.subjects(of: row) { open[UsageKey(row.slot, $0), default: .zero].accumulate(row.amount) }
    }

    static func subjects(of row: JournalRow, _ body: (SubjectID) -> Void) {
        // A reset is its subject's alone.
        guard row.kind != .reset else { return body(row.account) }
        body(.gateway)
        if row.account != .gateway { body(row.account) }
        if let customer = row.customer, customer != row.account, customer != .gateway { body(customer) }
    }

    /// Turns all that is open into a fold up to `cut`, of which `usage` has everything up to the key `done`.
    mutating func close(upTo cut: UInt64, after done: UsageKey? = nil) {
        let keys = open.keys.map(\.packed).sorted()
        fold = Fold(
            cut: cut, keys: keys, amounts: open, done: done.map { last in keys.count { $0 <= last.packed } } ?? 0)
        open = [:]
    }

    /// All that is not in `usage` yet, in the order of keys; a key may come twice.
    var unfolded: [(key: UsageKey, amount: Amount)] { (fold?.rest() ?? []) + Tally.sorted(open) }

    static func sorted(_ amounts: [UsageKey: Amount]) -> [(key: UsageKey, amount: Amount)] {
        amounts.map { (key: $0.key, amount: $0.value) }.sorted { $0.key < $1.key }
    }
}

extension Amount {
    /// Adds without trapping: what a damaged file holds must not end the process.
    mutating func accumulate(_ other: Amount) {
        func sum(_ left: Int64, _ right: Int64) -> Int64 {
            let (sum, overflow) = left.addingReportingOverflow(right)
            return overflow ? (right < 0 ? .min : .max) : sum
        }
        messages = sum(messages, other.messages)
        recipients = sum(recipients, other.recipients)
        refusals = sum(refusals, other.refusals)
        octets = sum(octets, other.octets)
    }
}
