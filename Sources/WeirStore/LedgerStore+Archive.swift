import WeirBase
package import WeirQuota

/// What came of one transaction, under the id that its client was told.
package struct StoryRow: Hashable, Sendable {
    package var id: UInt64
    package var account: SubjectID
    /// As on its line in the log: `accepted`, `refused_relay` …; `abandoned` where there was no message.
    package var result: String
    /// Of the last recipient that was refused, in the same words; empty: none was.
    package var refusal: String
    /// As on its line in the log; 0: its client gave it up.
    package var code: UInt16
    /// Of the relay's reply to its content; 0: there was none.
    package var relayCode: UInt16
    /// Recipients that a relay took, and that were refused by anyone.
    package var accepted: Int
    package var refused: Int
    package var octets: UInt64
    /// From MAIL to its end.
    package var milliseconds: UInt64
    /// The last limit that refused, the relay that was asked last, the client's address; empty: none.
    package var limit: String
    package var relay: String
    package var source: String

    package init(
        id: UInt64, account: SubjectID, result: String, refusal: String = "", code: UInt16 = 0, relayCode: UInt16 = 0,
        accepted: Int = 0, refused: Int = 0, octets: UInt64 = 0, milliseconds: UInt64 = 0, limit: String = "",
        relay: String = "", source: String = ""
    ) {
        self.id = id
        self.account = account
        self.result = result
        self.refusal = refusal
        self.code = code
        self.relayCode = relayCode
        self.accepted = accepted
        self.refused = refused
        self.octets = octets
        self.milliseconds = milliseconds
        self.limit = limit
        self.relay = relay
        self.source = source
    }
}

/// The highest scores of one account on one day, in hundredths of a nat.
package struct ScoreRow: Hashable, Sendable {
    /// Numbered from 1970, by the gateway's clock.
    package var day: UInt32
    package var account: SubjectID
    package var highest: Int32
    /// The highest of those that could have suspended, had the threshold been there.
    package var gravest: Int32

    package init(day: UInt32, account: SubjectID, highest: Int32, gravest: Int32) {
        self.day = day
        self.account = account
        self.highest = highest
        self.gravest = gravest
    }
}

/// What is kept for people to look at, and nothing depends on.
extension LedgerStore {
    /// How long a story is kept.
    package static let storiesKept: UInt64 = 7 * .day
    /// More stories than this are not kept, however young: some 500 MB.
    package static let storiesMax = 5_000_000
    /// How many days of scores are kept.
    package static let scoreDaysKept: UInt32 = 60

    struct Archive {
        let insertStory, story, storyCount, setStoryCount, countOld, dropOld: Statement
        let addScore, scores, firstDay, dropScores: Statement

        init(_ database: Database) throws(StoreError) {
            insertStory = try database.prepare(
                "INSERT OR IGNORE INTO story VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)")
            story = try database.prepare("SELECT * FROM story WHERE id = ?1")
            storyCount = try database.prepare("SELECT value FROM meta WHERE key = 'stories'")
            setStoryCount = try database.prepare("INSERT OR REPLACE INTO meta VALUES('stories', ?1)")
            countOld = try database.prepare("SELECT count(*) FROM (SELECT 1 FROM story WHERE id < ?1 LIMIT ?2)")
            dropOld = try database.prepare(
                "DELETE FROM story WHERE id IN (SELECT id FROM story WHERE id < ?1 ORDER BY id LIMIT ?2)")
            addScore = try database.prepare(
                """
                INSERT INTO score VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET
                highest = max(highest, excluded.highest), gravest = max(gravest, excluded.gravest)
                """)
            scores = try database.prepare(
                "SELECT * FROM score WHERE (day, account) > (?1, ?2) ORDER BY day, account LIMIT ?3")
            firstDay = try database.prepare("SELECT day FROM score ORDER BY day LIMIT 1")
            dropScores = try database.prepare(
                """
                DELETE FROM score WHERE day = ?1 AND account IN (
                    SELECT account FROM score WHERE day = ?1 ORDER BY account LIMIT ?2)
                """)
        }

        func count() throws(StoreError) -> Int {
            try storyCount.first { row throws(StoreError) in Int(clamping: max(0, row.integer(0))) } ?? 0
        }
    }
}

