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
                key TEXT PRIMARY KEY,           -- folded, fold_cut, fold_done, boot, offset
                value ANY NOT NULL
            ) STRICT, WITHOUT ROWID;
            """
        ])
}
