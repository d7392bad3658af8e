import CSQLite
package import WeirBase

/// What SQLite said, word for word.
package struct SQLiteFailure: Hashable, Sendable {
    /// The extended result code.
    package var code: Int32
    /// The function of SQLite that failed.
    package var call: String
    package var message: String

    package init(code: Int32, call: String, message: String) {
        self.code = code
        self.call = call
        self.message = message
    }
}

/// Why the store did not do what it was asked; each case has one answer.
package enum StoreError: Error, Hashable, Sendable {
    /// The process must end: after a failed sync, the next commit on the same connection would lie.
    case fsyncFailed(SQLiteFailure)
    /// No room on the disk: nothing was written, what was acknowledged stays; answered 452.
    case full(SQLiteFailure)
    /// The file cannot be trusted: refuse to start, and tell the operator what to do.
    case damaged(path: String, advice: String)
    /// A database, but not one of ours.
    case foreign(path: String)
    /// Written by a later release than this one.
    case newerVersion(path: String, found: Int, known: Int)
    /// Written by an earlier release than this one, and not to be changed.
    case olderVersion(path: String)
    /// Another process has the store open; 0 where its number is not known.
    case heldByAnother(path: String, pid: Int32)
    /// A system call on the store's directory failed.
    case unreachable(path: String, call: String, errno: Int32)
    /// One of its two files is there, and this one is not.
    case incomplete(path: String)
    /// It was closed, at the end: nothing is read or written any more.
    case closed(path: String)
    /// The request itself does not fit what is stored.
    case refused(Refusal)
    case other(SQLiteFailure)

    /// The operator's part of the fault: a request that conflicts with what is stored.
    package enum Refusal: Hashable, Sendable {
        case noSuchAccount(login: String)
        case accountExists(login: String)
        /// Empty, too long, or with octets that no login has.
        case notALogin(String)
        /// Twice in one import.
        case namedTwice(login: String)
        case networkTaken(network: IPNetwork, by: String)
        case wholeInternet(network: IPNetwork)
        case noSuchNetwork(network: IPNetwork)
        case noSuchLimit(name: String)
    }
}

extension StoreError {
    /// The case that a result code of SQLite belongs to.
    init(_ failure: SQLiteFailure, path: String) {
        switch failure.code {
        case Int32(CSQLITE_IOERR_FSYNC), Int32(CSQLITE_IOERR_DIR_FSYNC):
            self = .fsyncFailed(failure)
        case Int32(CSQLITE_IOERR_DATA), Int32(CSQLITE_IOERR_CORRUPTFS):
            self = .damaged(path: path, reason: failure.message)
        default:
            switch failure.code & 0xFF {
            case SQLITE_FULL: self = .full(failure)
            case SQLITE_CORRUPT, SQLITE_NOTADB: self = .damaged(path: path, reason: failure.message)
            case SQLITE_BUSY, SQLITE_LOCKED: self = .heldByAnother(path: path, pid: 0)
            default: self = .other(failure)
            }
        }
    }

    /// Damage, with the way out of it.
    static func damaged(path: String, reason: String) -> StoreError {
        .damaged(
            path: path,
            advice: """
                \(reason). Nothing was changed. Keep a copy of \(path) and of \(path)-wal if there is one, then restore \
                the last backup, or save what can be read: sqlite3 \(path) .recover | sqlite3 \(path).recovered
                """)
    }
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .fsyncFailed(let failure): "the disk did not confirm a write: \(failure)"
        case .full(let failure): "no room on the disk: \(failure)"
        case .damaged(let path, let advice): "\(path) is damaged: \(advice)"
        case .foreign(let path): "\(path) is a database of another program; move it away or name another store"
        case .newerVersion(let path, let found, let known):
            "\(path) has version \(found), this release knows \(known) at most; install the release that wrote it"
        case .olderVersion(let path): "\(path) is of an earlier release: serve brings it up to date"
        case .heldByAnother(let path, 0): "\(path) is held by another process"
        case .heldByAnother(let path, let pid): "\(path) is held by process \(pid)"
        case .unreachable(let path, let call, let errno): "\(path): \(call) failed with error \(errno)"
        case .incomplete(let path):
            "\(path) is missing, one half of the store: restore both files from one backup, or name another store"
        case .closed(let path): "\(path) is closed"
        case .refused(let refusal): refusal.description
        case .other(let failure): failure.description
        }
    }
}

extension StoreError.Refusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSuchAccount(let login): "no such account: \(login)"
        case .accountExists(let login): "the account exists already: \(login)"
        case .notALogin(let text): "not a login: \(text)"
        case .namedTwice(let login): "the account is named twice: \(login)"
        case .networkTaken(let network, let login): "\(network) belongs to \(login)"
        case .wholeInternet(let network): "\(network) is the whole Internet: anybody could relay"
        case .noSuchNetwork(let network): "the account does not have \(network)"
        case .noSuchLimit(let name): "the account has no limit of its own named \(name)"
        }
    }
}

extension SQLiteFailure: CustomStringConvertible {
    package var description: String { "\(message) (\(call), code \(code))" }
}
