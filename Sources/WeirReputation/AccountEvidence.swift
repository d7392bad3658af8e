package import WeirBase

/// What is known of one account's conduct: of constant size, and all that a decision reads.
///
/// A message makes two decisions: ``judge(_:terms:surroundings:at:)`` before it is released, and
/// ``learn(_:of:after:terms:surroundings:at:)`` from what became of it. Times may step back; nothing is then forgotten or doubled.
package struct AccountEvidence: Equatable, Sendable {
    /// A scanner's score from which on it means spam.
    static let condemned = 6.0
    /// One up to which it accuses nobody.
    static let innocent = 3.0
    static let contentHalfLife = 5 * UInt64.day
    static let complaintHalfLife = 7 * UInt64.day
    static let spreadHalfLife = 3 * UInt64.day
    static let strangersHalfLife = UInt64.day
    static let failuresHalfLife = 36 * UInt64.hour

    var updated: Instant
    package private(set) var standing = Standing.normal
    /// Whether the standing was come to in shadow, and so counts in shadow alone.
    private(set) var isOfShadow = false
    /// When content and delivery were last above calm.
    var unrest = Instant(nanoseconds: 0)
    /// When the last suspension was ended.
    var lastRelease: Instant?

    // Scores in nats that fade.
    var content = 0.0
    /// From people who do not exist, and from deferrals.
    var delivery = 0.0
    /// From messages refused for what they are: the relays' word on their content.
    var refusals = 0.0

    // Sums that fade.
    var complaints = 0.0
    var delivered = 0.0
    var peopleLately = 0.0
    var recipientsLately = 0.0
    var strangeNetworksLately = 0.0
    var strangeNamesLately = 0.0
    var strangeCountriesLately = 0.0
    var failedLogins = 0.0
    /// Refusals by a limit of the plan.
    var capsReached = 0.0

    /// Since when there is a past of this account.
    var began: Instant
    var habit = Habit()
    var today = DayTally()
    var yesterday = DayTally()
    /// New people in the last 24 hours, and in the last hour.
    var newByHour = Ring<24>()
    var newByFiveMinutes = Ring<12>()
    /// Who took mail of it, but not while it was flagged.
    var known = People()
    var seenToday = PeopleFilter()
    var networks = Acquaintances()
    var names = Acquaintances()
    var countries = Acquaintances()
    var texts = TextTable()
    var suspects = Suspects()
    var ballot = Climate.Ballot()

    package init(at now: Instant) {
        updated = now
        began = now
        moveRings(to: now)
    }

    /// Brings everything to the present. Called by all that reads or changes it.
    mutating func advance(to now: Instant, terms: Terms) {
        let elapsed = now.since(updated)
        if elapsed > 0 { fade(elapsed) }
        let from = updated.nanoseconds / .day
        let day = now.nanoseconds / .day
        updated = now
        moveRings(to: now)
        if day > from { turn(daysPassed: day - from, terms: terms) }
        settle(terms: terms, at: now)
    }

    mutating func moveRings(to now: Instant) {
        newByHour.advance(to: now.nanoseconds / .hour)
        newByFiveMinutes.advance(to: now.nanoseconds / (5 * .minute))
    }

    private mutating func fade(_ elapsed: UInt64) {
        content *= Logarithm.remaining(after: elapsed, halfLife: Self.contentHalfLife)
        let spread = Logarithm.remaining(after: elapsed, halfLife: Self.spreadHalfLife)
        delivery *= spread
        refusals *= spread
        peopleLately *= spread
        recipientsLately *= spread
        let complaint = Logarithm.remaining(after: elapsed, halfLife: Self.complaintHalfLife)
        complaints *= complaint
        delivered *= complaint
        let strangers = Logarithm.remaining(after: elapsed, halfLife: Self.strangersHalfLife)
        strangeNetworksLately *= strangers
        strangeNamesLately *= strangers
        strangeCountriesLately *= strangers
        let failures = Logarithm.remaining(after: elapsed, halfLife: Self.failuresHalfLife)
        failedLogins *= failures
        capsReached *= failures
    }

    /// A new day: of the last one becomes habit what was not suspicious.
    private mutating func turn(daysPassed: UInt64, terms: Terms) {
        habit.learn(today, daysPassed: Double(daysPassed), newPeopleADay: terms.newPeopleADay)
        yesterday = daysPassed == 1 ? today : DayTally()
        today = DayTally()
        seenToday = PeopleFilter()
    }

    /// The one place where the standing changes.
    mutating func move(to standing: Standing, in mode: Mode) {
        (self.standing, isOfShadow) = (standing, mode == .shadow)
    }

    /// Whether the standing counts in a mode: where nobody was to be stopped, nobody is afterwards for what was decided then.
    func stands(in mode: Mode) -> Bool { !isOfShadow || mode == .shadow }

    /// Ends a flag or a probation whose time has come, and what was only of shadow.
    private mutating func settle(terms: Terms, at now: Instant) {
        unrest = content + delivery + refusals >= Standing.calmScore ? now : min(unrest, now)
        if !stands(in: terms.mode) { move(to: unflagged(at: now), in: terms.mode) }
        switch standing {
        case .flagged where now.since(unrest) >= Standing.calm: move(to: unflagged(at: now), in: terms.mode)
        case .suspended(let since) where terms.mode != .suspend && now.since(since) >= Standing.shadowed:
            // Nobody was stopped, and nobody will release it: what would happen next shall be seen too.
            move(to: .probation(until: now + Standing.probation), in: terms.mode)
        case .probation(let end) where now >= end: move(to: .normal, in: terms.mode)
        case .normal, .flagged, .suspended, .probation: break
        }
    }
}
