package import WeirBase

/// What all accounts together meet at present: the measure for whether a relay or a scanner has broken.
///
/// Each account has one vote for about ten minutes, so that one spammer makes no climate.
package struct Climate: Equatable, Sendable {
    /// How much of what somebody sent lately was condemned or refused; each 0 to 1.
    package struct Shares: Equatable, Sendable {
        /// Called spam by the scanner.
        package var condemned = 0.0
        package var unknown = 0.0
        package var deferred = 0.0
        /// Refused for what it is: at MAIL, RCPT or the end of data.
        package var refused = 0.0

        package init() {}

        fileprivate static func combine(_ a: Shares, _ b: Shares, _ how: (Double, Double) -> Double) -> Shares {
            var result = Shares()
            result.condemned = how(a.condemned, b.condemned)
            result.unknown = how(a.unknown, b.unknown)
            result.deferred = how(a.deferred, b.deferred)
            result.refused = how(a.refused, b.refused)
            return result
        }
    }

    /// One account's vote; the account's evidence keeps it.
    struct Ballot: Equatable, Sendable {
        var cast = Instant(nanoseconds: 0)
        /// Of the messages since it was cast; the latest weigh three tenths or more.
        var shares = Shares()
        var messages: UInt32 = 0
    }

    static let halfLife = 10 * UInt64.minute
    /// As many votes of a calm day are added, so that few accounts are no climate.
    private static let calmVotes = 10.0
    /// From this share of all votes on, it is the relay or the scanner that is at fault.
    private static let brokenShare = 0.3
    /// Accounts flagged within ten minutes that stop all suspending: this share of the active ones, and so many.
    private static let flaggedShare = 0.005
    private static let flaggedMin = 5
    /// From so many recipients refused in a row on, nobody is suspended for what relays say.
    private static let doubtedRefusals: UInt32 = 3
    /// From so many on, it is shown.
    private static let shownRefusals: UInt32 = 20

    private(set) var updated = Instant(nanoseconds: 0)
    private(set) var votes = 0.0
    private(set) var sums = Shares()
    /// Accounts flagged within ten minutes.
    private(set) var flagged = Ring<10>()
    private(set) var day: UInt64 = 0
    /// Accounts that sent today, and that sent yesterday.
    private(set) var activeToday: UInt64 = 0
    private(set) var activeYesterday: UInt64 = 0
    /// Recipients of anybody's that were refused since relays last took a message.
    var refusedInARow: UInt32 = 0

    package init() {}

    package mutating func advance(to now: Instant) {
        let kept = Logarithm.remaining(after: now.since(updated), halfLife: Self.halfLife)
        updated = max(updated, now)
        votes *= kept
        sums = .combine(sums, sums) { sum, _ in sum * kept }
        flagged.advance(to: now.nanoseconds / .minute)
        let today = now.nanoseconds / .day
        guard today != day else { return }
        activeYesterday = today == day + 1 ? activeToday : 0
        activeToday = 0
        day = today
    }

    /// What is broken now, for showing; nil: nothing.
    package var alarm: ClimateAlarm? {
        // What a relay says while it takes nothing suspends nobody, and all else that is known still does.
        stop ?? (refusedInARow >= Self.shownRefusals ? .relayRefuses : nil)
    }

    /// Why nobody must be suspended now, whatever is known; nil while nothing is so broken.
    private var stop: ClimateAlarm? {
        let votesMin = Self.calmVotes
        if votes >= votesMin / 2 {
            let limit = Self.brokenShare * (votes + votesMin)
            if sums.condemned > limit { return .scannerCondemns }
            if sums.unknown + sums.deferred + sums.refused > limit { return .relayRefuses }
        }
        let active = Double(max(activeToday, activeYesterday))
        if Double(flagged.total) > max(Double(Self.flaggedMin), Self.flaggedShare * active) { return .manyFlagged }
        return nil
    }

    /// The alarm as it will be at `now` if nobody sends until then.
    package func alarm(at now: Instant) -> ClimateAlarm? { advanced(to: now).alarm }

    /// Likewise, whether nobody must be suspended or slowed down.
    package func isStopped(at now: Instant) -> Bool { advanced(to: now).stop != nil }

    private func advanced(to now: Instant) -> Climate {
        var later = self
        later.advance(to: now)
        return later
    }

    /// Of the findings, what is believed: nothing that relays hold against anybody while they refuse one recipient after the other.
    func believed(_ findings: Findings) -> Findings {
        guard refusedInARow >= Self.doubtedRefusals else { return findings }
        var believed = findings
        believed.delivery = min(0, findings.delivery)
        believed.refusals = 0
        return believed
    }

    /// What keeps an account from being suspended that a score suspends; nil: nothing does.
    func holdsBack(_ findings: Findings, _ thresholds: Thresholds) -> ClimateAlarm? {
        if let stop { return stop }
        let believed = believed(findings)
        return Score(believed).suspends(thresholds, believed) ? nil : .relayRefuses
    }

    /// Takes what relays said of a message.
    package mutating func hear(_ outcome: Outcome) {
        if outcome.isTaken == true, outcome.recipients.contains(.accepted) {
            refusedInARow = 0
        } else {
            refusedInARow.count(outcome.recipients.count { $0 != .accepted || outcome.isTaken == false })
        }
    }

    /// What others meet, the account of `ballot` left out.
    func others(than ballot: Ballot) -> Shares {
        let own = Logarithm.remaining(after: updated.since(ballot.cast), halfLife: Self.halfLife)
        let count = max(0, votes - own) + Self.calmVotes
        return .combine(sums, ballot.shares) { max(0, $0 - $1 * own) / count }
    }

    /// Takes what an account met with one message.
    mutating func vote(_ shares: Shares, ballot: inout Ballot) {
        let own = Logarithm.remaining(after: updated.since(ballot.cast), halfLife: Self.halfLife)
        if own < 0.5 || ballot.messages == 0 {
            ballot = Ballot(cast: updated, shares: shares, messages: 1)
            votes += 1
            sums = .combine(sums, shares, +)
        } else {
            ballot.messages.count(1)
            let weight = max(1 / Double(ballot.messages), 0.3)
            let mean = Shares.combine(ballot.shares, shares) { $0 + ($1 - $0) * weight }
            sums = .combine(sums, .combine(mean, ballot.shares) { ($0 - $1) * own }) { max(0, $0 + $1) }
            ballot.shares = mean
        }
    }

    mutating func noteActive() { activeToday += 1 }
    mutating func noteFlagged() { flagged.add(1) }
}

