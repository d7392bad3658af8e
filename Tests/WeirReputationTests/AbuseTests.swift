import Testing
import WeirBase
import WeirReputation

@Suite("Abuse is stopped")
struct AbuseTests {
    @Test("a stolen account is suspended within ten recipients", arguments: 1...8 as ClosedRange<UInt64>)
    func theft(seed: UInt64) {
        var story = Story(seed: seed)
        story.live(days: 20)
        story.escaped = 0
        for network in 100..<140 as Range<UInt64> {
            story.send(.init(people: story.strangers(2), network: network, name: network, score: 9))
            story.wait(.minute)
        }
        #expect(story.isSuspended)
        #expect(story.escaped <= 10, "\(story.escaped) escaped, seed \(seed)")
        #expect(story.verdicts.last?.isBefore == true)
    }

    @Test(
        "a stolen account that sends one text from three networks is suspended within ten recipients",
        arguments: [12.0, 20], [UInt64.second, 10 * .minute])
    func sameText(score: Double, every span: UInt64) {
        for (name, headerFrom) in [(1, 3), (9, 3), (1, 77)] as [(UInt64, UInt64)] {
            var story = Story()
            story.live(days: 13)
            story.escaped = 0
            for step in 0..<20 as Range<UInt64> {
                let network = 100 + step % 3
                story.send(
                    .init(
                        people: [story.stranger()], network: network, name: name, score: score, text: 5,
                        headerFrom: headerFrom))
                story.wait(span)
            }
            #expect(story.isSuspended)
            #expect(story.escaped < 10, "\(story.escaped) escaped")
        }
    }

    @Test("a stolen account with a clean text and a dirty list is suspended")
    func cleanText() {
        var story = Story()
        story.live(days: 20)
        story.escaped = 0
        for step in 0..<400 {
            let isUnknown = step % 4 == 0
            story.send(
                .init(
                    people: [story.stranger()], network: 100 + UInt64(step % 3), name: 9, text: 77,
                    replies: [isUnknown ? .unknown : .accepted], isTaken: isUnknown ? nil : true))
            story.wait(.minute)
        }
        #expect(story.isSuspended)
        #expect(story.escaped <= 60, "\(story.escaped) escaped")
    }

    @Test("an infected machine at home is suspended: its text gives it away")
    func infection() {
        var story = Story()
        story.live(days: 20)
        story.escaped = 0
        for _ in 0..<100 {
            story.send(.init(people: story.strangers(3), score: 9))
            story.wait(.minute)
        }
        #expect(story.isSuspended)
        #expect(story.escaped <= 60, "\(story.escaped) escaped")
    }

    @Test("an account opened to send spam is suspended")
    func signup() {
        var story = Story()
        story.terms.opened = story.now
        for _ in 0..<50 {
            story.send(.init(people: story.strangers(5), score: 9))
            story.wait(.minute)
        }
        #expect(story.isSuspended)
        #expect(story.escaped <= 30, "\(story.escaped) escaped")
    }

    @Test("complaints accuse, but not a list whose readers seldom complain")
    func complaints() {
        var story = Story()
        story.live(days: 20)
        let terms = story.terms
        for id in 0..<3 as Range<UInt64> {
            let judgement = story.accounts[0].complain(
                of: id, terms: terms, surroundings: &story.surroundings, at: story.now)
            #expect(judgement.score.complaints > min(4.9, 2 * Double(id + 1)))
        }

        var list = Story()
        list.terms = .bulk
        let readers = list.strangers(1_500)
        for _ in 0..<2 { for reader in readers { list.send(.init(people: [reader], text: 5)) } }
        let judgement = list.accounts[0].complain(
            of: 1, terms: .bulk, surroundings: &list.surroundings, at: list.now)
        #expect(judgement.score.complaints == 0)
    }
}
