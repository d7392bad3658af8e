package import WeirBase

/// The record of a decision: what was seen, what it weighed, and what changed by it.
package struct Verdict: Equatable, Sendable {
    package var time: Instant
    package var before: Standing
    package var after: Standing
    package var score: Score
    package var findings: Findings
    package var thresholds: Thresholds
    /// Those that gave reason, ten at most, the last one last.
    package var messages: [UInt64]
    /// Whether the message that led to it was not yet released.
    package var isBefore: Bool
    /// What kept it from suspending.
    package var heldBack: ClimateAlarm? = nil
}

extension Verdict {
    /// The score that it took.
    package var threshold: Double { after.isSuspended ? thresholds.suspend : thresholds.flag }

    /// The families without any one of which the score had stayed below the threshold.
    package var acquittals: [Score.Family] {
        Score.Family.allCases.filter { score[$0] > 0 && score.total - score[$0] < threshold }
    }

    /// What it rests on, the weightiest family first, in words for a person.
    ///
    /// Every number in them is one of ``findings``, rounded to what is said.
    package var sentences: [String] {
        let families = Score.Family.allCases.filter { score[$0] >= 0.05 }.sorted { score[$0] > score[$1] }
        var sentences = families.flatMap { family in
            self.facts(of: family).map { "\(family.rawValue) \(score[family].rounded(places: 1)): \($0)" }
        }
        if let age = findings.ageDays, age < Score.newAccountDays {
            let days = age < 1 ? "less than a day" : counted(whole(age), "day", "days")
            sentences.append("opened \(days) ago")
        }
        if let heldBack { sentences.append("not suspended, for \(heldBack.circumstance)") }
        if findings.planPrior < 0 { sentences.append("a vetted plan: \(findings.planPrior.rounded(places: 1))") }
        return sentences
    }

    private func facts(of family: Score.Family) -> [String] {
        switch family {
        case .content: contentFacts
        case .delivery: deliveryFacts
        case .origin: originFacts
        case .volume: volumeFacts
        case .complaints:
            [
                counted(few(findings.complaints), "complaint", "complaints") + ", "
                    + counted(whole(findings.delivered), "recipient", "recipients") + " lately"
            ]
        case .neighbours: neighbourFacts
        }
    }

    private var contentFacts: [String] {
        var facts: [String] = []
        // Only a text that weighs: one that the scanner suspects, and that went to others than who had mail today.
        let message = findings.ofMessage
        let isSpread = max(message.textPeople, message.reach) > 0
        if let score = message.scannerScore, score > AccountEvidence.innocent, isSpread {
            let spread = message.textPeople > 0 ? ", one text to \(people(message.textPeople))" : ""
            facts.append("content score \(score.rounded(places: 1))\(spread)")
        }
        if findings.refusedMessages > 0 {
            let messages = ("message refused for what it is", "messages refused for what they are")
            facts.append(counted(whole(findings.refusedMessages), messages.0, messages.1))
        }
        return facts.isEmpty ? ["earlier messages"] : facts
    }

    private var deliveryFacts: [String] {
        var facts: [String] = []
        if findings.unknownPeople > 0, findings.newPeople > 0 {
            let share = (100 * findings.unknownPeople / findings.newPeople).rounded(places: 1)
            let usual = (100 * findings.usualUnknown).rounded(places: 1)
            let lost = whole(findings.unknownPeople)
            let all = counted(whole(findings.newPeople), "new recipient", "new recipients")
            facts.append("\(lost) of \(all) \(lost == "1" ? "does" : "do") not exist (\(share)%; expected \(usual)%)")
        }
        if findings.deferred > 0 {
            facts.append(counted(whole(findings.deferred), "recipient deferred", "recipients deferred"))
        }
        return facts.isEmpty ? ["refusals of the last days"] : facts
    }

