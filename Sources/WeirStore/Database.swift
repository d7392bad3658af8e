import CSQLite
import Glibc

/// One file of SQLite with the one connection that may touch it.
///
/// WAL, `synchronous=FULL`, exclusive: a returned commit is on the disk, and no second connection exists that could
/// meet the WAL-reset bug of SQLite before 3.51.3. Owned by one thread. It closes at ``close()``, or when its owner and all
/// statements are gone.
final class Database {
    let path: String
    /// Locked for as long as the file is open; nil when it is closed.
    private var directory: StoreDirectory?
    private let handle: OpaquePointer
    /// Set by the first failed sync and by the end, and thrown by everything after it.
    private var ruin: StoreError?
    /// Whether there is none: asked at every step.
    private var isSound = true
    /// Pages in the write-ahead log after the last commit.
    private(set) var walPages = 0

    /// Opens or creates the file and brings it to the schema's version, if the directory may be changed.
    init(_ name: String, in directory: StoreDirectory, schema: Schema) throws(StoreError) {
        path = "\(directory.path)/\(name)"
        self.directory = directory
        if directory.isReal { try Database.find(path, isMade: directory.mayChange) }
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOFOLLOW, directory.vfs)
        guard let opened, code == SQLITE_OK else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close(opened)
            throw StoreError(SQLiteFailure(code: code, call: "sqlite3_open_v2", message: message), path: path)
        }
        handle = opened
        do {
            try configure()
            try schema.claim(self)
            if !directory.mayChange { try schema.compare(self) }
            try settle()
            try schema.migrate(self)
        } catch .heldByAnother {
            throw .heldByAnother(path: path, pid: 0)
        }
    }

    deinit { close() }

    var isOpen: Bool { directory != nil }

    /// Closes the file, whoever still refers to it; what is asked of it afterwards throws.
    func close() {
        guard isOpen else { return }
        while let statement = sqlite3_next_stmt(handle, nil) { sqlite3_finalize(statement) }
        sqlite3_close(handle)
        ruin = .closed(path: path)
        isSound = false
        directory = nil
    }

    /// Makes the file before SQLite does, so that nobody else may read password hashes; else it must be there.
    private static func find(_ path: String, isMade: Bool) throws(StoreError) {
        let descriptor = open(path, O_RDWR | (isMade ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .unreachable(path: path, call: "open", errno: errno) }
        Glibc.close(descriptor)
    }

    /// What must hold before the first read; changes nothing in the file.
    private func configure() throws(StoreError) {
        for (option, value) in [
            (SQLITE_DBCONFIG_DEFENSIVE, 1), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0), (SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
            (SQLITE_DBCONFIG_ENABLE_VIEW, 0), (SQLITE_DBCONFIG_ENABLE_FKEY, 1),
        ] as [(Int32, Int32)] {
            let code = csqlite_configure(handle, option, value)
            if code != SQLITE_OK { throw failure(code, "sqlite3_db_config") }
        }
        sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 20)
        sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0)
        let counted: @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 =
            {
                context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<Database>.fromOpaque(context).takeUnretainedValue().walPages = Int(pages)
                return SQLITE_OK
            }
        // Replaces SQLite's own checkpoint after a commit, which would swallow a failed sync.
        sqlite3_wal_hook(handle, counted, Unmanaged.passUnretained(self).toOpaque())
        try execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0")
    }

    /// The modes that are written into the file: only once it is known to be ours.
    private func settle() throws(StoreError) {
        let mode = try prepare("PRAGMA journal_mode=WAL").first { statement throws(StoreError) in statement.text(0) }
        guard mode == "wal" else { throw .unreachable(path: path, call: "PRAGMA journal_mode=WAL", errno: ENOTSUP) }
        try execute("PRAGMA synchronous=FULL")
    }
}

