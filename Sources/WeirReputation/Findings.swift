/// The numbers that a decision was made from: each one counted, none of them weighed yet.
///
/// ``Score`` is a function of these alone, so that whoever has the events can recompute every verdict.
package struct Findings: Equatable, Sendable {
    /// Found of the message itself before it was released; all else is counted anew with each decision.
    package struct OfMessage: Equatable, Sendable {
        /// Whether it comes from a network that is not the account's own.
        package var isStrangeNetwork = false
        /// People who got this text, and how often it was sent.
        package var textPeople = 0.0
        package var textCopies = 0.0
        package var scannerScore: Double?
        /// To how many different people the account's messages go, this one counted: 1, or less where some get many.
        package var reach = 0.0
        /// The share of the account's own messages whose header From is, as in this one, the envelope sender or another;
        /// the share that is in HTML or not, as this one. Nil: from where the owner writes.
        package var senderShare: Double?
        package var formatShare: Double?
        /// Other accounts under suspicion with this text, or this unfamiliar network.
        package var neighbours = 0.0
        /// Other accounts that sent this text within the hour, from networks not their own, to people new to them.
        package var sameTextAccounts = 0.0

        package init() {}
    }

    package var ofMessage: OfMessage

    /// What the plan grants: new people a day, and nats known beforehand.
    package var planNewPeople = 0.0
    package var planPrior = 0.0

    /// Nats gathered from content and from delivery, faded to the present.
    package var content = 0.0
    package var delivery = 0.0
    /// From messages refused for what they are: the relays' word on their content, and part of its family.
    package var refusals = 0.0

    /// The last 24 hours, the account's own highest day; the last hour, its own highest hour.
    package var newInADay = 0.0
    package var ownInADay = 0.0
    package var newInAnHour = 0.0
    package var ownInAnHour = 0.0
    /// The most people who got one text on an earlier day.
    package var ownTextPeople = 0.0

    /// Unfamiliar networks lately, the most on an earlier day, and the share of days with one.
    package var strangeNetworks = 0.0
    package var ownStrangeNetworks = 0.0
    package var strangeNetworkShare = 0.0
    package var strangeNames = 0.0
    package var ownStrangeNames = 0.0
    package var strangeCountries = 0.0
    package var failedLogins = 0.0
    package var ownFailedLogins = 0.0
    /// Refusals by a limit of the plan lately, and the most on an earlier day.
    package var capsReached = 0.0
    package var ownCapsReached = 0.0

    /// Of today and yesterday.
    package var newPeople = 0.0
    package var unknownPeople = 0.0
    /// The share of new people who do not exist that is usual for this account; where that of all is higher, the score knows it.
    package var usualUnknown = 0.0
    package var deferred = 0.0
    package var refusedMessages = 0.0

    /// Of the last days, faded.
    package var complaints = 0.0
    package var delivered = 0.0
    /// Days since the account was opened; nil: long ago.
    package var ageDays: Double?

    package init(_ ofMessage: OfMessage = OfMessage()) { self.ofMessage = ofMessage }
}

/// What the findings say, in nats: positive accuses.
package struct Score: Equatable, Sendable {
    package enum Family: String, CaseIterable, Sendable {
        case content, delivery, origin, volume, complaints, neighbours
    }

    package var content = 0.0
    package var delivery = 0.0
    package var origin = 0.0
    package var volume = 0.0
    package var complaints = 0.0
    package var neighbours = 0.0
    /// Known beforehand: a new account, a vetted plan.
    package var prior = 0.0

    package init() {}

    package var total: Double { content + delivery + origin + volume + complaints + neighbours + prior }

    package subscript(_ family: Family) -> Double {
        switch family {
        case .content: content
        case .delivery: delivery
        case .origin: origin
        case .volume: volume
        case .complaints: complaints
        case .neighbours: neighbours
        }
    }
}

extension Score {
    /// An account younger than this has no past to be measured by.
    static let newAccountDays = 14.0
    static let veryNewAccountDays = 3.0

    package init(_ findings: Findings) {
        // A scanner and a relay that dislike one text are one witness.
        content = clamp(findings.content + max(0, findings.refusals), -0.5, 6)
        // An old list bounces as well as a bought one.
        delivery = min(findings.delivery, 4)
        origin = Self.origin(findings)
        volume = Self.volume(findings)
        complaints = Self.complaints(findings)
        neighbours = min(3, 1.5 * findings.ofMessage.neighbours + findings.ofMessage.sameTextAccounts)
        prior = findings.planPrior
        if let age = findings.ageDays {
            prior += age < Self.veryNewAccountDays ? 1 : age < Self.newAccountDays ? 0.5 : 0
        }
    }

