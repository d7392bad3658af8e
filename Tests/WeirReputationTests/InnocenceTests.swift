import TestKit
import Testing
import WeirBase
import WeirReputation

@Suite("The innocent are not suspended")
struct InnocenceTests {
    @Test("a newsletter, one issue of which a scanner calls spam", arguments: [-8.0, 3, 9, 20])
    func newsletter(score: Double) {
        var story = Story()
        story.terms = .bulk
        let readers = story.strangers(800)
        for issue in 0..<8 as Range<UInt64> {
            for reader in readers {
                story.send(.init(people: [reader], score: issue == 6 ? score : -8, text: issue.mixedForTest))
                story.wait(.second)
            }
            story.wait(7 * .day)
        }
        #expect(story.verdicts.isEmpty, "\(story.verdicts.map(\.sentences))")
    }

    @Test("a forwarder of a mailbox that is full of spam")
    func forwarder() {
        var story = Story()
        for step in 0..<2_000 {
            let isSpam = step % 4 == 3
            story.send(
                .init(people: [7], score: isSpam ? 14 : -8, isTaken: isSpam && step % 12 == 3 ? false : true))
            story.wait(30 * .minute)
        }
        #expect(story.verdicts.isEmpty, "\(story.verdicts.map(\.sentences))")
    }

    @Test("a traveller with another network every day, who mistypes a password")
    func traveller() {
        var story = Story()
        story.live(days: 30)
        for day in 0..<14 as Range<UInt64> {
            for _ in 0..<3 { story.accounts[0].loginFailed(terms: story.terms, at: story.now) }
            for _ in 0..<3 {
                story.send(.init(people: [story.friend()], network: 50 + day, name: 50 + day % 3))
                story.wait(4 * .hour)
            }
            story.send(.init(people: story.strangers(2), network: 50 + day))
            story.wait(12 * .hour)
        }
        #expect(story.verdicts.isEmpty, "\(story.verdicts.map(\.sentences))")
    }

    @Test("who invites a dozen people, on the road, with a text that a scanner dislikes", arguments: [6.5, 8])
    func invitation(score: Double) {
        var story = Story()
        story.live(days: 30)
        for step in 0..<12 as Range<UInt64> {
            story.send(.init(people: [story.stranger()], network: 60 + step / 4, score: score, text: 98))
            story.wait(step % 4 == 3 ? 3 * .hour : 5 * .minute)
        }
        #expect(!story.isSuspended)
    }

    @Test("greetings to everybody in an old address book")
    func greetings() {
        var story = Story()
        story.live(days: 30)
        for step in 0..<150 {
            let isUnknown = step % 10 == 3
            story.send(
                .init(
                    people: [story.stranger()], text: 99, replies: [isUnknown ? .unknown : .accepted],
                    isTaken: isUnknown ? nil : true))
            story.wait(10 * .second)
        }
        #expect(!story.isSuspended)
    }

    @Test("somebody whose every letter the scanner dislikes")
    func disliked() {
        var story = Story()
        story.live(days: 40, score: 9)
        #expect(!story.isSuspended)
        #expect(story.verdicts.count <= 1)
    }

    @Test("anybody, while a relay refuses everything for ten minutes", arguments: [1, 2, 3] as [UInt64])
    func brokenRelay(seed: UInt64) {
        var story = Story(accounts: 200, seed: seed)
        for account in 0..<200 { story.live(days: 1, account: account) }
        var alarm: ClimateAlarm?
        for step in 0..<600 {
            let account = step * 7 % 200
            story.send(
                .init(
                    people: [story.friend(), story.stranger()], network: step % 5 == 0 ? 60 : 1,
                    replies: [.unknown, .unknown],
                    isTaken: nil), from: account)
            alarm = alarm ?? story.surroundings.climate.alarm
            story.wait(.second)
        }
        #expect(!story.accounts.contains { $0.standing.isSuspended })
        #expect(alarm == .relayRefuses)
    }

