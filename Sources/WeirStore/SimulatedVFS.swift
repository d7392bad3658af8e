import CSQLite
import Glibc
package import WeirRuntime

/// SQLite's file system over a ``SimulatedDisk``: same disk, same calls, same octets.
///
/// It has no shared memory, which exclusive locking does without. Registered under a name of its own for as long as it
/// lives, which is longer than any database opened on it. It seeds SQLite's own random numbers, of which a process has
/// one series, so only one simulation at a time repeats to the octet. Owned by one thread, as the disk is.
package final class SimulatedVFS {
    package let disk: SimulatedDisk
    /// What SQLite takes for the time of day, in milliseconds since 1970.
    package var now: Int64

    let name: String
    private let table: UnsafeMutablePointer<sqlite3_vfs>
    fileprivate let methods: UnsafeMutablePointer<sqlite3_io_methods>
    private let ownedName: UnsafeMutablePointer<CChar>?

    package init(_ disk: SimulatedDisk, now: Int64 = 0) {
        self.disk = disk
        self.now = now
        methods = .allocate(capacity: 1)
        methods.initialize(to: fileMethods)
        table = .allocate(capacity: 1)
        table.initialize(to: sqlite3_vfs())
        name = "weir-simulated-\(UInt(bitPattern: table))"
        ownedName = strdup(name)
        table.pointee = directoryMethods
        table.pointee.zName = UnsafePointer(ownedName)
        table.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_vfs_register(table, 0)
        csqlite_seed(Int32(truncatingIfNeeded: disk.random() >> 33) | 1)
    }

    deinit {
        sqlite3_vfs_unregister(table)
        table.deallocate()
        methods.deallocate()
        free(ownedName)
    }
}

/// What SQLite keeps for an open file; the first field is its own.
private struct OpenFile {
    var base: sqlite3_file
    var state: Unmanaged<OpenFileState>?
}

private final class OpenFileState {
    let vfs: SimulatedVFS
    let file: SimulatedDisk.FileID
    let path: String
    let deletesOnClose: Bool
    /// As SQLite on Unix does for a new log or journal: the first sync makes its name durable too.
    var namePending: Bool

    init(vfs: SimulatedVFS, file: SimulatedDisk.FileID, path: String, deletesOnClose: Bool, namePending: Bool) {
        self.vfs = vfs
        self.file = file
        self.path = path
        self.deletesOnClose = deletesOnClose
        self.namePending = namePending
    }
}

private typealias FilePointer = UnsafeMutablePointer<sqlite3_file>
private typealias VFSPointer = UnsafeMutablePointer<sqlite3_vfs>

private func state(_ file: FilePointer?) -> OpenFileState? {
    guard let file else { return nil }
    return UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self).pointee.state?.takeUnretainedValue()
}

private func simulated(_ vfs: VFSPointer?) -> SimulatedVFS? {
    guard let context = vfs?.pointee.pAppData else { return nil }
    return Unmanaged<SimulatedVFS>.fromOpaque(context).takeUnretainedValue()
}

/// Runs one call on the disk; `code` is what SQLite hears of any fault but a full disk.
private func attempt(_ code: Int, _ call: () throws(SimulatedDisk.Failure) -> Int32) -> Int32 {
    do { return try call() } catch { return error == .noSpace ? SQLITE_FULL : Int32(code) }
}

/// Names.
private var directoryMethods: sqlite3_vfs {
    var table = sqlite3_vfs()
    table.iVersion = 2
    table.szOsFile = Int32(MemoryLayout<OpenFile>.size)
    table.mxPathname = 512
    table.xOpen = { vfs, path, file, flags, outFlags in openFile(vfs, path, file, flags, outFlags) }
    table.xDelete = { vfs, path, syncsDirectory in
        guard let vfs = simulated(vfs), let path = path.map({ String(cString: $0) }) else { return SQLITE_MISUSE }
        guard vfs.disk.exists(path) else { return Int32(CSQLITE_IOERR_DELETE_NOENT) }
        return attempt(CSQLITE_IOERR_DELETE) { () throws(SimulatedDisk.Failure) in
            try vfs.disk.unlink(path)
            if syncsDirectory != 0 { try vfs.disk.syncDirectory(SimulatedDisk.directory(of: path)) }
            return SQLITE_OK
        }
    }
    table.xAccess = { vfs, path, _, found in
        guard let vfs = simulated(vfs), let path else { return SQLITE_MISUSE }
        found?.pointee = vfs.disk.exists(String(cString: path)) ? 1 : 0
        return SQLITE_OK
    }
    table.xFullPathname = { _, path, capacity, full in
        guard let path, let full, strlen(path) < Int(capacity) else { return SQLITE_CANTOPEN }
        strcpy(full, path)
        return SQLITE_OK
    }
    table.xRandomness = { vfs, count, octets in
        guard let vfs = simulated(vfs), let octets else { return 0 }
        for offset in 0..<Int(count) { octets[offset] = CChar(truncatingIfNeeded: vfs.disk.random()) }
        return count
    }
    table.xSleep = { _, microseconds in microseconds }
    table.xCurrentTimeInt64 = { vfs, time in
        // Julian days in milliseconds, as SQLite counts; the constant is 1970-01-01.
        time?.pointee = 210_866_760_000_000 + (simulated(vfs)?.now ?? 0)
        return SQLITE_OK
    }
    table.xGetLastError = { _, _, _ in 0 }
    return table
}

