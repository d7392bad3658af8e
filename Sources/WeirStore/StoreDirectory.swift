import Glibc

/// The directory that holds the store's files, locked for this process.
///
/// The lock is flock(2) on `lock`, where the holder's process number stands; the kernel drops it with the process. Both
/// stores keep the directory, so it stays locked until the last of them is closed.
package final class StoreDirectory: Sendable {
    package let path: String
    /// Whether files are made, and those of an earlier release brought up to date.
    let mayChange: Bool
    private let lock: Int32?
    // Safe: only its name is read here, which never changes; the disk below belongs to the one thread of a simulation.
    private nonisolated(unsafe) let simulated: SimulatedVFS?

    /// SQLite's name of the file system below; nil is the real one.
    var vfs: String? { simulated?.name }

    var isReal: Bool { simulated == nil }

    /// Makes the directory where it is missing (0700), and takes its lock or says who has it.
    ///
    /// With `mayChange` false nothing is made, and a store of an earlier release is refused.
    package init(_ path: String, mayChange: Bool = true) throws(StoreError) {
        self.path = path
        self.mayChange = mayChange
        simulated = nil
        if mayChange, mkdir(path, 0o700) != 0, errno != EEXIST {
            throw .unreachable(path: path, call: "mkdir", errno: errno)
        }
        lock = try StoreDirectory.lock("\(path)/lock", directory: path, isMade: mayChange)
    }

    /// Opens both stores, and refuses one without the other: who there is without what they sent, or the reverse.
    ///
    /// A ledger that knows nobody may stand alone: a first start that was killed leaves it. Nil where there is no store yet, and none
    /// is made.
    package func stores(verified: Bool) throws(StoreError) -> (ledger: LedgerStore, accounts: AccountsStore)? {
        let hasAccounts = holds(AccountsStore.fileName)
        guard holds(LedgerStore.fileName) || mayChange || hasAccounts else { return nil }
        if hasAccounts, !holds(LedgerStore.fileName) { throw missing(LedgerStore.fileName) }
        let ledger = try LedgerStore(in: self)
        guard hasAccounts || mayChange || !ledger.isUnused else { return nil }
        if !hasAccounts, !ledger.isUnused { throw missing(AccountsStore.fileName) }
        if verified { try ledger.verify() }
        return (ledger, try AccountsStore(in: self, verifies: verified))
    }

    /// An empty file holds nothing: a failed copy leaves one.
    private func holds(_ name: String) -> Bool {
        var status = stat()
        return stat("\(path)/\(name)", &status) == 0 && status.st_size > 0
    }

    private func missing(_ name: String) -> StoreError { .incomplete(path: "\(path)/\(name)") }

    /// A directory of a simulated disk, which nobody else can reach.
    package init(_ path: String, on vfs: SimulatedVFS) {
        self.path = path
        mayChange = true
        simulated = vfs
        lock = nil
    }

    /// Unlocked by name: a program that is being started just now has the descriptor too, until it runs.
    deinit {
        guard let lock else { return }
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// Nil where there is no file to lock, and none is made: then nobody holds it.
    private static func lock(_ file: String, directory: String, isMade: Bool) throws(StoreError) -> Int32? {
        let descriptor = open(file, O_RDWR | (isMade ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0, errno == ENOENT, !isMade { return nil }
        guard descriptor >= 0 else { throw .unreachable(path: file, call: "open", errno: errno) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            defer { close(descriptor) }
            guard code == EWOULDBLOCK else { throw .unreachable(path: file, call: "flock", errno: code) }
            throw .heldByAnother(path: directory, pid: holder(descriptor))
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            let code = errno
            close(descriptor)
            throw .unreachable(path: file, call: "write", errno: code)
        }
        return descriptor
    }

    /// The process number in the lock file, 0 when there is none to read.
    private static func holder(_ descriptor: Int32) -> Int32 {
        var text = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &text, text.count, 0)
        let digits = text.prefix(max(0, count)).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self)) ?? 0
    }
}
