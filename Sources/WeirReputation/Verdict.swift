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
            sentences.append("opened \(age.rounded(places: 1)) days ago")
        }
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
            ["\(findings.complaints.rounded(places: 1)) complaints, \(whole(findings.delivered)) recipients lately"]
        case .neighbours: neighbourFacts
        }
    }

    private var contentFacts: [String] {
        var facts: [String] = []
        if let score = findings.ofMessage.scannerScore {
            facts.append(
                "content score \(score.rounded(places: 1)), one text to \(whole(findings.ofMessage.textPeople)) people"
            )
        }
        if findings.refusedMessages > 0 {
            let isOne = whole(findings.refusedMessages) == "1"
            facts.append(
                isOne
                    ? "1 message refused for what it is"
                    : "\(whole(findings.refusedMessages)) messages refused for what they are")
        }
        return facts.isEmpty ? ["earlier messages"] : facts
    }

    private var deliveryFacts: [String] {
        var facts: [String] = []
        if findings.unknownPeople > 0, findings.newPeople > 0 {
            let share = (100 * findings.unknownPeople / findings.newPeople).rounded(places: 1)
            let usual = (100 * findings.usualUnknown).rounded(places: 1)
            facts.append(
                "\(whole(findings.unknownPeople)) of \(whole(findings.newPeople)) new recipients do not exist "
                    + "(\(share)%; usual \(usual)%)")
        }
        if findings.deferred > 0 { facts.append("\(whole(findings.deferred)) recipients deferred") }
        return facts.isEmpty ? ["refusals of the last days"] : facts
    }

    private var originFacts: [String] {
        var facts: [String] = []
        if findings.ofMessage.isStrangeNetwork {
            let share = (100 * findings.strangeNetworkShare).rounded(places: 0)
            facts.append(
                "from an unfamiliar network, as on \(share)% of its days; "
                    + "\(findings.strangeNetworks.rounded(places: 1)) new ones lately, "
                    + "at most \(whole(findings.ownStrangeNetworks)) on an earlier day")
            if findings.strangeCountries > 0 {
                facts.append("\(findings.strangeCountries.rounded(places: 1)) countries never used before")
            }
            if findings.failedLogins >= 1 {
                facts.append(
                    "\(whole(findings.failedLogins)) failed logins, own highest \(whole(findings.ownFailedLogins))")
            }
        }
        if let share = findings.ofMessage.senderShare, share < 0.5 {
            facts.append("a header From as in \((100 * share).rounded(places: 0))% of its messages")
        }
        if let share = findings.ofMessage.formatShare, share < 0.5 {
            facts.append("HTML or none, as in \((100 * share).rounded(places: 0))% of its messages")
        }
        if findings.strangeNames > findings.ownStrangeNames {
            facts.append("\(findings.strangeNames.rounded(places: 1)) new EHLO names lately")
        }
        return facts
    }

    private var neighbourFacts: [String] {
        var facts: [String] = []
        if findings.ofMessage.neighbours > 0 {
            facts.append(
                "\(whole(findings.ofMessage.neighbours)) accounts under suspicion share its text, links or network"
            )
        }
        if findings.ofMessage.sameTextAccounts > 0 {
            facts.append(
                "\(whole(findings.ofMessage.sameTextAccounts)) other accounts sent this text within an hour from unfamiliar networks"
            )
        }
        return facts
    }

    private var volumeFacts: [String] {
        var facts = [
            "\(whole(findings.newInADay)) new recipients in 24 h, own highest day \(whole(findings.ownInADay))",
            "\(whole(findings.newInAnHour)) in one hour, own highest hour \(whole(findings.ownInAnHour))",
        ]
        if findings.ofMessage.textPeople > max(1, findings.ownTextPeople) {
            facts.append(
                "one text to \(whole(findings.ofMessage.textPeople)) people, own highest \(whole(findings.ownTextPeople))"
            )
        }
        if findings.capsReached > findings.ownCapsReached {
            facts.append(
                "\(findings.capsReached.rounded(places: 1)) refusals by limits lately, "
                    + "at most \(whole(findings.ownCapsReached)) on an earlier day")
        }
        return facts
    }

    private func whole(_ value: Double) -> String { value.rounded(places: 0) }
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
