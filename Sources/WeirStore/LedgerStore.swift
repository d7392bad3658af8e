import WeirBase
package import WeirQuota

/// The ledger's file: an append-only journal of charges, and `usage`, what it adds up to by slot and subject.
///
/// Owned by one thread, which appends, and calls ``maintain(now:budget:)`` whenever it has nothing to append. After a
/// throw, memory and file still agree; after `.fsyncFailed` every call throws it and nothing is written any more.
package final class LedgerStore {
    static let fileName = "ledger.db"
    let database: Database
    private let statements: Statements
    let maintenance: Maintenance
    let queries: Queries
    let archive: Archive
    /// Stories in the file, or a few more.
    var storyCount = 0
    /// As many stories are kept; tests lower it.
    package var storyLimit = LedgerStore.storiesMax
    let conduct: EvidenceStatements
    var tally = Tally()
    /// The journal row up to which `usage` has everything.
    var folded: UInt64 = 0
    /// The slot in which the last fold began.
    var foldedIn: Slot?
    /// Usage is being handed out in parts.
    var isHandingOut = false
    /// Where the search for slots to be folded into hours goes on.
    var hourCursor: UInt32 = 0
    /// The number of the last journal row that is durable.
    package internal(set) var lastSequence: UInt64 = 0
    /// Named, but not in the file yet: they go with the next rows, which may be about them.
    private var unnamed: [(id: SubjectID, scope: Scope, name: String)] = []
    private(set) var nextSubject: UInt32 = 1
    /// Whether nobody was ever counted in it.
    var isUnused: Bool { nextSubject == 1 }

    /// Opens or creates `ledger.db`, and replays the journal's tail.
    package init(in directory: StoreDirectory) throws(StoreError) {
        database = try Database(Self.fileName, in: directory, schema: .ledger)
        database.reserveLog(octets: Self.logOctets)
        statements = try Statements(database)
        maintenance = try Maintenance(database)
        queries = try Queries(database)
        archive = try Archive(database)
        conduct = try EvidenceStatements(database)
        nextSubject =
            try statements.lastSubject.first { statement throws(StoreError) in
                try statement.unsigned32(0)
            }.map { $0 &+ 1 } ?? 1
        try replay()
        storyCount = try archive.count()
    }

    /// Closes the file, so that another may open it; every later call throws.
    package func close() { database.close() }

    /// Subjects that wait for their name's commit; with more than that they get one of their own.
    private static let unnamedMax = 256

    /// The write-ahead log up to a checkpoint at leisure, twice over.
    private static let logOctets = 2 * walPagesIdle * 4_120

    private struct Statements {
        let insertCharge, insertSubject, findSubject, subjectName, lastSubject: Statement

        init(_ database: Database) throws(StoreError) {
            insertCharge = try database.prepare("INSERT INTO charge VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)")
            insertSubject = try database.prepare("INSERT INTO subject VALUES(?1, ?2, ?3)")
            findSubject = try database.prepare("SELECT id FROM subject WHERE kind = ?1 AND name = ?2")
            subjectName = try database.prepare("SELECT name FROM subject WHERE id = ?1")
            lastSubject = try database.prepare("SELECT max(id) FROM subject")
        }
    }
}

/// The journal.
extension LedgerStore {
    /// Makes all rows durable in one commit, or none; returns the last one's number.
    ///
    /// The store numbers the rows, in order, from ``lastSequence`` on; what stands in them is ignored. New subjects go
    /// with the same commit, and so do the observations and the stories. No rows: only those.
    @discardableResult
    package func append(
        _ rows: [JournalRow], _ observations: [ObservationRow] = [], stories: [StoryRow] = []
    ) throws(StoreError) -> UInt64 {
        guard !rows.isEmpty || !unnamed.isEmpty || !observations.isEmpty || !stories.isEmpty else {
            return lastSequence
        }
        try database.transaction { () throws(StoreError) in
            for subject in unnamed {
                try statements.insertSubject.run(
                    .unsigned(subject.id.number), .text(subject.scope.rawValue), .text(subject.name))
            }
            var sequence = lastSequence
            for row in rows {
                sequence += 1
                try insert(row, sequence)
            }
            for row in observations {
                try conduct.insertObservation.run(.unsigned(row.sequence), .blob(row.octets))
            }
            try insert(stories)
        }
        unnamed = []
        storyCount += stories.count
        lastSequence += UInt64(rows.count)
        for row in rows { tally.add(row) }
        return lastSequence
    }

    private func insert(_ row: JournalRow, _ sequence: UInt64) throws(StoreError) {
        let statement = statements.insertCharge
        try statement.bind(Int64(bitPattern: sequence), at: 1)
        try statement.bind(row.kind.rawValue, at: 2)
        try statement.bind(Int64(bitPattern: row.at.nanoseconds), at: 3)
        try statement.bind(Int64(row.slot.number), at: 4)
        try statement.bind(Int64(row.account.number), at: 5)
        try statement.bind(row.customer.map { Int64($0.number) }, at: 6)
        try statement.bind(row.amount.messages, at: 7)
        try statement.bind(row.amount.recipients, at: 8)
        try statement.bind(row.amount.refusals, at: 9)
        try statement.bind(row.amount.octets, at: 10)
        try statement.bind(Int64(bitPattern: row.message), at: 11)
        while try statement.step() {}
    }
}

/// Who is counted.
extension LedgerStore {
    /// The number that stands for a name, for ever; made up at the first call.
    ///
    /// A new one becomes durable with the next ``append(_:)``, so no row ever names a subject that a crash forgot.
    package func subject(_ scope: Scope, _ name: String) throws(StoreError) -> SubjectID {
        if scope == .gateway { return .gateway }
        if let known = unnamed.first(where: { $0.scope == scope && $0.name == name }) { return known.id }
        let found = try statements.findSubject.first(.text(scope.rawValue), .text(name)) {
            statement throws(StoreError) in try statement.unsigned32(0)
        }
        if let found { return SubjectID(number: found) }
        guard nextSubject > 0, nextSubject < .max else {
            throw .damaged(path: database.path, reason: "the numbers of subjects are used up")
        }
        if unnamed.count >= Self.unnamedMax { try append([]) }
        let subject = SubjectID(number: nextSubject)
        nextSubject += 1
        unnamed.append((subject, scope, name))
        return subject
    }

    /// The number of a name that was counted before; nil where it never was, and none is made up.
    package func knownSubject(_ scope: Scope, _ name: String) throws(StoreError) -> SubjectID? {
        if scope == .gateway { return .gateway }
        if let known = unnamed.first(where: { $0.scope == scope && $0.name == name }) { return known.id }
        return try statements.findSubject.first(.text(scope.rawValue), .text(name)) {
            statement throws(StoreError) in SubjectID(number: try statement.unsigned32(0))
        }
    }

    /// The name behind a number, nil where there is none.
    package func name(of subject: SubjectID) throws(StoreError) -> String? {
        if let known = unnamed.first(where: { $0.id == subject }) { return known.name }
        return try statements.subjectName.first(.unsigned(subject.number)) { statement throws(StoreError) in
            statement.text(0)
        }
    }
}
