import WeirBase

/// The texts that an account sent last, and to how many people each went.
struct TextTable: Equatable, Sendable {
    static let max = 8
    static let memory = 3 * UInt64.day

    struct Entry: Equatable, Sendable {
        var fingerprint: UInt64
        /// The mean of its copies' scanner scores.
        var score: Float = 0
        /// What it has added to the content's score: one text is one witness.
        var credit: Float = 0
        /// Since 1970.
        var lastMinute: UInt32
        var copies: UInt32 = 0
        var people: UInt32 = 0
    }

    /// The text used last is the last one.
    private(set) var entries: [Entry] = []

    init() {}
    init(entries: [Entry]) { self.entries = entries }

    /// Counts one more copy that went to so many people, and returns what there is of the text now.
    mutating func add(_ fingerprint: UInt64, people: Int, at now: Instant) -> Entry {
        let minute = UInt32(clamping: now.nanoseconds / .minute)
        let same = entries.firstIndex {
            ($0.fingerprint ^ fingerprint).nonzeroBitCount <= ContentFacts.sameTextBits
        }
        var entry = Entry(fingerprint: fingerprint, lastMinute: minute)
        if let same {
            let old = entries.remove(at: same)
            if UInt64(minute) < UInt64(old.lastMinute) + Self.memory / .minute { entry = old }
            entry.lastMinute = minute
        } else if entries.count >= Self.max {
            entries.removeFirst()
        }
        entry.copies.count(1)
        entry.people.count(people)
        entries.append(entry)
        return entry
    }

    /// Notes what the last text added weighs now.
    mutating func setLast(score: Float, credit: Float) {
        guard let last = entries.indices.last else { return }
        (entries[last].score, entries[last].credit) = (score, credit)
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
