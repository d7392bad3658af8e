import Testing
import WeirBase
import WeirReputation

@Suite("Standing")
struct StandingTests {
    /// An account flagged by bounces and volume alone.
    private static func flagged(mode: Mode = .suspend) -> Story {
        var story = Story()
        story.terms.mode = mode
        story.live(days: 20)
        for step in 0..<200 where !story.isFlagged {
            let isUnknown = step % 2 == 0
            story.send(
                .init(
                    people: [story.stranger()], text: 99, replies: [isUnknown ? .unknown : .accepted],
                    isTaken: isUnknown ? nil : true))
            story.wait(20 * .second)
        }
        return story
    }

    private static func stolen(mode: Mode = .suspend) -> Story {
        var story = Story()
        story.terms.mode = mode
        story.live(days: 20)
        steal(&story)
        return story
    }

    private static func steal(_ story: inout Story) {
        for network in 100..<120 as Range<UInt64> {
            story.send(.init(people: story.strangers(2), network: network, name: network, score: 9))
            story.wait(.minute)
        }
    }

    @Test("a flag holds new people from the eleventh an hour on, and known people never")
    func brake() {
        var story = Self.flagged()
        #expect(story.isFlagged)
        story.wait(2 * .hour)
        let stranger = story.stranger()
        let evidence = story.accounts[0]
        #expect(!evidence.holds(stranger, pending: 9, terms: story.terms, at: story.now))
        #expect(evidence.holds(stranger, pending: 10, terms: story.terms, at: story.now))
        #expect(!evidence.holds(1_000, pending: 10, terms: story.terms, at: story.now))
        var shadow = story.terms
        shadow.mode = .shadow
        #expect(!evidence.holds(stranger, pending: 10, terms: shadow, at: story.now))
    }