/// Stories.
extension LedgerStore {
    /// Belongs into the transaction of the rows that they go with.
    func insert(_ stories: [StoryRow]) throws(StoreError) {
        guard !stories.isEmpty else { return }
        let statement = archive.insertStory
        for story in stories {
            try statement.bind(Int64(bitPattern: story.id), at: 1)
            try statement.bind(Int64(story.account.number), at: 2)
            try statement.bind(story.result, at: 3)
            try statement.bind(story.refusal, at: 4)
            try statement.bind(Int64(story.code), at: 5)
            try statement.bind(Int64(story.relayCode), at: 6)
            try statement.bind(Int64(story.accepted), at: 7)
            try statement.bind(Int64(story.refused), at: 8)
            try statement.bind(Int64(clamping: story.octets), at: 9)
            try statement.bind(Int64(clamping: story.milliseconds), at: 10)
            try statement.bind(story.limit, at: 11)
            try statement.bind(story.relay, at: 12)
            try statement.bind(story.source, at: 13)
            while try statement.step() {}
        }
        try archive.setStoryCount.run(.integer(Int64(storyCount + stories.count)))
    }

    /// What came of a transaction; nil: it is not known, or no more.
    package func story(_ id: UInt64) throws(StoreError) -> StoryRow? {
        try archive.story.first(.unsigned(id)) { row throws(StoreError) in
            StoryRow(
                id: id, account: SubjectID(number: try row.unsigned32(1)), result: row.text(2), refusal: row.text(3),
                code: UInt16(clamping: row.integer(4)), relayCode: UInt16(clamping: row.integer(5)),
                accepted: Int(row.integer(6)), refused: Int(row.integer(7)), octets: UInt64(clamping: row.integer(8)),
                milliseconds: UInt64(clamping: row.integer(9)), limit: row.text(10), relay: row.text(11),
                source: row.text(12))
        }
    }

    /// Deletes stories that are too old, or beyond the number that is kept, from the oldest on.
    func expireStories(now: Instant, budget: Int) throws(StoreError) -> Bool {
        let surplus = storyCount - storyLimit
        let kept = now.nanoseconds > Self.storiesKept ? now.nanoseconds - Self.storiesKept : 0
        // An id is its milliseconds, and 20 bits more.
        let bound = surplus > 0 ? Int64.max : Int64(clamping: (kept / .millisecond) << 20)
        let rows = surplus > 0 ? min(budget, surplus) : budget
        let found = try archive.countOld.first(.integer(bound), .integer(Int64(rows))) { row throws(StoreError) in
            Int(row.integer(0))
        }
        guard let found, found > 0 else { return false }
        let left = max(0, storyCount - found)
        try database.transaction { () throws(StoreError) in
            try archive.dropOld.run(.integer(bound), .integer(Int64(found)))
            try archive.setStoryCount.run(.integer(Int64(left)))
        }
        storyCount = left
        return true
    }
}

/// Scores.
extension LedgerStore {
    /// Keeps the higher of what is there and what is given, all in one commit.
    package func saveScores(_ rows: [ScoreRow]) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            for row in rows {
                try archive.addScore.run(
                    .unsigned(row.day), .unsigned(row.account.number), .integer(Int64(row.highest)),
                    .integer(Int64(row.gravest)))
            }
        }
    }

    /// Scores by day and account, those behind `row`, at most `limit`.
    package func scores(after row: ScoreRow? = nil, limit: Int) throws(StoreError) -> [ScoreRow] {
        var rows: [ScoreRow] = []
        let (day, account) = row.map { (Int64($0.day), Int64($0.account.number)) } ?? (-1, -1)
        try archive.scores.each(.integer(day), .integer(account), .integer(Int64(limit))) { found throws(StoreError) in
            rows.append(
                ScoreRow(
                    day: try found.unsigned32(0), account: SubjectID(number: try found.unsigned32(1)),
                    highest: Int32(clamping: found.integer(2)), gravest: Int32(clamping: found.integer(3))))
        }
        return rows
    }

    func expireScores(now: Instant, budget: Int) throws(StoreError) -> Bool {
        let today = UInt32(clamping: now.nanoseconds / .day)
        let first = try archive.firstDay.first { row throws(StoreError) in try row.unsigned32(0) }
        guard let first, today > Self.scoreDaysKept, first < today - Self.scoreDaysKept else { return false }
        try database.transaction { () throws(StoreError) in
            try archive.dropScores.run(.unsigned(first), .integer(Int64(budget)))
        }
        return true
    }
}
