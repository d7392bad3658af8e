/// What a file of the store looks like, and how each release's file becomes the next's.
struct Schema {
    /// SQLite's `application_id`, which tells our files from others.
    var applicationID: Int64
    /// Step n leads from version n to n + 1, and its text sets both `user_version` and, once, `application_id`.
    var steps: [StaticString]

    /// Refuses a file that is not ours, before anything is written to it.
    func claim(_ database: Database) throws(StoreError) {
        let found = try Schema.number(database.prepare("PRAGMA application_id"))
        let version = try Schema.number(database.prepare("PRAGMA user_version"))
        let tables = try Schema.number(database.prepare("SELECT count(*) FROM sqlite_schema"))
        if found == 0, version == 0, tables == 0 { return }
        guard found == applicationID else { throw .foreign(path: database.path) }
        guard version <= steps.count else {
            throw .newerVersion(path: database.path, found: Int(version), known: steps.count)
        }
    }

    /// Refuses a file that there are steps for.
    func compare(_ database: Database) throws(StoreError) {
        let version = try Schema.number(database.prepare("PRAGMA user_version"))
        if version < steps.count { throw .olderVersion(path: database.path) }
    }

    /// Runs the steps that the file has not seen, each in a transaction of its own.
    func migrate(_ database: Database) throws(StoreError) {
        let version = try Schema.number(database.prepare("PRAGMA user_version"))
        guard version >= 0 else { throw .damaged(path: database.path, reason: "its version is negative") }
        for step in steps.dropFirst(Int(version)) {
            try database.transaction { () throws(StoreError) in try database.execute(step) }
        }
    }

    private static func number(_ statement: Statement) throws(StoreError) -> Int64 {
        try statement.first { statement throws(StoreError) in statement.integer(0) } ?? 0
    }
}
