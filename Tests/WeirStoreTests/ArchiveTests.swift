import Testing
import WeirBase
import WeirQuota
import WeirStore

@Suite("Stories and scores in the store") struct ArchiveTests {
    private let store = SimulatedStore()

    private func id(_ time: Instant, _ low: UInt64 = 0) -> UInt64 { (time.nanoseconds / .millisecond) << 20 | low }

    private func story(_ time: Instant = noon, _ low: UInt64 = 0) -> StoryRow {
        StoryRow(
            id: id(time, low), account: SubjectID(number: 3), result: "refused_relay", refusal: "deferred_quota",
            code: 550, relayCode: 554, accepted: 99, refused: 2, octets: 12_345, milliseconds: 678,
            limit: "recipients-per-day", relay: "smarthost-a", source: "2001:db8::1")
    }

    @Test("a story goes with the rows of a commit or alone, and comes back as it was, also after a power cut")
    func roundTrip() throws {
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "ann")
        try ledger.append([row(account)], stories: [story(noon, 1)])
        try ledger.append([], stories: [story(noon, 2), story(noon, 3)])
        #expect(ledger.lastSequence == 1)
        let after = try LedgerStore(in: store.crashed(seed: 4).directory)
        for low in UInt64(1)...3 { #expect(try after.story(id(noon, low)) == story(noon, low)) }
        #expect(try after.story(id(noon, 4)) == nil)
    }

    @Test("an id that is told twice keeps its first story, and the commit with it stands")
    func twice() throws {
        let ledger = try LedgerStore(in: store.directory)
        var other = story()
        other.result = "accepted"
        let account = try ledger.subject(.account, "ann")
        try ledger.append([row(account)], stories: [story()])
        try ledger.append([row(account)], stories: [other])
        #expect(try ledger.story(story().id) == story())
        #expect(ledger.lastSequence == 2)
    }

    @Test("stories go when their time is over, in slices")
    func expires() throws {
        let ledger = try LedgerStore(in: store.directory)
        try ledger.append([], stories: (0..<10).map { story(noon + UInt64($0) * .second) })
        let end = noon + LedgerStore.storiesKept
        try ledger.drain(now: end, budget: 3)
        #expect(try ledger.story(id(noon)) != nil)
        try ledger.drain(now: end + 4 * .second, budget: 3)
        let kept = try (0..<10).map { try ledger.story(id(noon + UInt64($0) * .second)) != nil }
        #expect(kept == (0..<10).map { $0 >= 4 })
    }

    @Test("as many stories as are kept stay, and the oldest of more than those go, also after a start")
    func limit() throws {
        let ledger = try LedgerStore(in: store.directory)
        try ledger.append([], stories: (0..<10).map { story(noon, $0) })
        ledger.storyLimit = 10
        try ledger.drain(now: noon)
        #expect(try ledger.story(id(noon, 0)) != nil)
        let again = try LedgerStore(in: store.crashed(seed: 1).directory)
        again.storyLimit = 7
        try again.drain(now: noon, budget: 2)
        #expect(try (0..<10).map { try again.story(id(noon, $0)) != nil } == (0..<10).map { $0 >= 3 })
    }

    @Test("of a day's scores the highest stays, in order of day and account, page by page")
    func scores() throws {
        let ledger = try LedgerStore(in: store.directory)
        func row(_ day: UInt32, _ account: UInt32, _ highest: Int32, _ gravest: Int32 = 0) -> ScoreRow {
            ScoreRow(day: day, account: SubjectID(number: account), highest: highest, gravest: gravest)
        }
        try ledger.saveScores([row(2, 1, 100, 50), row(1, 2, 700), row(1, 1, 300, 300)])
        try ledger.saveScores([row(1, 1, 200, 400), row(2, 1, 150, 20)])
        let all = [row(1, 1, 300, 400), row(1, 2, 700), row(2, 1, 150, 50)]
        #expect(try ledger.scores(limit: 10) == all)
        #expect(try ledger.scores(limit: 2) == Array(all.prefix(2)))
        #expect(try ledger.scores(after: all[1], limit: 2) == [all[2]])
    }

    @Test("scores go after sixty days")
    func scoresExpire() throws {
        let ledger = try LedgerStore(in: store.directory)
        let today = UInt32(noon.nanoseconds / .day)
        let days = [today - 61, today - 60, today - 1]
        try ledger.saveScores(
            days.flatMap { day in
                (1...5).map { ScoreRow(day: day, account: SubjectID(number: $0), highest: 1, gravest: 0) }
            })
        try ledger.drain(now: noon, budget: 2)
        #expect(Set(try ledger.scores(limit: 100).map(\.day)) == Set(days.dropFirst()))
    }
}
