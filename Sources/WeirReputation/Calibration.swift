/// How often each threshold would have been reached, from the highest score of each account on each day.
///
/// Whatever the model is worth, this holds as far as days are alike: of `n` account-days `k` reached a threshold, so a further one does
/// with a chance of at most (k + 1) / (n + 1). Thresholds are chosen on one half of the accounts and verified on the other.
package struct Calibration: Sendable {
    /// What one threshold would have meant.
    package struct Point: Equatable, Sendable {
        package var threshold: Double
        /// Accounts a week that would have been flagged, and suspended.
        package var flagsAWeek: Double
        package var suspensionsAWeek: Double
        /// Account-days of the first half that would have suspended; the chance of a further one is at most `bound`.
        package var reached: Int
        package var bound: Double
        /// Those of the other half.
        package var verified: Int
    }

    /// Account-days of the half that thresholds are chosen on, and of the half that they are verified on.
    package private(set) var chosenOn = 0
    package private(set) var verifiedOn = 0
    /// Different days, and different accounts.
    package private(set) var days = 0
    package var accounts: Int { seen.count }

    private var first = Histogram()
    private var second = Histogram()
    private var flags = Histogram()
    private var suspensions = Histogram()
    private var seen: Set<UInt64> = []
    private var lastDay: UInt32?
    /// Of the week that is not over.
    private var week: [UInt64: (highest: Int32, gravest: Int32)] = [:]

    package init() {}

    /// Adds one account's day, scores in hundredths of a nat; days must not descend.
    package mutating func add(account: UInt64, day: UInt32, highest: Int32, gravest: Int32) {
        if let lastDay, day / 7 != lastDay / 7 { endWeek() }
        if day != lastDay { days += 1 }
        lastDay = day
        seen.insert(account)
        // The highest bit of a product by the golden ratio: neighbours in number are not in one half.
        if (account &* 0x9E37_79B9_7F4A_7C15) >> 63 == 0 {
            chosenOn += 1
            first.add(gravest)
        } else {
            verifiedOn += 1
            second.add(gravest)
        }
        let known = week[account] ?? (0, 0)
        week[account] = (max(known.highest, highest), max(known.gravest, gravest))
    }

    private mutating func endWeek() {
        for (_, scores) in week {
            flags.add(scores.highest)
            suspensions.add(scores.gravest)
        }
        week = [:]
    }

    /// The curve at these thresholds.
    package func points(at thresholds: [Double]) -> [Point] {
        var whole = self
        whole.endWeek()
        let weeks = max(Double(days) / 7, 1.0 / 7)
        return thresholds.map { threshold in
            let reached = first.count(from: threshold)
            return Point(
                threshold: threshold, flagsAWeek: Double(whole.flags.count(from: threshold)) / weeks,
                suspensionsAWeek: Double(whole.suspensions.count(from: threshold)) / weeks, reached: reached,
                bound: Double(reached + 1) / Double(chosenOn + 1), verified: second.count(from: threshold))
        }
    }

    /// The lowest threshold by which at most this share of account-days suspends, as the first half bounds it; nil: there is too little
    /// to say so.
    package func threshold(for share: Double) -> Double? {
        let mayReach = Int((share * Double(chosenOn + 1)).rounded(.down)) - 1
        guard mayReach >= 0 else { return nil }
        return first.threshold(leaving: mayReach)
    }

    /// Account-days of the first half that it takes to bound such a share at all.
    package static func needed(for share: Double) -> Int { Int((1 / share).rounded(.up)) - 1 }
}

/// How many scores there are of each height, in hundredths of a nat; what is higher than its end counts as its end.
private struct Histogram: Sendable {
    private static let end = 10_000
    private var counts = [Int](repeating: 0, count: end + 1)

    mutating func add(_ score: Int32) { counts[min(max(Int(score), 0), Histogram.end)] += 1 }

    func count(from threshold: Double) -> Int {
        let first = min(max(Int((threshold * 100).rounded(.up)), 0), Histogram.end)
        return counts[first...].reduce(0, +)
    }

    /// The lowest threshold that at most `count` reach; one that nobody can reach is nobody's.
    func threshold(leaving count: Int) -> Double {
        var reached = 0
        for score in counts.indices.reversed() {
            reached += counts[score]
            if reached > count { return Double(score + 1) / 100 }
        }
        return 0
    }
}
