extension Schema {
    /// `ledger.db`: what was charged, and what it adds up to.
    static let ledger = Schema(
        applicationID: 0x5745_4C31,
        steps: [
            """
            PRAGMA application_id = 0x57454C31;
            PRAGMA user_version = 1;
            CREATE TABLE subject(
                id INTEGER PRIMARY KEY,
                kind TEXT NOT NULL,             -- gateway, account, customer
                name TEXT NOT NULL,
                UNIQUE(kind, name)
            ) STRICT;
            INSERT INTO subject VALUES(0, 'gateway', 'gateway');
            CREATE TABLE charge(
                sequence INTEGER PRIMARY KEY,
                kind INTEGER NOT NULL,          -- 0 charge, 1 growth, 2 move, 3 refund, 4 refusal, 5 reset
                time INTEGER NOT NULL,          -- nanoseconds since 1970
                slot INTEGER NOT NULL,          -- five minutes, numbered from 1970
                account INTEGER NOT NULL,
                customer INTEGER,
                messages INTEGER NOT NULL,
                recipients INTEGER NOT NULL,
                refusals INTEGER NOT NULL,
                octets INTEGER NOT NULL,
                message INTEGER NOT NULL        -- its id, 0 for none
            ) STRICT;
            CREATE TABLE usage(
                slot INTEGER NOT NULL,          -- older than an hour: the hour's last slot
                subject INTEGER NOT NULL,
                messages INTEGER NOT NULL,
                recipients INTEGER NOT NULL,
                refusals INTEGER NOT NULL,
                octets INTEGER NOT NULL,
                PRIMARY KEY(slot, subject)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE meta(
                key TEXT PRIMARY KEY,           -- folded, fold_cut, fold_done, boot, offset, observed, surroundings
                value ANY NOT NULL
            ) STRICT, WITHOUT ROWID;
            """,
            """
            PRAGMA user_version = 2;
            CREATE TABLE evidence(
                subject INTEGER PRIMARY KEY,
                state BLOB NOT NULL             -- what is known of an account's conduct, as the detector writes it
            ) STRICT;
            """,
            """
            PRAGMA user_version = 3;
            CREATE TABLE story(
                id INTEGER PRIMARY KEY,         -- the message's, which rises with time
                account INTEGER NOT NULL,
                result TEXT NOT NULL,           -- as on its line in the log
                refusal TEXT NOT NULL,          -- of the last recipient that was refused
                code INTEGER NOT NULL,          -- as on its line in the log, 0 for none
                relay_code INTEGER NOT NULL,
                accepted INTEGER NOT NULL,      -- recipients
                refused INTEGER NOT NULL,
                octets INTEGER NOT NULL,
                milliseconds INTEGER NOT NULL,
                limit_name TEXT NOT NULL,
                relay TEXT NOT NULL,
                source TEXT NOT NULL
            ) STRICT;
            CREATE TABLE score(
                day INTEGER NOT NULL,           -- numbered from 1970
                account INTEGER NOT NULL,
                highest INTEGER NOT NULL,       -- in hundredths of a nat
                gravest INTEGER NOT NULL,       -- the highest of those that could suspend
                PRIMARY KEY(day, account)
            ) STRICT, WITHOUT ROWID;
            """,
            """
            PRAGMA user_version = 4;
            CREATE TABLE observation(
                sequence INTEGER PRIMARY KEY,   -- in the order of the decisions
                octets BLOB NOT NULL            -- of whom, when and what, as the detector writes it
            ) STRICT;
            CREATE TABLE damaged(
                id INTEGER PRIMARY KEY,
                kind TEXT NOT NULL,             -- evidence, machine, surroundings, observation
                number INTEGER NOT NULL,        -- of the subject, of the subject, 0, of the observation
                octets BLOB NOT NULL
            ) STRICT;
            """,
            """
            PRAGMA user_version = 5;
            CREATE TABLE machine(
                subject INTEGER NOT NULL,       -- the account by network that it stands behind
                name INTEGER NOT NULL,          -- hash of its EHLO name
                turn INTEGER NOT NULL,          -- the higher, the later it sent
                state BLOB NOT NULL,            -- as in evidence
                PRIMARY KEY(subject, name)
            ) STRICT;
            """,
        ])
}