extension Database {
    /// Runs statements that take no values and whose rows do not matter.
    func execute(_ sql: StaticString) throws(StoreError) {
        try ensureSound()
        let code = sql.utf8Start.withMemoryRebound(to: CChar.self, capacity: sql.utf8CodeUnitCount + 1) {
            sqlite3_exec(handle, $0, nil, nil, nil)
        }
        if code != SQLITE_OK { throw failure(code, "sqlite3_exec") }
    }

    /// Compiles one statement for as long as the database is open.
    func prepare(_ sql: StaticString) throws(StoreError) -> Statement {
        try ensureSound()
        var prepared: OpaquePointer?
        let code = sql.utf8Start.withMemoryRebound(to: CChar.self, capacity: sql.utf8CodeUnitCount + 1) {
            sqlite3_prepare_v3(
                handle, $0, Int32(clamping: sql.utf8CodeUnitCount), UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        }
        guard code == SQLITE_OK, let prepared else { throw failure(code, "sqlite3_prepare_v3") }
        return Statement(self, prepared)
    }

    /// All of `body` or nothing: when this returns, its writes are on the disk; when it throws, none is.
    ///
    /// With `keeping` false everything is taken back at the end, as a rehearsal.
    func transaction<Result>(
        _ body: () throws(StoreError) -> Result, keeping: (Result) -> Bool = { _ in true }
    ) throws(StoreError) -> Result {
        try execute("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try execute(keeping(result) ? "COMMIT" : "ROLLBACK")
            return result
        } catch {
            // SQLite has often rolled back already; what it has not, must not leak into the next transaction.
            if sqlite3_get_autocommit(handle) == 0, ruin == nil { try execute("ROLLBACK") }
            throw error
        }
    }

    /// Moves what is in the write-ahead log into the file once that is longer than `pages`; true when it did.
    ///
    /// A full disk only means that the log stays longer; a failed sync is thrown.
    @discardableResult
    func checkpoint(ifOver pages: Int) throws(StoreError) -> Bool {
        guard walPages > pages else { return false }
        try ensureSound()
        let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        if code == SQLITE_OK {
            walPages = 0
            return true
        }
        switch failure(code, "sqlite3_wal_checkpoint_v2") {
        case .full: return false
        case let failure: throw failure
        }
    }

    /// Fills the write-ahead log with zeros up to a size, so that a commit overwrites what is there.
    ///
    /// A commit that makes the file grow has the file system write its own journal too: twice the time and the processor. SQLite takes
    /// zeros behind the log's end for what they are, nothing. Where there is no room the log just grows.
    func reserveLog(octets: Int) {
        guard directory?.isReal == true else { return }
        let descriptor = open(path + "-wal", O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        let zeros = [UInt8](repeating: 0, count: 1 << 16)
        var end = Int(lseek(descriptor, 0, SEEK_END))
        while end >= 0, end < octets {
            let count = pwrite(descriptor, zeros, min(zeros.count, octets - end), off_t(end))
            guard count > 0 else { return }
            end += count
        }
        fdatasync(descriptor)
    }

    /// Reads the whole file and compares its structure with itself.
    func verify() throws(StoreError) {
        let finding = try prepare("PRAGMA quick_check(1)").first { statement throws(StoreError) in statement.text(0) }
        if let finding, finding != "ok" { throw .damaged(path: path, reason: finding) }
    }

    /// Throws what ended the connection, if anything has.
    func ensureSound() throws(StoreError) {
        if !isSound, let ruin { throw ruin }
    }

    /// The error behind a result code; a failed sync ends the connection's use.
    func failure(_ code: Int32, _ call: String) -> StoreError {
        let message = String(cString: sqlite3_errmsg(handle))
        let error = StoreError(SQLiteFailure(code: code, call: call, message: message), path: path)
        if case .fsyncFailed = error {
            ruin = ruin ?? error
            isSound = false
            // Closing would checkpoint, and so write again.
            _ = csqlite_configure(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        }
        return error
    }
}