/// What keeps accounts from being suspended until it is over.
package enum ClimateAlarm: String, Sendable {
    /// The scanner calls most of what anybody sends spam.
    case scannerCondemns
    /// A relay refuses most of what anybody sends.
    case relayRefuses
    /// More accounts were flagged within ten minutes than can have been stolen.
    case manyFlagged

    /// In words, behind "for".
    package var circumstance: String {
        switch self {
        case .scannerCondemns: "the scanner calls most of what anybody sends spam"
        case .relayRefuses: "relays refuse most of what anybody sends"
        case .manyFlagged: "more accounts were flagged within ten minutes than can have been stolen"
        }
    }
}

// MARK: - In octets

extension BlobWriter {
    mutating func put(_ climate: Climate) { climate.write(into: &self) }
}

extension BlobReader {
    mutating func climate() throws(EvidenceError) -> Climate { try Climate(from: &self) }
}

extension Climate {
    fileprivate func write(into blob: inout BlobWriter) {
        blob.put(updated.nanoseconds)
        blob.put(votes)
        blob.put(sums)
        blob.put(flagged)
        for count in [day, activeToday, activeYesterday] { blob.put(UInt32(clamping: count)) }
    }

    fileprivate init(from blob: inout BlobReader) throws(EvidenceError) {
        updated = Instant(nanoseconds: try blob.integer(UInt64.self))
        votes = try blob.double()
        sums = try blob.shares()
        flagged = try blob.ring()
        day = UInt64(try blob.integer(UInt32.self))
        activeToday = UInt64(try blob.integer(UInt32.self))
        activeYesterday = UInt64(try blob.integer(UInt32.self))
    }
}
