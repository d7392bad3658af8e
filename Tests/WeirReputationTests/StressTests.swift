import TestKit
import Testing
import WeirBase
import WeirReputation

/// The innocent who look worst, each with a fortnight of habit or none; and abuse of several kinds among them.
///
/// Invented, and not taken from a recorded trace.
@Suite("A stress mix")
struct StressTests {
    enum Oddity: CaseIterable {
        case autoresponder, autoresponderWithoutPast, spammyByHabit, spammyAndRefused, forwarder, mailingList
        case firstNewsletter, oldAddressBook, traveller, newPhone, relocated, invitation, jobHunter, fullLimits
    }

    @Test("nobody odd but innocent is suspended", arguments: Oddity.allCases, 1...5 as ClosedRange<UInt64>)
    func innocent(oddity: Oddity, seed: UInt64) {
        var story = Story(seed: seed)
        if oddity != .autoresponderWithoutPast { story.live(days: 14) }
        for _ in 0..<14 { Self.day(of: oddity, &story) }
        let suspensions = story.verdicts.filter { $0.after.isSuspended }
        let reasons = suspensions.map(\.sentences)
        #expect(reasons.isEmpty, "\(oddity), seed \(seed)")
    }

    /// One day, of which 24 hours pass.
    private static func day(of oddity: Oddity, _ story: inout Story) {
        let start = story.now
        switch oddity {
        case .autoresponder, .autoresponderWithoutPast:
            // Half of what it answers is spam with a forged sender.
            for _ in 0..<40 {
                post(&story, to: story.stranger(), score: -3, text: 11, unknownIn: 3, every: 30 * .minute)
            }
        case .spammyByHabit:
            for _ in 0..<12 { post(&story, to: friendOrStranger(&story), score: 11, every: .hour) }
        case .spammyAndRefused:
            for _ in 0..<12 {
                post(&story, to: friendOrStranger(&story), score: 11, refusedIn: 5, every: .hour)
            }
        case .forwarder:
            for step in 0..<40 {
                let isSpam = step % 3 == 0
                var letter = Story.Letter(people: [7], score: isSpam ? 14 : -8)
                (letter.headerFrom, letter.isHTML) = (story.generator.next(), step % 2 == 0)
                letter.isTaken = !(isSpam && step % 2 == 0)
                story.send(letter)
                story.wait(30 * .minute)
            }
        case .mailingList:
            for text in 0..<5 as Range<UInt64> {
                for reader in 0..<60 as Range<UInt64> {
                    let isGone = reader % 12 == 0
                    var letter = Story.Letter(people: [50_000 + reader], score: -4, text: text + start.nanoseconds)
                    (letter.replies, letter.isTaken) = ([isGone ? .unknown : .accepted], isGone ? nil : true)
                    letter.headerFrom = 70_000 + text
                    story.send(letter)
                    story.wait(.second)
                }
                story.wait(4 * .hour)
            }
        case .firstNewsletter:
            // To a list gathered over years, in HTML, and a scanner does not like newsletters.
            for _ in 0..<300 {
                post(&story, to: story.stranger(), score: 5, text: 12, unknownIn: 25, every: 2 * .second, isHTML: true)
            }
            story.wait(6 * .day)
        case .oldAddressBook:
            for _ in 0..<120 { post(&story, to: story.stranger(), text: 13, unknownIn: 8, every: 10 * .second) }
            story.wait(6 * .day)
        case .traveller:
            for _ in 0..<3 { story.accounts[0].loginFailed(terms: story.terms, at: story.now) }
            let network = 40 + story.generator.next() % 60
            for _ in 0..<5 {
                post(&story, to: friendOrStranger(&story), network: network, every: 2 * .hour, isHTML: true)
            }
        case .newPhone:
            // The password was changed, and the old phone still tries.
            for _ in 0..<50 { story.accounts[0].loginFailed(terms: story.terms, at: story.now) }
            let network = 200 + story.generator.next() % 8
            for _ in 0..<6 {
                post(&story, to: friendOrStranger(&story), network: network, name: 77, every: 2 * .hour, isHTML: true)
            }
        case .relocated:
            for _ in 0..<6 { post(&story, to: friendOrStranger(&story), network: 300, name: 78, every: 2 * .hour) }
        case .invitation:
            var letter = Story.Letter(people: story.strangers(60), network: 400, text: 14)
            letter.replies = letter.people.indices.map { $0 % 20 == 0 ? .unknown : .accepted }
            story.send(letter)
            story.wait(6 * .day)
        case .jobHunter:
            for _ in 0..<15 {
                let network = 500 + story.generator.next() % 3
                post(&story, to: story.stranger(), text: 15, network: network, unknownIn: 14, every: 40 * .minute)
            }
        case .fullLimits:
            for _ in 0..<200 { story.accounts[0].capReached(terms: story.terms, at: story.now) }
            for _ in 0..<30 { post(&story, to: story.stranger(), text: 16, every: 20 * .minute) }
        }
        let left = (start + .day).since(story.now)
        story.wait(left)
    }

