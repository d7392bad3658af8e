/// What an account does in its calm days: the measure for what it does now.
///
/// It learns at the end of a day; each kind of conduct only where nothing else was suspicious that day. So whose every
/// letter a scanner dislikes is known for it soon, while a thief teaches nothing.
struct Habit: Equatable, Sendable {
    // Sums that fade with Habit.halfLifeDays.
    var activeDays = 0.0
    /// Days on which a familiar network could have been used, or long enough had been to find one.
    var days = 0.0
    /// Of them, days on which something came from an unfamiliar network.
    var strangeNetworkDays = 0.0
    /// Texts, and those a scanner called spam.
    var texts = 0.0
    var condemnedTexts = 0.0
    /// New people, and those who did not exist.
    var newPeople = 0.0
    var unknownPeople = 0.0
    var recipients = 0.0
    var deferred = 0.0
    var messages = 0.0
    var refusedMessages = 0.0
    /// Messages with a text, those of them from another header From than envelope sender, and those in HTML.
    var letters = 0.0
    var otherSenders = 0.0
    var formatted = 0.0
    // Highest values of a day.
    var newInADay = 0.0
    var newInAnHour = 0.0
    var fanOut = 0.0
    var strangeNetworks = 0.0
    var strangeNames = 0.0
    var failedLogins = 0.0
    var capsReached = 0.0

    static let halfLifeDays = 30.0
    /// Until then it says nothing that every network is unfamiliar.
    static let acquaintanceDays = 6.0
    /// A highest value grows no faster than this a day, whatever was sent.
    static let growth = 1.5

    /// `floors` are what a value may grow from where there is no past.
    mutating func learn(_ day: DayTally, daysPassed: Double, newPeopleADay: Double) {
        let kept = Logarithm.exp(-0.6931471805599453 * daysPassed / Self.halfLifeDays)
        fade(kept)
        guard day.isActive else { return }
        if day.isCalm(without: .content) {
            texts += Double(day.texts)
            condemnedTexts += Double(day.condemnedTexts)
            messages += Double(day.messages)
            refusedMessages += Double(day.refusedMessages)
        }
        if day.isCalm(without: .delivery) {
            newPeople += Double(day.newPeople)
            unknownPeople += Double(day.unknownPeople)
            recipients += Double(day.recipients)
            deferred += Double(day.deferred)
        }
        if day.isCalm(without: .origin) {
            activeDays += 1
            if day.hadFamiliarNetwork || activeDays > Self.acquaintanceDays {
                days += 1
                strangeNetworkDays += day.isStrange ? 1 : 0
            }
            letters += Double(day.letters)
            otherSenders += Double(day.otherSenders)
            formatted += Double(day.formatted)
            Self.raise(&strangeNetworks, to: Double(day.strangeNetworks), floor: 2)
            Self.raise(&strangeNames, to: Double(day.strangeNames), floor: 2)
            Self.raise(&failedLogins, to: Double(day.failedLogins), floor: 4)
        }
        if day.isCalm(without: .volume) {
            Self.raise(&newInADay, to: Double(day.newInADay), floor: newPeopleADay)
            Self.raise(&newInAnHour, to: Double(day.newInAnHour), floor: newPeopleADay / 2)
            Self.raise(&capsReached, to: Double(day.capsReached), floor: 2)
            Self.raise(&fanOut, to: Double(day.fanOut), floor: newPeopleADay / 2)
        }
    }

    private mutating func fade(_ kept: Double) {
        activeDays *= kept
        days *= kept
        strangeNetworkDays *= kept
        texts *= kept
        condemnedTexts *= kept
        newPeople *= kept
        unknownPeople *= kept
        recipients *= kept
        deferred *= kept
        messages *= kept
        refusedMessages *= kept
        letters *= kept
        otherSenders *= kept
        formatted *= kept
        // Highest values fade half as fast: what an account once did in peace stays its own for a season.
        let kept = kept.squareRoot()
        newInADay *= kept
        newInAnHour *= kept
        fanOut *= kept
        strangeNetworks *= kept
        strangeNames *= kept
        failedLogins *= kept
        capsReached *= kept
    }

    private static func raise(_ peak: inout Double, to value: Double, floor: Double) {
        peak = max(peak, min(value, max(peak, floor) * growth))
    }
}

/// What an account did today.
struct DayTally: Equatable, Sendable {
    var messages: UInt32 = 0
    var recipients: UInt32 = 0
    /// Different people.
    var people: UInt32 = 0
    /// Of them, those never written to before.
    var newPeople: UInt32 = 0
    var unknownPeople: UInt32 = 0
    var deferred: UInt32 = 0
    var refusedMessages: UInt32 = 0
    var texts: UInt32 = 0
    var condemnedTexts: UInt32 = 0
    var strangeNetworks: UInt32 = 0
    var strangeNames: UInt32 = 0
    var failedLogins: UInt32 = 0
    var capsReached: UInt32 = 0
    var letters: UInt32 = 0
    var otherSenders: UInt32 = 0
    var formatted: UInt32 = 0
    /// The most new people in any 24 hours, in any hour; the most people for one text.
    var newInADay: UInt32 = 0
    var newInAnHour: UInt32 = 0
    var fanOut: UInt32 = 0
    /// Something came from a network that was not the account's own.
    var isStrange = false
    var hadFamiliarNetwork = false
    /// The highest scores that remain without content, delivery, origin and volume.
    var suspicion = SIMD4<Double>.zero

    /// A day with a higher score, one family left out, teaches nothing about that family.
    static let suspiciousScore = 3.5

    mutating func note(_ score: Score) {
        let families = SIMD4(score.content, score.delivery, score.origin, score.volume)
        suspicion = pointwiseMax(suspicion, SIMD4(repeating: score.total) - families)
    }

    func isCalm(without family: Score.Family) -> Bool {
        let rest: Double =
            switch family {
            case .content: suspicion[0]
            case .delivery: suspicion[1]
            case .origin: suspicion[2]
            case .volume: suspicion[3]
            case .complaints, .neighbours: suspicion.max()
            }
        return rest < Self.suspiciousScore
    }

    var isActive: Bool { messages > 0 }
}
