import WeirBase

/// All that is asked of `accounts.db`.
struct AccountStatements {
    let byKey, byID, networks, tokens, overrides, owner, nextLength: Statement
    let listAll, listByState, listByPlan, listByCustomer, planCounts, stateCounts: Statement
    let insert, update, setState, remove: Statement
    let insertNetwork, removeNetwork, insertToken, setOverride, dropOverride, override: Statement
    let insertAudit, auditAll, auditOne, auditEnd, latestMove, abused: Statement
    let insertVerdict, verdicts, latestVerdict, stoppedMachines, expireVerdicts: Statement
    let insertNotice, notices, dropNotice: Statement
    let insertComplaint, nameComplaint, compareComplaint, dropComplaints, dropAllComplaints, countComplaints: Statement
    let keys: Statement

    init(_ database: Database) throws(StoreError) {
        byKey = try database.prepare("SELECT * FROM account WHERE key = ?1")
        byID = try database.prepare("SELECT * FROM account WHERE id = ?1")
        networks = try database.prepare(
            "SELECT family, length, address FROM network WHERE account = ?1 ORDER BY family, length, address")
        tokens = try database.prepare("SELECT hash FROM token WHERE account = ?1")
        overrides = try database.prepare("SELECT name, value, until, reason FROM override WHERE account = ?1")
        owner = try database.prepare("SELECT account FROM network WHERE family = ?1 AND length = ?2 AND address = ?3")
        nextLength = try database.prepare(
            "SELECT length FROM network WHERE family = ?1 AND length > ?2 ORDER BY length LIMIT 1")

        // One filter, four ways in: each reads along the index that leaves the least to skip.
        listAll = try database.prepare(
            """
            SELECT * FROM account WHERE key > ?4 AND key >= ?5 AND key < ?6 AND (?1 IS NULL OR state = ?1)
            AND (?2 IS NULL OR plan = ?2) AND (?3 IS NULL OR customer = ?3) ORDER BY key LIMIT ?7
            """)
        listByState = try database.prepare(
            """
            SELECT * FROM account WHERE state = ?1 AND key > ?4 AND key >= ?5 AND key < ?6
            AND (?2 IS NULL OR plan = ?2) AND (?3 IS NULL OR customer = ?3) ORDER BY key LIMIT ?7
            """)
        listByPlan = try database.prepare(
            """
            SELECT * FROM account WHERE plan = ?2 AND key > ?4 AND key >= ?5 AND key < ?6
            AND (?1 IS NULL OR state = ?1) AND (?3 IS NULL OR customer = ?3) ORDER BY key LIMIT ?7
            """)
        listByCustomer = try database.prepare(
            """
            SELECT * FROM account WHERE customer = ?3 AND key > ?4 AND key >= ?5 AND key < ?6
            AND (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR plan = ?2) ORDER BY key LIMIT ?7
            """)
        planCounts = try database.prepare("SELECT plan, count(*) FROM account GROUP BY plan")
        stateCounts = try database.prepare(
            """
            SELECT plan, state, count(*) FROM account WHERE state IN ('flagged', 'suspended', 'probation')
            GROUP BY plan, state
            """)

        insert = try database.prepare(
            """
            INSERT INTO account(key, login, plan, customer, state, state_since, mail, password_hash, created, opened)
            VALUES(?1, ?2, ?3, ?4, 'normal', ?5, ?6, ?7, ?5, ?8) RETURNING id
            """)
        update = try database.prepare(
            "UPDATE account SET plan = ?2, customer = ?3, mail = ?4, password_hash = ?5 WHERE id = ?1")
        setState = try database.prepare(
            "UPDATE account SET state = ?2, state_reason = ?3, state_since = ?4 WHERE id = ?1")
        remove = try database.prepare("DELETE FROM account WHERE id = ?1")
        insertNetwork = try database.prepare("INSERT INTO network VALUES(?1, ?2, ?3, ?4)")
        removeNetwork = try database.prepare(
            "DELETE FROM network WHERE family = ?1 AND length = ?2 AND address = ?3 AND account = ?4")
        insertToken = try database.prepare("INSERT OR IGNORE INTO token VALUES(?1, ?2, ?3) RETURNING 1")
        setOverride = try database.prepare("INSERT OR REPLACE INTO override VALUES(?1, ?2, ?3, ?4, ?5)")
        dropOverride = try database.prepare("DELETE FROM override WHERE account = ?1 AND name = ?2")
        override = try database.prepare("SELECT value FROM override WHERE account = ?1 AND name = ?2")

        insertAudit = try database.prepare(
            "INSERT INTO audit(time, actor, action, target, old, new, reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        auditAll = try database.prepare(
            "SELECT * FROM audit WHERE sequence < ?1 AND ?3 IS NULL ORDER BY sequence DESC LIMIT ?2")
        auditOne = try database.prepare(
            "SELECT * FROM audit WHERE target = ?3 AND sequence < ?1 ORDER BY sequence DESC LIMIT ?2")
        auditEnd = try database.prepare("SELECT max(sequence) FROM audit")
        // What came before a login's last removal is not the present account's.
        latestMove = try database.prepare(
            """
            SELECT * FROM audit WHERE target = ?1 AND action IN ('account.state', ?2)
            AND sequence > (
                SELECT coalesce(max(sequence), 0) FROM audit WHERE target = ?1 AND action = 'account.remove')
            ORDER BY sequence DESC LIMIT 1
            """)
        abused = try database.prepare(
            """
            SELECT DISTINCT target FROM audit AS found WHERE action IN ('account.state', 'account.confirm')
            AND new = 'suspended' AND time >= ?1 AND actor <> ?2 AND NOT EXISTS (
                SELECT 1 FROM audit WHERE target = found.target AND action = 'account.remove'
                AND sequence > found.sequence)
            """)

        insertVerdict = try database.prepare(
            """
            INSERT INTO verdict(
                account, time, mode, old, new, is_before, score, thresholds, findings, sentences, acquittals, messages,
                machine, audit)
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
                (SELECT coalesce(max(sequence), 0) FROM audit))
            """)
        verdicts = try database.prepare(
            "SELECT * FROM verdict WHERE account = ?1 AND sequence < ?2 ORDER BY sequence DESC LIMIT ?3")
        latestVerdict = try database.prepare(
            """
            SELECT * FROM verdict WHERE account = ?1 AND (machine IS NULL OR ?2) AND audit >= (
                SELECT coalesce(max(sequence), 0) FROM audit WHERE target = ?1 AND action = 'account.remove')
            ORDER BY sequence DESC LIMIT 1
            """)
        stoppedMachines = try database.prepare(
            """
            SELECT DISTINCT machine FROM verdict WHERE account = ?1 AND machine IS NOT NULL AND new = 'suspended'
            AND mode = 'suspend' AND audit >= (
                SELECT coalesce(max(sequence), 0) FROM audit
                WHERE target = ?1 AND action IN (?2, 'account.remove')) ORDER BY machine
            """)
        // Only the oldest are looked at; the numbers have no gaps but at the beginning.
        expireVerdicts = try database.prepare(
            """
            DELETE FROM verdict WHERE sequence IN (SELECT sequence FROM verdict ORDER BY sequence LIMIT ?3)
            AND (time < ?1 OR sequence <= (SELECT max(sequence) FROM verdict) - ?2) RETURNING 1
            """)

        insertNotice = try database.prepare(
            """
            INSERT OR IGNORE INTO notice SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
            WHERE (SELECT count(*) FROM notice) < ?9
            """)
        notices = try database.prepare("SELECT * FROM notice ORDER BY time, event, channel")
        dropNotice = try database.prepare("DELETE FROM notice WHERE event = ?1 AND channel = ?2")

        insertComplaint = try database.prepare(
            "INSERT INTO complaint VALUES(?1, ?2, ?3, ?4, ?5)")
        nameComplaint = try database.prepare(
            """
            UPDATE OR IGNORE complaint SET digest = ?1, message = ?4
            WHERE account = ?2 AND reporter = ?3 AND message IS NULL RETURNING 1
            """)
        compareComplaint = try database.prepare(
            """
            SELECT count(*) FILTER (WHERE digest = ?2), count(*) FILTER (WHERE reporter = ?3),
            count(*) FILTER (WHERE message IS ?4) FROM complaint WHERE account = ?1
            """)
        dropComplaints = try database.prepare("DELETE FROM complaint WHERE account = ?1 AND time < ?2")
        dropAllComplaints = try database.prepare("DELETE FROM complaint WHERE account = ?1")
        countComplaints = try database.prepare("SELECT count(*) FROM complaint WHERE account = ?1")
        keys = try database.prepare("SELECT key FROM account WHERE key > ?1 ORDER BY key LIMIT ?2")
    }
}

/// An account's own row: the record without what other tables hold.
struct AccountRow {
    let id: Int64
    let record: AccountRecord

    init(_ row: Statement, _ path: String) throws(StoreError) {
        guard let state = AccountState(rawValue: row.text(5)) else {
            throw .damaged(path: path, reason: "an account has no known state")
        }
        id = row.integer(0)
        record = AccountRecord(
            key: row.text(1), login: row.text(2), plan: row.text(3), customer: row.optionalText(4), state: state,
            stateReason: row.optionalText(6), stateSince: row.time(7), mail: row.optionalText(8),
            passwordHash: row.optionalText(9), opened: row.isNull(11) ? nil : row.time(11))
    }
}

extension Value {
    static func time(_ time: WallTime) -> Value { .integer(Int64(clamping: time.seconds)) }
    static func optional(_ time: WallTime?) -> Value { time.map(Value.time) ?? .null }
}

extension Statement {
    /// A time that was kept to the second.
    func time(_ column: Int32) -> WallTime {
        let (nanoseconds, overflow) = UInt64(clamping: integer(column)).multipliedReportingOverflow(by: .second)
        return WallTime(nanoseconds: overflow ? .max : nanoseconds)
    }
}