    @Test("new accounts, while a relay refuses all that they send", arguments: [1, 2, 4], [false, true])
    func refusedNewcomers(count: Int, isAtDot: Bool) {
        for isInterleaved in [false, true] {
            var story = Story(accounts: count)
            story.terms.opened = story.now
            for step in 0..<40 * count {
                let account = isInterleaved ? step % count : step / 40
                let letter = Story.Letter(
                    people: story.strangers(2), network: 7 + UInt64(account),
                    replies: isAtDot ? nil : [.unknown, .unknown], isTaken: isAtDot ? false : nil)
                story.send(letter, from: account)
                #expect((story.surroundings.climate.alarm != nil) == (step >= 9))
                story.wait(5 * .second)
            }
            #expect(story.accounts.contains { $0.standing.isFlagged })
            #expect(!story.accounts.contains { $0.standing.isSuspended })
            #expect(story.surroundings.climate.alarm == .relayRefuses)
            #expect(!story.surroundings.climate.isStopped(at: story.now))
            // One that is taken ends it.
            story.surroundings.climate.hear(Outcome(recipients: [.unknown, .accepted], isTaken: true))
            #expect(story.surroundings.climate.alarm == nil)
        }
    }

    @Test("nobody for what relays say alone; a thief is suspended though every recipient is refused")
    func refusedThief() {
        var story = Story()
        story.live(days: 30)
        let refused = [RecipientReply](repeating: .unknown, count: 20)
        story.surroundings.climate.hear(Outcome(recipients: refused, isTaken: nil))
        for step in 0..<60 as Range<UInt64> where !story.isSuspended {
            let people = story.strangers(4)
            story.send(
                .init(
                    people: people, network: 100 + step % 4, name: 100 + step % 4, score: 14, text: 9,
                    replies: people.map { _ in .unknown }, isTaken: nil))
            story.wait(20 * .second)
        }
        #expect(story.isSuspended)
        #expect(story.surroundings.climate.alarm == .relayRefuses)
    }

    @Test("anybody, while a scanner calls everything spam")
    func brokenScanner() {
        var story = Story(accounts: 200)
        for account in 0..<200 { story.live(days: 1, account: account) }
        var alarm: ClimateAlarm?
        for step in 0..<3_600 {
            story.send(
                .init(people: [story.friend(), story.stranger()], network: step % 5 == 0 ? 60 : 1, score: 15),
                from: step * 7 % 200)
            alarm = alarm ?? story.surroundings.climate.alarm
            story.wait(.second)
        }
        #expect(!story.accounts.contains { $0.standing.isSuspended })
        #expect(alarm == .scannerCondemns)
    }

    /// What a scanner dislikes, to somebody who does not exist: four such letters suspend.
    private static func dislike(_ story: inout Story, _ account: Int) {
        let network = 100 + UInt64(account)
        story.send(
            .init(people: [story.stranger()], network: network, score: 6.5, replies: [.unknown]), from: account)
    }

    /// A minute in which accounts beyond the first ten write to their friends.
    private static func minute(_ story: inout Story) {
        for _ in 0..<60 {
            story.send(.init(people: [story.friend()]), from: 10 + Int(story.generator.next() % 290))
            story.wait(.second)
        }
    }

    @Test("anybody, while more accounts are flagged than can have been stolen; one by itself is suspended")
    func manyFlagged() {
        for count in [1, 8] {
            var story = Story(accounts: 300)
            for account in 0..<300 { story.live(days: 1, account: account) }
            for _ in 0..<10 { Self.minute(&story) }
            for _ in 0..<6 {
                for account in 0..<count { Self.dislike(&story, account) }
                Self.minute(&story)
            }
            let suspended = story.accounts.count { $0.standing.isSuspended }
            #expect(suspended == (count == 1 ? 1 : 0))
            #expect(story.surroundings.climate.alarm == (count == 1 ? nil : .manyFlagged))
            // It is over when no others were flagged for ten minutes; who goes on then is suspended.
            for _ in 0..<11 { Self.minute(&story) }
            #expect(story.surroundings.climate.alarm == nil)
            for account in 0..<count { Self.dislike(&story, account) }
            #expect(story.accounts[..<count].allSatisfy { $0.standing.isSuspended })
        }
    }

    @Test("anybody, when the clock jumps", arguments: [UInt64.day, 40 * .day, 2 * .hour])
    func clock(jump: UInt64) {
        var story = Story()
        story.live(days: 30)
        let before = story.now
        story.wait(jump)
        story.live(days: 2)
        story.now = before
        story.live(days: 2)
        story.now = Instant(nanoseconds: before.nanoseconds - 3 * .day)
        story.live(days: 2)
        #expect(story.verdicts.isEmpty, "\(story.verdicts.map(\.sentences))")
    }
}

extension UInt64 {
    /// A text of its own for each number.
    var mixedForTest: UInt64 {
        var generator = Seeded(self)
        return generator.next()
    }
}
