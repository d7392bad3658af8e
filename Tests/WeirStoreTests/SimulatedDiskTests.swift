import Testing
import WeirBase
import WeirQuota
import WeirRuntime
import WeirStore

@Suite("The simulated disk") struct SimulatedDiskTests {
    private func write(_ text: String, to path: String, on disk: SimulatedDisk) throws -> SimulatedDisk.FileID {
        let file = try disk.open(path, creating: true)
        let octets = Array(text.utf8)
        _ = try octets.withUnsafeBytes { try disk.write(file, at: 0, from: $0) }
        return file
    }

    /// What became of a file over many crashes; nil where its name was gone.
    private func outcomes(_ path: String, of disk: SimulatedDisk) -> Set<String?> {
        Set(
            (1...64).map { seed in
                disk.crash(seed: seed).octets(of: path).map { String(decoding: $0, as: UTF8.self) }
            })
    }

    @Test("keeps what was synced, name and content each by its own sync")
    func syncing() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try write("one", to: "d/file", on: disk)
        #expect(outcomes("d/file", of: disk) == [nil, "", "one", "\0\0\0"], "a size may come back without its octets")
        try disk.sync(file)
        #expect(outcomes("d/file", of: disk) == [nil, "one"])
        try disk.syncDirectory("d")
        #expect(outcomes("d/file", of: disk) == ["one"])
        _ = try write("two", to: "d/file", on: disk)
        #expect(outcomes("d/file", of: disk) == ["one", "two"])
    }

    @Test("may lose a removal and a renaming until the directory is synced")
    func names() throws {
        let disk = SimulatedDisk(seed: 1)
        for path in ["d/a", "d/b"] { try disk.sync(try write(path, to: path, on: disk)) }
        try disk.syncDirectory("d")
        try disk.unlink("d/b")
        try disk.rename("d/a", to: "d/c")
        #expect(disk.list("d") == ["d/c"])
        #expect(outcomes("d/b", of: disk) == [nil, "d/b"])
        #expect(outcomes("d/c", of: disk) == [nil, "d/a"])
        try disk.syncDirectory("d")
        #expect(outcomes("d/b", of: disk) == [nil])
        #expect(outcomes("d/c", of: disk) == ["d/a"])
        #expect(throws: SimulatedDisk.Failure.notFound) { try disk.unlink("d/a") }
    }

    @Test("never makes durable what a failed sync lost")
    func failedSync() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try write("one", to: "d/file", on: disk)
        try disk.sync(file)
        try disk.syncDirectory("d")
        _ = try write("two", to: "d/file", on: disk)
        disk.faults.failingSync = 1
        #expect(throws: SimulatedDisk.Failure.inputOutput) { try disk.sync(file) }
        try disk.sync(file)
        #expect(disk.octets(of: "d/file") == Array("two".utf8))
        #expect(outcomes("d/file", of: disk) == ["one"])
    }

    @Test("does the same again, to the octet", arguments: [1, 2, 3] as [UInt64])
    func deterministic(seed: UInt64) throws {
        func run() throws -> [UInt8]? {
            let store = SimulatedStore(SimulatedDisk(seed: seed))
            let ledger = try LedgerStore(in: store.directory)
            for step in 0..<20 as Range<UInt64> {
                try ledger.append([row(try ledger.subject(.account, "user\(step)"), at: noon + step * .minute)])
                _ = try ledger.maintain(now: noon + step * .minute, budget: 3)
            }
            return store.disk.crash(seed: seed).octets(of: "store/ledger.db")
        }
        #expect(try run() == run())
    }
}
