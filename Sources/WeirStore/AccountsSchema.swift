extension Schema {
    /// `accounts.db`: who may send, and every change of it.
    static let accounts = Schema(
        applicationID: 0x5745_4131,
        steps: [
            """
            PRAGMA application_id = 0x57454131;
            PRAGMA user_version = 1;
            CREATE TABLE account(
                id INTEGER PRIMARY KEY,
                key TEXT NOT NULL UNIQUE,       -- the canonical login
                login TEXT NOT NULL,            -- as it was given
                plan TEXT NOT NULL,
                customer TEXT,
                state TEXT NOT NULL,            -- normal, flagged, suspended, probation
                state_reason TEXT,
                state_since INTEGER NOT NULL,   -- seconds since 1970, as all times here
                mail TEXT,
                password_hash TEXT,
                created INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX account_state ON account(state, key);
            CREATE INDEX account_plan ON account(plan, key);
            CREATE INDEX account_customer ON account(customer, key) WHERE customer IS NOT NULL;
            CREATE TABLE token(
                account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
                hash BLOB NOT NULL,             -- SHA-256
                created INTEGER NOT NULL,
                PRIMARY KEY(account, hash)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE network(
                family INTEGER NOT NULL,        -- 4 or 6
                length INTEGER NOT NULL,
                address BLOB NOT NULL,          -- in network order, bits beyond the length 0
                account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
                PRIMARY KEY(family, length, address)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX network_account ON network(account);
            CREATE TABLE override(
                account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
                name TEXT NOT NULL,             -- of the limit: recipients-per-day
                value TEXT NOT NULL,            -- 5000 recipients per day
                until INTEGER,
                reason TEXT NOT NULL,
                PRIMARY KEY(account, name)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE audit(
                sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                time INTEGER NOT NULL,
                actor TEXT NOT NULL,
                action TEXT NOT NULL,
                target TEXT NOT NULL,
                old TEXT,
                new TEXT,
                reason TEXT
            ) STRICT;
            CREATE INDEX audit_target ON audit(target, sequence);
            """,
            """
            PRAGMA user_version = 2;
            CREATE TABLE verdict(
                sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                account TEXT NOT NULL,          -- its key; what was decided outlives it, as the audit does
                time INTEGER NOT NULL,
                mode TEXT NOT NULL,             -- shadow, flag, suspend
                old TEXT NOT NULL,              -- states, as in account
                new TEXT NOT NULL,
                is_before INTEGER NOT NULL,     -- 1: its last message was not yet released
                score TEXT NOT NULL,            -- name=number, between spaces, as the next two
                thresholds TEXT NOT NULL,
                findings TEXT NOT NULL,
                sentences TEXT NOT NULL,        -- one a line
                acquittals TEXT NOT NULL,       -- families, between spaces
                messages TEXT NOT NULL,         -- ids as numbers, between spaces, the last one last
                audit INTEGER NOT NULL          -- the last row of the audit before it
            ) STRICT;
            CREATE INDEX verdict_account ON verdict(account, sequence);
            CREATE INDEX audit_abuse ON audit(time) WHERE action IN ('account.state', 'account.confirm')
                AND new = 'suspended';
            """,
            """
            PRAGMA user_version = 3;
            CREATE TABLE notice(
                event TEXT NOT NULL,            -- the same over every channel
                channel TEXT NOT NULL,          -- subscriber, desk, or the URL of a webhook
                time INTEGER NOT NULL,
                account TEXT NOT NULL,          -- its key
                kind TEXT NOT NULL,             -- flagged, suspended, released, machine_stopped
                author TEXT NOT NULL,
                reason TEXT,
                PRIMARY KEY(event, channel)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE complaint(
                digest BLOB PRIMARY KEY,        -- SHA-256 of whose report it is and what it is about
                time INTEGER NOT NULL,
                account TEXT NOT NULL,          -- its key
                reporter TEXT NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX complaint_account ON complaint(account, time);
            """,
            """
            PRAGMA user_version = 4;
            ALTER TABLE account ADD COLUMN opened INTEGER;  -- NULL: long before it was made here, or nobody knows
            ALTER TABLE verdict ADD COLUMN machine TEXT;    -- the EHLO name of the machine that is meant; NULL: the account is
            ALTER TABLE notice ADD COLUMN machine TEXT;     -- likewise
            """,
            """
            PRAGMA user_version = 5;
            -- A network is an account's own: those made at the first mail of a prefix, by networks:, are found without one.
            DELETE FROM network WHERE account IN (
                SELECT account.id FROM account JOIN audit ON audit.target = account.key
                WHERE audit.action = 'account.network.add' GROUP BY account.id
                HAVING sum(audit.reason IS NOT 'first mail of a network') = 0);
            """,
            """
            PRAGMA user_version = 6;
            ALTER TABLE complaint ADD COLUMN message INTEGER;   -- its id; 0: not kept then; NULL: not known to be the account's
            UPDATE complaint SET message = 0;
            """,
        ])
}
