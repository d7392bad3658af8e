import WeirBase

/// The texts that an account sent last, and to how many people each went.
struct TextTable: Equatable, Sendable {
    static let max = 8
    static let memory = 3 * UInt64.day

    struct Entry: Equatable, Sendable {
        var fingerprint: UInt64
        var lastUsed: Instant
        var copies: UInt32
        var people: UInt32
    }

    private(set) var entries: [Entry] = []

    init() {}
    init(entries: [Entry]) { self.entries = entries }

    /// Counts one more copy that went to so many people, and returns what there is of the text now.
    mutating func add(_ fingerprint: UInt64, people: Int, at now: Instant) -> Entry {
        let same = entries.firstIndex {
            ($0.fingerprint ^ fingerprint).nonzeroBitCount <= ContentFacts.sameTextBits
        }
        var entry = Entry(fingerprint: fingerprint, lastUsed: now, copies: 0, people: 0)
        if let same {
            let old = entries.remove(at: same)
            if now.since(old.lastUsed) < Self.memory { (entry.copies, entry.people) = (old.copies, old.people) }
        } else if entries.count >= Self.max {
            entries.removeFirst()
        }
        entry.copies = entry.copies.addingReportingOverflow(1).overflow ? .max : entry.copies + 1
        entry.people = UInt32(clamping: UInt64(entry.people) + UInt64(people))
        entries.append(entry)
        return entry
    }
}

/// The messages that gave reason to suspect an account, ten at most.
struct Suspects: Equatable, Sendable {
    static let max = 10
    private(set) var ids: [UInt64] = []

    init() {}
    init(ids: [UInt64]) { self.ids = ids }

    mutating func add(_ id: UInt64) {
        guard ids.last != id else { return }
        if ids.count >= Self.max { ids.removeFirst() }
        ids.append(id)
    }
}