private func openFile(
    _ vfs: VFSPointer?, _ path: UnsafePointer<CChar>?, _ file: FilePointer?, _ flags: Int32,
    _ outFlags: UnsafeMutablePointer<Int32>?
) -> Int32 {
    guard let vfs = simulated(vfs), let file else { return SQLITE_MISUSE }
    let slot = UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self)
    slot.initialize(to: OpenFile(base: sqlite3_file(pMethods: nil), state: nil))
    let name = path.map { String(cString: $0) } ?? "temporary-\(vfs.disk.random())"
    return attempt(Int(SQLITE_CANTOPEN)) { () throws(SimulatedDisk.Failure) in
        let isNew = !vfs.disk.exists(name)
        let opened = try vfs.disk.open(name, creating: flags & SQLITE_OPEN_CREATE != 0)
        let isLog = flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL) != 0
        let state = OpenFileState(
            vfs: vfs, file: opened, path: name, deletesOnClose: flags & SQLITE_OPEN_DELETEONCLOSE != 0,
            namePending: isNew && isLog)
        slot.pointee.state = .passRetained(state)
        slot.pointee.base.pMethods = UnsafePointer(vfs.methods)
        outFlags?.pointee = flags
        return SQLITE_OK
    }
}

/// Content.
private var fileMethods: sqlite3_io_methods {
    var table = sqlite3_io_methods()
    table.iVersion = 1
    table.xClose = { file in
        guard let file, let state = state(file) else { return SQLITE_OK }
        if state.deletesOnClose { try? state.vfs.disk.unlink(state.path) }
        let slot = UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenFile.self)
        slot.pointee.state?.release()
        slot.pointee.state = nil
        return SQLITE_OK
    }
    table.xRead = { file, buffer, count, offset in
        guard let state = state(file) else { return SQLITE_MISUSE }
        let wanted = UnsafeMutableRawBufferPointer(start: buffer, count: Int(count))
        return attempt(CSQLITE_IOERR_READ) { () throws(SimulatedDisk.Failure) in
            let read = try state.vfs.disk.read(state.file, at: Int(offset), into: wanted)
            if read == wanted.count { return SQLITE_OK }
            for index in read..<wanted.count { wanted[index] = 0 }
            return Int32(CSQLITE_IOERR_SHORT_READ)
        }
    }
    table.xWrite = { file, buffer, count, offset in
        guard let state = state(file) else { return SQLITE_MISUSE }
        let all = UnsafeRawBufferPointer(start: buffer, count: Int(count))
        return attempt(CSQLITE_IOERR_WRITE) { () throws(SimulatedDisk.Failure) in
            var written = 0
            while written < all.count {
                let rest = UnsafeRawBufferPointer(rebasing: all[written...])
                written += try state.vfs.disk.write(state.file, at: Int(offset) + written, from: rest)
            }
            return SQLITE_OK
        }
    }
    table.xTruncate = { file, size in
        guard let state = state(file) else { return SQLITE_MISUSE }
        return attempt(CSQLITE_IOERR_TRUNCATE) { () throws(SimulatedDisk.Failure) in
            try state.vfs.disk.truncate(state.file, to: Int(size))
            return SQLITE_OK
        }
    }
    table.xSync = { file, _ in
        guard let state = state(file) else { return SQLITE_MISUSE }
        return attempt(CSQLITE_IOERR_FSYNC) { () throws(SimulatedDisk.Failure) in
            try state.vfs.disk.sync(state.file)
            if state.namePending { try state.vfs.disk.syncDirectory(SimulatedDisk.directory(of: state.path)) }
            state.namePending = false
            return SQLITE_OK
        }
    }
    table.xFileSize = { file, size in
        guard let state = state(file) else { return SQLITE_MISUSE }
        return attempt(CSQLITE_IOERR_FSTAT) { () throws(SimulatedDisk.Failure) in
            size?.pointee = Int64(try state.vfs.disk.size(state.file))
            return SQLITE_OK
        }
    }
    table.xLock = { _, _ in SQLITE_OK }
    table.xUnlock = { _, _ in SQLITE_OK }
    table.xCheckReservedLock = { _, held in
        held?.pointee = 0
        return SQLITE_OK
    }
    table.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    table.xSectorSize = { _ in 4096 }
    table.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    return table
}