    /// 0 to 5: networks, names and countries that are not the account's own, against what is usual for it.
    private static func origin(_ findings: Findings) -> Double {
        // Half of the log-likelihood ratio: days of one account are not independent.
        let usual = max(findings.strangeNetworkShare, 0.01)
        let first =
            findings.ofMessage.isStrangeNetwork ? clamp(0.5 * Logarithm.ln(0.9 / usual), 0, 1.5) : 0
        var sum = 0.4 * clamp(findings.strangeNames - findings.ownStrangeNames, 0, 4)
        // What a mail program does differs from another's; half of a log-likelihood ratio again, and a quarter.
        if let share = findings.ofMessage.senderShare {
            sum += clamp(0.5 * Logarithm.ln(0.5 / share), 0, 1)
        }
        if let share = findings.ofMessage.formatShare {
            sum += clamp(0.25 * Logarithm.ln(0.5 / share), 0, 0.5)
        }
        if findings.ofMessage.isStrangeNetwork {
            sum += first
            sum += 0.7 * max(0, findings.strangeNetworks - 1 - findings.ownStrangeNetworks)
            sum += 0.5 * min(2, findings.strangeCountries)
            sum += clamp(0.5 * Logarithm.ln((1 + findings.failedLogins) / (1 + findings.ownFailedLogins)), 0, 1.5)
        }
        return clamp(sum, 0, 5)
    }

    /// -0.5 to 4: new people against the account's own past, and how many people one text reached.
    private static func volume(_ findings: Findings) -> Double {
        // Away from home few new people are expected, whatever the plan.
        let floor = findings.planNewPeople / (findings.ofMessage.isStrangeNetwork ? 2 : 1)
        let day = 1.2 * Logarithm.ln((1 + findings.newInADay) / max(findings.ownInADay * 1.3, floor, 1))
        let hour =
            1.2 * Logarithm.ln((1 + findings.newInAnHour) / max(findings.ownInAnHour * 1.3, floor / 2, 1))
        let fan =
            0.6
            * Logarithm.ln(
                (1 + findings.ofMessage.textPeople) / max(findings.ownTextPeople * 1.3, floor / 2, 1))
        let caps = 0.5 * Logarithm.ln((1 + findings.capsReached) / (1 + findings.ownCapsReached))
        let shape = clamp(fan * (findings.ofMessage.isStrangeNetwork ? 2 : 1), 0, 1.5)
        return clamp(max(max(day, hour) + shape, -0.5) + clamp(caps, 0, 1), -0.5, 4)
    }

    /// 0 to 5: complaints come from one in 200 who got abuse, and from one in 2,000 others.
    private static func complaints(_ findings: Findings) -> Double {
        guard findings.complaints > 0 else { return 0 }
        return clamp(findings.complaints * Logarithm.ln(10) - findings.delivered * (0.005 - 0.0005), 0, 5)
    }
}

func clamp(_ value: Double, _ low: Double, _ high: Double) -> Double { min(max(value, low), high) }

extension Findings {
    /// By the names of its properties, for records that others read; what is not known is left out.
    package var byName: [String: Double] {
        var values = [
            "planNewPeople": planNewPeople, "planPrior": planPrior, "content": content, "delivery": delivery,
            "refusals": refusals, "newInADay": newInADay, "ownInADay": ownInADay, "newInAnHour": newInAnHour,
            "ownInAnHour": ownInAnHour, "textPeople": ofMessage.textPeople, "ownTextPeople": ownTextPeople,
            "textCopies": ofMessage.textCopies, "reach": ofMessage.reach,
            "isStrangeNetwork": ofMessage.isStrangeNetwork ? 1 : 0,
            "strangeNetworks": strangeNetworks, "ownStrangeNetworks": ownStrangeNetworks,
            "strangeNetworkShare": strangeNetworkShare, "strangeNames": strangeNames,
            "ownStrangeNames": ownStrangeNames, "strangeCountries": strangeCountries, "failedLogins": failedLogins,
            "ownFailedLogins": ownFailedLogins, "newPeople": newPeople, "unknownPeople": unknownPeople,
            "usualUnknown": usualUnknown, "deferred": deferred, "refusedMessages": refusedMessages,
            "complaints": complaints, "delivered": delivered, "neighbours": ofMessage.neighbours,
            "sameTextAccounts": ofMessage.sameTextAccounts, "capsReached": capsReached,
            "ownCapsReached": ownCapsReached,
        ]
        values["scannerScore"] = ofMessage.scannerScore
        values["ageDays"] = ageDays
        values["senderShare"] = ofMessage.senderShare
        values["formatShare"] = ofMessage.formatShare
        return values
    }
}

extension Score {
    /// Families, prior and total by their names.
    package var byName: [String: Double] {
        var values = ["prior": prior, "total": total]
        for family in Family.allCases { values[family.rawValue] = self[family] }
        return values
    }
}