    @Test("a flag holds nobody from its end on, also before anything is sent again")
    func flagOver() {
        var story = Self.flagged()
        let dossier = Dossier(account: story.accounts[0], machines: Machines())
        for isOver in [false, true] {
            #expect(
                dossier.holds(story.stranger(), pending: 10, from: 1, terms: story.terms, at: story.now) == !isOver)
            #expect(dossier.restraint(of: 1, terms: story.terms, at: story.now) == (isOver ? .free : .braked))
            story.wait(12 * .day)
        }
    }

    @Test("a reply to the dot says of a message that it is refused where the relay has no trouble of its own")
    func replyToDot() {
        func isTaken(_ code: Int, _ detail: (Int, Int)? = nil) -> Bool? {
            RecipientReply.isTaken(code: code, enhanced: detail.map { (code / 100, $0.0, $0.1) })
        }
        #expect([isTaken(250, (0, 0)), isTaken(250)] == [true, true])
        #expect([isTaken(554), isTaken(550, (7, 1)), isTaken(550, (1, 1))] == [false, false, false])
        #expect([isTaken(451, (7, 1)), isTaken(450, (2, 1))] == [false, false])
        #expect([isTaken(452, (3, 1)), isTaken(451, (3, 0)), isTaken(421)] == [nil, nil, nil])
    }

    @Test("a flag ends when delivery has been calm for a day")
    func cooling() {
        var story = Self.flagged()
        for _ in 0..<12 where story.isFlagged { story.live(days: 1) }
        #expect(story.accounts[0].standing == .normal)
    }

    @Test("a release forgets the incident's networks, keeps the past, and a second suspension needs a person")
    func release() {
        var story = Self.stolen()
        #expect(story.isSuspended)
        #expect(!story.accounts[0].needsPerson)
        story.accounts[0].release(terms: story.terms, at: story.now)
        guard case .probation = story.accounts[0].standing else {
            Issue.record("not in probation")
            return
        }
        let count = story.verdicts.count
        story.live(days: 2)
        #expect(story.verdicts.count == count, "the owner sends again")
        Self.steal(&story)
        #expect(story.isSuspended)
        #expect(story.accounts[0].needsPerson)
    }

    @Test("a flag that is ended by hand forgets the incident, keeps the past, and comes back only with a new one")
    func unflagging() {
        var story = Self.flagged()
        story.accounts[0].release(terms: story.terms, at: story.now)
        #expect(story.accounts[0].standing == .normal)
        #expect(!story.accounts[0].needsPerson)
        let count = story.verdicts.count
        story.live(days: 2)
        #expect(story.verdicts.count == count)
        Self.steal(&story)
        #expect(story.isSuspended)
        #expect(!story.accounts[0].needsPerson, "a flag is no suspension")
    }

    @Test(
        "a flag that calm has ended is no incident, and one of a machine that began before the account's own is forgotten too"
    )
    func incidents() {
        var story = Self.flagged()
        var calm = story
        calm.wait(60 * .day)
        #expect(calm.accounts[0].release(terms: calm.terms, at: calm.now) == nil)
        let before = story.now
        story.wait(.hour)
        #expect(story.accounts[0].release(terms: story.terms, at: story.now) ?? before < before)

        // The networks of the last two days: only what is older than the incident is familiar afterwards.
        var ended = [Self.flagged(), Self.flagged()]
        for index in ended.indices {
            let early = Instant(nanoseconds: ended[index].now.nanoseconds - 40 * .day)
            ended[index].accounts[0].release(
                terms: ended[index].terms, at: ended[index].now, incidentOfMachines: index == 0 ? nil : early)
        }
        #expect(ended[0].accounts[0] != ended[1].accounts[0])
    }

    @Test("a flag in probation that is ended by hand leads back to probation")
    func unflaggingInProbation() {
        var story = Self.stolen()
        story.accounts[0].release(terms: story.terms, at: story.now)
        let probation = story.accounts[0].standing
        story.terms.mode = .flag
        story.wait(.hour)
        Self.steal(&story)
        #expect(story.isFlagged)
        story.accounts[0].release(terms: story.terms, at: story.now)
        #expect(story.accounts[0].standing == probation)
    }

    @Test("probation ends after seven days")
    func probation() {
        var story = Self.stolen()
        story.accounts[0].release(terms: story.terms, at: story.now)
        story.live(days: 8)
        #expect(story.accounts[0].standing == .normal)
    }

    @Test("in shadow the same is decided, and nobody is stopped")
    func shadow() {
        let enforced = Self.stolen()
        var shadow = Self.stolen(mode: .shadow)
        #expect(shadow.verdicts == enforced.verdicts)
        #expect(enforced.accounts[0].isStopped(enforced.terms))
        #expect(!shadow.accounts[0].isStopped(shadow.terms))
        shadow.wait(2 * .day)
        shadow.live(days: 1)
        #expect(!shadow.isSuspended)
    }

    @Test(
        "what was decided in shadow counts in no other mode: there what is known then decides",
        arguments: [Mode.flag, .suspend], [0, 1])
    func fromShadow(mode: Mode, daysInShadow: Int) throws {
        var story = Self.stolen(mode: .shadow)
        #expect(story.isSuspended)
        story.wait(2 * .day)
        story.live(days: daysInShadow)
        story.wait(20 * .day)
        let copy = try AccountEvidence(decoding: story.accounts[0].encoded())
        #expect(copy == story.accounts[0])
        story.accounts[0] = copy

        story.terms.mode = mode
        let count = story.verdicts.count
        #expect(!story.accounts[0].isStopped(story.terms))
        story.send(.init(people: [story.friend()]))
        #expect(story.accounts[0].standing == .normal)
        #expect(story.verdicts.count == count)
        Self.steal(&story)
        #expect(mode == .suspend ? story.isSuspended : story.isFlagged)
    }

    @Test("a flag of shadow holds nobody in another mode, and is given anew while there is reason")
    func flagFromShadow() {
        var story = Self.flagged(mode: .shadow)
        story.terms.mode = .flag
        #expect(!story.accounts[0].holds(story.stranger(), pending: 10, terms: story.terms, at: story.now))
        let count = story.verdicts.count
        story.send(.init(people: [story.stranger()], text: 99))
        #expect(story.isFlagged)
        #expect(story.verdicts.dropFirst(count).map(\.before) == [.normal])
        #expect(story.accounts[0].holds(story.stranger(), pending: 10, terms: story.terms, at: story.now))
    }

    @Test("what was carried out stands, whatever modes come between")
    func backFromShadow() {
        var story = Self.stolen()
        let suspension = story.accounts[0].standing
        for mode in [Mode.shadow, .flag, .suspend] {
            story.terms.mode = mode
            story.accounts[0].loginFailed(terms: story.terms, at: story.now)
            #expect(story.accounts[0].standing == suspension)
            #expect(story.accounts[0].isStopped(story.terms) == (mode == .suspend))
        }
    }

    @Test("a mode that only flags suspends nobody")
    func flagOnly() {
        let story = Self.stolen(mode: .flag)
        #expect(story.isFlagged)
        #expect(!story.verdicts.contains { $0.after.isSuspended })
    }

    @Test("a verdict says why: its numbers make its score, its words its numbers")
    func record() throws {
        let verdict = try #require(Self.stolen().verdicts.last)
        #expect(verdict.after.isSuspended)
        #expect(Score(verdict.findings) == verdict.score)
        #expect(verdict.score.total >= verdict.threshold)
        #expect(!verdict.messages.isEmpty && verdict.messages.count <= 10)
        let text = verdict.sentences.joined(separator: "\n")
        #expect(text.contains("unfamiliar network"))
        #expect(text.contains("content score 9.0"))
        var other = verdict
        (other.findings.ofMessage.scannerScore, other.findings.refusedMessages) = (-1, 0)
        #expect(other.sentences.contains { $0.hasPrefix("content ") && $0.hasSuffix(": earlier messages") })
        other.findings.ofMessage.scannerScore = 9
        (other.findings.ofMessage.textPeople, other.findings.ofMessage.reach) = (0, 1)
        #expect(other.sentences.contains { $0.hasSuffix(": content score 9.0") })
        for family in verdict.acquittals { #expect(verdict.score.total - verdict.score[family] < verdict.threshold) }
    }

    @Test("a machine behind a network is judged for itself")
    func machine() {
        var story = Story()
        story.terms = .business
        story.terms.isByNetwork = true
        story.terms = story.terms.ofOneMachine
        for _ in 0..<40 { story.send(.init(people: story.strangers(3), score: 9)) }
        #expect(story.isSuspended)
    }

    @Test("accounts used alike accuse each other, but a shared hotel does not")
    func neighbours() {
        var story = Story(accounts: 12)
        for account in 0..<12 { story.live(days: 12, account: account) }
        for step in 0..<40 {
            for account in 0..<10 {
                story.send(
                    .init(
                        people: [story.stranger()], network: 900, name: 9, score: 0, text: 44,
                        replies: [step % 6 == 5 ? .unknown : .accepted], isTaken: step % 6 == 5 ? nil : true),
                    from: account)
                story.wait(.second)
            }
        }
        #expect(story.accounts.filter { $0.standing.isSuspended }.count >= 8)
        story.send(.init(people: [story.friend()], network: 900), from: 11)
        #expect(story.accounts[11].standing == .normal)
    }
}