    private static func friendOrStranger(_ story: inout Story) -> UInt64 {
        story.generator.oneIn(4) ? story.stranger() : story.friend()
    }

    private static func post(
        _ story: inout Story, to person: UInt64, score: Double = -8, text: UInt64 = 0, network: UInt64 = 1,
        name: UInt64 = 1, unknownIn: UInt64 = 0, refusedIn: UInt64 = 0, every span: UInt64, isHTML: Bool = false
    ) {
        let isUnknown = unknownIn > 0 && story.generator.oneIn(unknownIn)
        let isRefused = refusedIn > 0 && story.generator.oneIn(refusedIn)
        // No scanner gives one text the same score twice.
        let score = score + Double(story.generator.next() % 40) / 10 - 2
        var letter = Story.Letter(people: [person], network: network, name: name, score: score, text: text)
        (letter.replies, letter.isTaken) = ([isUnknown ? .unknown : .accepted], isUnknown ? nil : !isRefused)
        letter.isHTML = isHTML
        story.send(letter)
        story.wait(span)
    }

    enum Abuse: CaseIterable {
        case burst, slow, botnet, cleanTextDirtyList, infection, withoutScanner

        /// After how many it must be over: a little more than it takes.
        var messagesMax: Int {
            switch self {
            case .burst: 8
            case .slow: 16
            case .botnet: 14
            case .cleanTextDirtyList: 26
            case .infection: 56
            case .withoutScanner: 16
            }
        }
    }

    @Test("abuse of several kinds is stopped", arguments: Abuse.allCases, 1...3 as ClosedRange<UInt64>)
    func abuse(kind: Abuse, seed: UInt64) {
        var story = Story(seed: seed)
        story.live(days: 14)
        let count = kind == .slow ? 200 : 400
        var escaped = 0
        for step in 0..<count where !story.isSuspended {
            let strange = 900 + UInt64(step) % (kind == .botnet ? 40 : 1)
            switch kind {
            case .burst: Self.post(&story, to: story.stranger(), score: 9, network: strange, name: 9, every: .second)
            case .slow: Self.post(&story, to: story.stranger(), score: 9, network: strange, name: 9, every: .hour)
            case .botnet:
                Self.post(&story, to: story.stranger(), score: 4, network: strange, name: strange, every: .minute)
            case .cleanTextDirtyList:
                Self.post(
                    &story, to: story.stranger(), text: 5, network: strange, name: 9, unknownIn: 5, every: .minute)
            case .infection: Self.post(&story, to: story.stranger(), score: 9, refusedIn: 8, every: .minute)
            case .withoutScanner:
                var letter = Story.Letter(people: story.strangers(2), network: strange, name: 9, score: nil)
                letter.replies = [story.generator.oneIn(6) ? .unknown : .accepted, .accepted]
                letter.isTaken = !story.generator.oneIn(8)
                story.send(letter)
                story.wait(.minute)
            }
            escaped += 1
        }
        let isSuspended = story.isSuspended
        #expect(isSuspended, "\(kind), seed \(seed)")
        #expect(escaped <= kind.messagesMax, "\(kind), seed \(seed): \(escaped) messages")
    }

    @Test("a clean text to a good list from one foreign network is braked, if not suspended")
    func phishing() {
        var story = Story()
        story.live(days: 14)
        var escaped = 0
        while !story.isFlagged, escaped < 400 {
            Self.post(&story, to: story.stranger(), text: 6, network: 9, name: 9, every: 10 * .second, isHTML: true)
            escaped += 1
        }
        #expect(escaped <= 60, "\(escaped) escaped before the brake")
    }