    private var originFacts: [String] {
        var facts: [String] = []
        if findings.ofMessage.isStrangeNetwork {
            let share = (100 * findings.strangeNetworkShare).rounded(places: 0)
            let networks = counted(few(findings.strangeNetworks), "new one", "new ones")
            facts.append(
                "from an unfamiliar network, expected on \(share == "0" ? "none" : "\(share)%") of its days"
                    + (networks.hasPrefix("0 ") ? "" : "; \(networks) lately, \(most(findings.ownStrangeNetworks))"))
            if findings.strangeCountries > 0 {
                facts.append(counted(few(findings.strangeCountries), "country", "countries") + " never used before")
            }
            if findings.failedLogins >= 1 {
                facts.append(
                    counted(whole(findings.failedLogins), "failed login", "failed logins")
                        + ", own highest \(whole(findings.ownFailedLogins))")
            }
        }
        if let share = findings.ofMessage.senderShare, share < 0.5 {
            facts.append("a header From as in \((100 * share).rounded(places: 0))% of its messages")
        }
        if let share = findings.ofMessage.formatShare, share < 0.5 {
            facts.append("HTML or none, as in \((100 * share).rounded(places: 0))% of its messages")
        }
        if findings.strangeNames > findings.ownStrangeNames {
            facts.append(counted(few(findings.strangeNames), "new EHLO name", "new EHLO names") + " lately")
        }
        return facts
    }

    private var neighbourFacts: [String] {
        var facts: [String] = []
        if findings.ofMessage.neighbours > 0 {
            let accounts = ("account under suspicion shares", "accounts under suspicion share")
            facts.append(
                counted(whole(findings.ofMessage.neighbours), accounts.0, accounts.1) + " its text, links or network")
        }
        if findings.ofMessage.sameTextAccounts > 0 {
            facts.append(
                counted(whole(findings.ofMessage.sameTextAccounts), "other account", "other accounts")
                    + " sent this text within an hour from unfamiliar networks")
        }
        return facts
    }

    private var volumeFacts: [String] {
        var facts = [
            counted(whole(findings.newInADay), "new recipient", "new recipients")
                + " in 24 h, own highest day \(whole(findings.ownInADay))",
            "\(whole(findings.newInAnHour)) in one hour, own highest hour \(whole(findings.ownInAnHour))",
        ]
        if findings.ofMessage.textPeople > max(1, findings.ownTextPeople) {
            facts.append(
                "one text to \(people(findings.ofMessage.textPeople)), own highest \(whole(findings.ownTextPeople))")
        }
        if findings.capsReached > findings.ownCapsReached {
            facts.append(
                counted(few(findings.capsReached), "refusal", "refusals") + " by limits lately, "
                    + most(findings.ownCapsReached))
        }
        return facts
    }

    private func whole(_ value: Double) -> String { value.rounded(places: 0) }

    /// Of what fades with time: one at least, as long as anything is left of it.
    private func few(_ value: Double) -> String { value < 0.05 ? "0" : whole(max(1, value)) }

    /// A number with what it counts, which has one form for one and another for all else.
    private func counted(_ number: String, _ one: String, _ others: String) -> String {
        "\(number) \(number == "1" ? one : others)"
    }

    private func people(_ count: Double) -> String { counted(whole(count), "person", "people") }

    private func most(_ count: Double) -> String {
        (whole(count) == "0" ? "none" : "at most \(whole(count))") + " on an earlier day"
    }
}

extension Double {
    /// In decimal, with so many places.
    func rounded(places: Int) -> String {
        let scale: Double = places == 0 ? 1 : places == 1 ? 10 : 100
        let scaled = Int64((clamp(self, -1e12, 1e12) * scale).rounded())
        let magnitude = scaled.magnitude
        let sign = scaled < 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(magnitude)" }
        let whole = magnitude / UInt64(scale)
        let fraction = String(magnitude % UInt64(scale))
        let zeros = String(repeating: "0", count: Swift.max(0, (places == 1 ? 1 : 2) - fraction.utf8.count))
        return "\(sign)\(whole).\(zeros)\(fraction)"
    }
}
