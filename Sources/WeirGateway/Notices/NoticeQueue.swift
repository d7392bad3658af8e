package import WeirBase

/// What waits to be told over one way, with the time of each next attempt.
package struct NoticeQueue {
    package struct Entry {
        package let notice: Notice
        /// Attempts that failed.
        package var failures = 0
        /// When the next attempt is made.
        package var due: Instant
    }

    /// Notices that wait at most.
    package static let countMax = 1_000
    /// Of these, notices that nobody keeps, such as warnings: they leave room for the others.
    package static let unkeptMax = countMax / 2
    /// Between the first two attempts; each later wait is three times the one before, up to ``pauseMax``.
    package static let pauseMin: UInt64 = 5 * .second
    package static let pauseMax: UInt64 = .hour
    /// How old an event may be when it is told of last.
    package static let ageMax: UInt64 = 2 * .day

    private var entries: [Entry] = []

    package init() {}

    package var count: Int { entries.count }
    /// When the next attempt is due; nil: none is.
    package var nextDue: Instant? { entries.map(\.due).min() }

    /// Takes a notice up; false where there is no room.
    package mutating func add(_ notice: Notice, now: Instant) -> Bool {
        guard entries.count < NoticeQueue.countMax else { return false }
        let isUnkept = { (notice: Notice) in !notice.event.isKept }
        guard !isUnkept(notice) || entries.count(where: { isUnkept($0.notice) }) < NoticeQueue.unkeptMax else {
            return false
        }
        entries.append(Entry(notice: notice, due: now))
        return true
    }

    /// Takes out the one that has been due longest.
    package mutating func next(now: Instant) -> Entry? {
        guard let index = entries.indices.min(by: { entries[$0].due < entries[$1].due }), entries[index].due <= now
        else { return nil }
        return entries.remove(at: index)
    }

    /// Puts back one whose attempt failed; false where it is given up. `random` spreads the attempts of many.
    package mutating func retry(_ entry: Entry, now: Instant, wall: WallTime, random: UInt64) -> Bool {
        let age = wall.nanoseconds - min(wall.nanoseconds, entry.notice.event.at.nanoseconds)
        guard age < NoticeQueue.ageMax else { return false }
        var pause = NoticeQueue.pauseMin
        for _ in 0..<min(entry.failures, 10) { pause = min(pause * 3, NoticeQueue.pauseMax) }
        entries.append(
            Entry(
                notice: entry.notice, failures: entry.failures + 1, due: now + pause / 2 + random % (pause / 2)))
        return true
    }

    /// Empties the queue and returns what waited.
    package mutating func removeAll() -> [Notice] {
        defer { entries = [] }
        return entries.map(\.notice)
    }
}