    @Test(
        "one infected machine among twenty is stopped, and the office is not", arguments: 1...3 as ClosedRange<UInt64>)
    func machines(seed: UInt64) throws {
        var story = Story(seed: seed)
        story.terms = .business
        story.terms.isByNetwork = true
        var office = Dossier()
        var (escaped, accused) = (0, 0)
        for step in 0..<6_000 as Range<UInt64> {
            let isInfected = step > 4_000 && step % 4 == 0
            let name = isInfected ? 7 : 1 + story.generator.next() % 20
            story.wait(step > 4_000 ? .minute : 5 * .minute)
            guard office.restraint(of: name, terms: story.terms, at: story.now) != .stopped else { continue }
            let person = isInfected || story.generator.oneIn(6) ? story.stranger() : story.friend() + 20 * name
            let isUnknown = isInfected && story.generator.oneIn(6)
            let facts = MessageFacts(
                id: step, account: 0, recipients: [person], network: 1, name: name,
                content: ContentFacts(fingerprint: story.generator.next()), scannerScore: isInfected ? 9 : -6)
            let before = story.tell(&office, .message(facts))
            if isInfected, before.machine?.standing.isSuspended != true { escaped += 1 }
            let outcome = Outcome(recipients: [isUnknown ? .unknown : .accepted], isTaken: isUnknown ? nil : true)
            let after = story.tell(&office, .outcome(outcome, of: facts, after: before.findings))
            if before.account?.verdict != nil || after.account?.verdict != nil { accused += 1 }
        }
        #expect(office.stoppedMachines(story.terms) == [7])
        #expect(escaped < 60, "\(escaped) escaped")
        #expect(accused == 0, "the office")
        let ofLogin = office.restraint(of: 7, terms: .business, at: story.now)
        #expect(ofLogin == .free, "who has logged in is not told by a machine")
        _ = story.tell(&office, .release)
        #expect(office.restraint(of: 7, terms: story.terms, at: story.now) != .stopped)
    }

    @Test("of more machines than there is room for, those go that sent longest ago, but none that is stopped")
    func manyMachines() {
        let terms = Terms(newPeopleADay: 60, isByNetwork: true)
        var story = Story()
        story.terms = terms
        var office = Dossier()
        for step in 0..<30 as Range<UInt64> {
            let facts = MessageFacts(id: step, account: 0, recipients: [step % 4], network: 1, name: 1 + step % 5)
            _ = story.tell(&office, .message(facts))
            story.wait(4 * .hour)
        }
        #expect(office.machines.names == [1, 2, 3, 4, 5])
        for step in 0..<200 as Range<UInt64> where office.restraint(of: 2, terms: terms, at: story.now) != .stopped {
            let facts = MessageFacts(
                id: step, account: 0, recipients: [story.stranger()], network: 1, name: 2, scannerScore: 14)
            let findings = story.tell(&office, .message(facts)).findings
            let outcome = Outcome(recipients: [.unknown], isTaken: nil)
            _ = story.tell(&office, .outcome(outcome, of: facts, after: findings))
            story.wait(.second)
        }
        for name in 100..<100 + UInt64(Machines.max) {
            let facts = MessageFacts(id: name, account: 0, recipients: [name % 4], network: 1, name: name)
            _ = story.tell(&office, .message(facts))
            story.wait(.second)
        }
        #expect(office.machines.count == Machines.max)
        #expect(office.machines.names == [2] + (101..<100 + UInt64(Machines.max)))
        #expect(office.restraint(of: 2, terms: terms, at: story.now) == .stopped)
    }

    @Test("behind one address, a new machine each day and one mail server accuse nobody", arguments: [true, false])
    func office(hasServer: Bool) {
        var story = Story()
        story.terms = .business
        story.terms.isByNetwork = true
        for day in 0..<30 as Range<UInt64> {
            for step in 0..<60 as Range<UInt64> {
                let name = hasServer ? 1 : 1 + (step + day) % 25
                var letter = Story.Letter(people: [step % 3 == 0 ? story.stranger() : story.friend()], name: name)
                letter.headerFrom = 100 + step % 20
                story.send(letter)
                story.wait(20 * .minute)
            }
        }
        #expect(story.verdicts.isEmpty, "\(story.verdicts.map(\.sentences))")
    }
}
