import TestKit
import Testing
import WeirBase
import WeirReputation

@Suite("Evidence beside the account's own")
struct NeighbourhoodTests {
    @Test(
        "one text from several accounts abroad is told within the hour, and not after it",
        arguments: [1, 70] as [UInt64])
    func campaign(minutes: UInt64) throws {
        var story = Story(accounts: 5)
        for account in 0..<5 { story.live(days: 12, account: account) }
        for account in 0..<4 {
            story.send(.init(people: story.strangers(2), network: 500 + UInt64(account), text: 31), from: account)
            story.wait(minutes * .minute)
        }
        let spread = story.send(.init(people: story.strangers(2), network: 600, text: 31), from: 4)
        let judgement = try #require(spread)
        #expect(judgement.findings.ofMessage.sameTextAccounts == (minutes == 1 ? 3 : 0))
        #expect(judgement.score.neighbours == (minutes == 1 ? 3 : 0))
        let friend = story.send(.init(people: [story.friend()], text: 31), from: 4)
        #expect(friend?.score.neighbours == 0, "from home it says nothing")
    }

    @Test("links of suspicious accounts accuse others, but not common ones", arguments: [true, false])
    func links(isCommon: Bool) throws {
        var story = Story(accounts: 3)
        for account in 0..<3 { story.live(days: 12, account: account) }
        for _ in 0..<2 where isCommon { story.send(.init(people: [1_000], domains: [77]), from: 2) }
        for network in 100..<120 as Range<UInt64> {
            story.send(.init(people: story.strangers(2), network: network, name: network, score: 9, domains: [77]))
            story.wait(.minute)
        }
        #expect(story.isSuspended)
        let judgement = story.send(.init(people: story.strangers(2), domains: [5, 77]), from: 1)
        #expect(judgement?.findings.ofMessage.neighbours == (isCommon ? 0 : 1))
    }

    @Test("limits reached accuse little, and whoever always reaches them not at all")
    func caps() {
        var story = Story()
        story.live(days: 20)
        let terms = story.terms
        for _ in 0..<1_000 { story.accounts[0].capReached(terms: terms, at: story.now) }
        let calm = story.send(.init(people: [story.friend()]))?.score.volume ?? .infinity
        #expect(calm > -0.5 && calm <= 1, "\(calm)")
        #expect(story.verdicts.isEmpty)

        var often = Story()
        for _ in 0..<30 {
            for _ in 0..<40 { often.accounts[0].capReached(terms: terms, at: often.now) }
            often.live(days: 1)
        }
        let usual = often.send(.init(people: [often.friend()]))?.score.volume ?? .infinity
        #expect(usual < 0.3, "\(usual)")
    }

    @Test("an unusual header From or form accuses only abroad, and only against a past")
    func form() throws {
        let forged = Story.Letter(people: [1_000], network: 9, sender: 4, headerFrom: 5, isHTML: true)
        var story = Story()
        let first = story.send(forged)
        #expect(try #require(first).score.origin < 2, "no past")
        story = Story()
        story.live(days: 30)
        let plain = try #require(copy(story, .init(people: [1_000], network: 9))).score.origin
        let abroad = try #require(copy(story, forged)).score.origin
        #expect(abs(abroad - plain - 1.5) < 0.01)
        let home = try #require(copy(story, .init(people: [1_000], sender: 4, headerFrom: 5, isHTML: true)))
        #expect(home.score.origin == 0)
    }

    private func copy(_ story: Story, _ letter: Story.Letter) -> Judgement? {
        var story = story
        return story.send(letter)
    }
}
