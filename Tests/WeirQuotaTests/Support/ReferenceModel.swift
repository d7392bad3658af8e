import WeirBase
import WeirQuota

/// What the book must say, from a plain list of all that was ever sent: no slots, no sums, nothing dropped.
struct ReferenceModel {
    struct Sent {
        let at: Instant
        let subjects: Subjects
        var amount: Amount
        var forgiven: Set<SubjectID> = []

        func counts(for subject: SubjectID) -> Bool {
            (subject == .gateway || subject == subjects.account || subject == subjects.customer)
                && (forgiven.isEmpty || !forgiven.contains(subject))
        }
    }

    var sent: [Sent] = []
    /// What is on its way, by message.
    var held: [Int: (subjects: Subjects, amount: Amount)] = [:]
    /// The local hour and day that are open, nil before the first moment.
    private(set) var hour: CalendarSpan?
    private(set) var day: CalendarSpan?

    mutating func advance(to moment: Moment) {
        hour = Self.following(hour, moment.calendar.hour, moment.now)
        day = Self.following(day, moment.calendar.day, moment.now)
    }

    mutating func restart() { (held, hour, day) = ([:], nil, nil) }

    /// A later span opens when it has begun; an earlier one only when the time of the open one is over.
    private static func following(_ open: CalendarSpan?, _ next: CalendarSpan, _ now: Instant) -> CalendarSpan {
        guard var open else { return next }
        let (hasBegun, isOver) = (rounded(next.start) <= now, max(open.end, rounded(open.end)) <= now)
        if open.key == next.key { open.end = next.end }
        return open.key != next.key && hasBegun && (next.key > open.key || isOver) ? next : open
    }

    /// The nearest multiple of five minutes.
    private static func rounded(_ instant: Instant) -> Instant {
        let unit = 5 * UInt64.minute
        return Instant(nanoseconds: (instant.nanoseconds + unit / 2) / unit * unit)
    }

    /// The end of the piece of `length` in which an instant lies.
    private static func end(of length: UInt64, around instant: Instant) -> Instant {
        Instant(nanoseconds: (instant.nanoseconds / length + 1) * length)
    }

    /// When what was sent at `at` no longer counts, nil if it does not now.
    private func release(of at: Instant, from limit: Limit, _ now: Instant) -> Instant? {
        let release: Instant
        switch (limit.window, limit.calendar) {
        case (.hour, false): release = Self.end(of: 5 * .minute, around: at) + .hour
        case (.day, false): release = Self.end(of: .hour, around: at) + .day
        default:
            guard let span = limit.window == .hour ? hour : day else { return nil }
            let isSince = Self.end(of: 5 * .minute, around: at) > min(Self.rounded(span.start), now)
            return isSince ? max(span.end, Self.rounded(span.end)) : nil
        }
        return release > now ? release : nil
    }

    func used(_ limit: Limit, _ subject: SubjectID, _ now: Instant) -> Int64 {
        var sum: Int64 = 0
        for sent in sent
        where sent.amount[limit.quantity] > 0 && sent.counts(for: subject)
            && release(of: sent.at, from: limit, now) != nil
        {
            sum += sent.amount[limit.quantity]
        }
        return sum
    }

    func reserved(_ limit: Limit, _ subject: SubjectID) -> Int64 {
        held.values.reduce(0) { sum, hold in
            let counts = Sent(at: .distantFuture, subjects: hold.subjects, amount: .zero).counts(for: subject)
            return sum + (counts ? hold.amount[limit.quantity] : 0)
        }
    }

    /// When a limit has room for `demand`, should all on its way be charged now: `now` where it has.
    func room(for demand: Int64, _ limit: Limit, _ subject: SubjectID, _ now: Instant) -> Instant {
        var over = used(limit, subject, now) + reserved(limit, subject) + demand - limit.allowed
        guard over > 0 else { return now }
        var leaving = sent.filter { $0.counts(for: subject) }.compactMap { sent in
            release(of: sent.at, from: limit, now).map { ($0, sent.amount[limit.quantity]) }
        }
        if let last = release(of: now, from: limit, now) { leaving.append((last, reserved(limit, subject))) }
        for (instant, amount) in leaving.sorted(by: { $0.0 < $1.0 }) where amount > 0 {
            over -= amount
            if over <= 0 { return instant }
        }
        return .distantFuture
    }
}
