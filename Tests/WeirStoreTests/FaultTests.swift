import Foundation
import Synchronization
import TestKit
import Testing
import WeirBase
import WeirQuota
import WeirRuntime
import WeirStore

@Suite("Faults of the disk") struct FaultTests {
    @Test("keeps what was acknowledged when the disk is full, and goes on when there is room again")
    func full() throws {
        let store = SimulatedStore()
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "alice")
        store.disk.faults.capacity = 200_000
        var acknowledged: UInt64 = 0
        let error = #expect(throws: StoreError.self) {
            while acknowledged < 100_000 { acknowledged = try ledger.append(Array(repeating: row(account), count: 50)) }
        }
        guard case .full = error else { throw error ?? .foreign(path: "no error") }
        let counted = try ledger.counts()[Cell(slot: Slot(noon).number, subject: account.number)]
        #expect(counted?.messages == Int64(acknowledged))
        store.disk.faults.capacity = .max
        #expect(try ledger.append([row(account)]) == acknowledged + 1)
        let reopened = try LedgerStore(in: store.crashed(seed: 3).directory)
        #expect(reopened.lastSequence == acknowledged + 1)
    }

    @Test("stops for good after a failed sync", arguments: 1...3)
    func failedSync(nth: Int) throws {
        let store = SimulatedStore()
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "alice")
        try ledger.append([row(account)])
        store.disk.faults.failingSync = nth
        var appended: UInt64 = 1
        let error = #expect(throws: StoreError.self) {
            while appended < 10 { appended = try ledger.append([row(account)]) }
        }
        guard let error, case .fsyncFailed(let failure) = error else {
            throw StoreError.foreign(path: "no failed sync")
        }
        #expect(failure.code == 1034, "SQLITE_IOERR_FSYNC")
        let changes = store.disk.changes
        #expect(throws: error) { try ledger.append([row(account)]) }
        #expect(throws: error) { try ledger.maintain(now: noon + .hour) }
        #expect(throws: error) { try ledger.subject(.account, "bob") }
        #expect(store.disk.changes == changes, "nothing is written after a failed sync")
        #expect(try LedgerStore(in: store.crashed(seed: UInt64(nth)).directory).lastSequence >= appended)
    }

    @Test("writes nothing when it is closed after a failed sync")
    func closingAfterFailedSync() throws {
        let store = SimulatedStore()
        do {
            let ledger = try LedgerStore(in: store.directory)
            store.disk.faults.failingSync = 1
            let account = try ledger.subject(.account, "alice")
            #expect(throws: StoreError.self) { try ledger.append([row(account)]) }
        }
        let file = try #require(store.disk.octets(of: "store/ledger.db"))
        let survivor = try #require(store.crashed(seed: 1).disk.octets(of: "store/ledger.db"))
        #expect(file == survivor)
    }

    @Test("survives short and failing writes without losing count", arguments: 1...40)
    func failingWrites(nth: Int) throws {
        let store = SimulatedStore()
        let ledger = try LedgerStore(in: store.directory)
        let account = try ledger.subject(.account, "alice")
        store.disk.faults.shortWrite = nth
        store.disk.faults.failingWrite = nth + 3
        var acknowledged: Int64 = 0
        for step in 0..<30 as Range<UInt64> {
            if (try? ledger.append([row(account)])) != nil { acknowledged += 1 }
            _ = try? ledger.maintain(now: noon + step * .minute, budget: 1)
        }
        #expect(try ledger.counts().values.map(\.messages).reduce(0, +) == acknowledged * 2)
        let reopened = try LedgerStore(in: store.crashed(seed: UInt64(nth)).directory)
        #expect(try reopened.counts().values.map(\.messages).reduce(0, +) == acknowledged * 2)
    }
}

@Suite("Opening a store") struct OpeningTests {
    /// A ledger on a real disk with a few rows in it.
    private func filled() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let ledger = try LedgerStore(in: try StoreDirectory(directory.path))
        let account = try ledger.subject(.account, "alice")
        for step in 0..<200 as Range<UInt64> { try ledger.append([row(account, at: noon + step * .minute)]) }
        try ledger.drain(now: noon + 6 * .hour)
        return directory
    }

    @Test("says who holds the store, and opens it when they are gone")
    func held() throws {
        let directory = try TemporaryDirectory()
        do {
            let holder = try StoreDirectory(directory.path)
            #expect(throws: StoreError.heldByAnother(path: directory.path, pid: getpid())) {
                _ = try StoreDirectory(directory.path)
            }
            let ledger = try LedgerStore(in: holder)
            #expect(throws: StoreError.heldByAnother(path: directory.path + "/ledger.db", pid: 0)) {
                _ = try LedgerStore(in: holder)
            }
            #expect(ledger.lastSequence == 0)
        }
        _ = try LedgerStore(in: try StoreDirectory(directory.path))
    }

    @Test("is free when it is closed, whoever still refers to it, and tells so")
    func closed() throws {
        let directory = try TemporaryDirectory()
        let (ledger, accounts) = try {
            let held = try StoreDirectory(directory.path)
            return (try LedgerStore(in: held), try AccountsStore(in: held))
        }()
        let account = try ledger.subject(.account, "alice")
        try ledger.append([row(account)])
        ledger.close()
        #expect(throws: StoreError.self, "the other one is open") { _ = try StoreDirectory(directory.path) }
        accounts.close()
        let next = try LedgerStore(in: try StoreDirectory(directory.path))
        #expect(next.lastSequence == 1)
        let error = StoreError.closed(path: directory.path + "/ledger.db")
        #expect(throws: error) { try ledger.append([row(account)]) }
        #expect(throws: error) { try ledger.subject(.account, "bob") }
        #expect(throws: error) { try ledger.maintain(now: noon + .hour) }
        #expect(throws: StoreError.self) { try accounts.account("alice") }
        ledger.close()
    }

    @Test("is free at once also while programs are being started, which have its lock until they run")
    func heldByNobodyElse() throws {
        let directory = try TemporaryDirectory()
        let isOver = Atomic(false)
        let starter = Thread {
            while !isOver.load(ordering: .relaxed) {
                let program = Process()
                program.executableURL = URL(fileURLWithPath: "/bin/true")
                try? program.run()
                program.waitUntilExit()
            }
        }
        starter.start()
        defer { isOver.store(true, ordering: .relaxed) }
        for _ in 0..<2_000 { _ = try StoreDirectory(directory.path) }
    }

    @Test("lets nobody else read its files")
    func modes() throws {
        let directory = try filled()
        _ = try AccountsStore(in: try StoreDirectory(directory.path))
        for name in ["ledger.db", "accounts.db", "lock"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory.path)/\(name)")
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
    }

    @Test("refuses a directory that cannot be made, with the call that failed")
    func unreachable() throws {
        #expect(throws: StoreError.unreachable(path: "/proc/none/store", call: "mkdir", errno: ENOENT)) {
            _ = try StoreDirectory("/proc/none/store")
        }
    }

    @Test("refuses a file that is no database, and one of another program")
    func foreign() throws {
        let directory = try filled()
        let path = directory.path + "/accounts.db"
        try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
        let store = try StoreDirectory(directory.path)
        let error = #expect(throws: StoreError.self) { _ = try AccountsStore(in: store) }
        guard case .damaged(path, let advice) = error else { throw error ?? .foreign(path: "no error") }
        #expect(advice.contains("backup"))

        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: directory.path + "/ledger.db", toPath: path)
        #expect(throws: StoreError.foreign(path: path)) { _ = try AccountsStore(in: store) }
        #expect(FileManager.default.contentsEqual(atPath: path, andPath: directory.path + "/ledger.db"))
    }

    @Test("refuses a file of a later release, naming both versions, and leaves it alone")
    func newer() throws {
        let directory = try filled()
        let path = directory.path + "/ledger.db"
        var file = try Data(contentsOf: URL(fileURLWithPath: path))
        file[63] = 9  // the low octet of user_version
        try file.write(to: URL(fileURLWithPath: path))
        let store = try StoreDirectory(directory.path)
        #expect(throws: StoreError.newerVersion(path: path, found: 9, known: 5)) { _ = try LedgerStore(in: store) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == file)
    }

    @Test("takes the networks from accounts that an earlier release made of prefixes, and nobody's own")
    func networksOfPrefixes() throws {
        let directory = try TemporaryDirectory()
        let first = Author("weir", at: WallTime(nanoseconds: .second), reason: "first mail of a network")
        let person = Author("weir", at: WallTime(nanoseconds: .second))
        let logins = ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32", "alice"]
        try {
            let accounts = try AccountsStore(in: try StoreDirectory(directory.path))
            for login in logins.prefix(2) {
                let network = try IPNetwork(parsing: login)
                try accounts.add(NewAccount(login: login, plan: "x", networks: [network]), by: first)
            }
            let added = AccountChanges(addedNetworks: [try IPNetwork(parsing: "198.51.100.0/24")])
            try accounts.set(logins[1], added, by: person)
            for (login, text) in [(logins[2], "192.0.2.3/32"), (logins[3], "192.0.2.4/32")] {
                let network = try IPNetwork(parsing: text)
                try accounts.add(NewAccount(login: login, plan: "x", networks: [network]), by: person)
            }
        }()
        let path = directory.path + "/accounts.db"
        let earlier = try Program.run(
            "python3",
            [
                "-c",
                "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])", path,
                "ALTER TABLE complaint DROP COLUMN message; PRAGMA user_version = 4",
            ])
        try #require(earlier.status == 0, "\(earlier.errors)")
        let accounts = try AccountsStore(in: try StoreDirectory(directory.path))
        #expect(try logins.map { try accounts.account($0)?.networks.count } == [0, 2, 1, 1])
    }

    @Test("never traps on a damaged file, and refuses what it can see with advice", arguments: 0..<40)
    func flippedBits(seed: UInt64) throws {
        var generator = Generator(state: seed)
        let store = SimulatedStore()
        do {
            let ledger = try LedgerStore(in: store.directory)
            for step in 0..<60 as Range<UInt64> {
                try ledger.append([row(try ledger.subject(.account, "user\(step)"), at: noon + step * .minute)])
            }
            try ledger.drain(now: noon + 70 * .minute, budget: 20)
        }
        let file = try store.disk.open("store/ledger.db", creating: false)
        let size = try store.disk.size(file)
        for _ in 0..<30 {
            var octet = UInt8.random(in: 0...255, using: &generator)
            let offset = Int.random(in: 0..<size, using: &generator)
            _ = try withUnsafeBytes(of: &octet) { try store.disk.write(file, at: offset, from: $0) }
        }
        do {
            let ledger = try LedgerStore(in: store.directory)
            _ = try ledger.load(since: Slot(number: 0), now: Slot(noon)) { _, _, _ in }
            try ledger.verify()
        } catch {
            switch error {
            case .damaged(_, let advice): #expect(advice.contains("backup"))
            case .foreign, .newerVersion: break
            case .other(let failure): #expect([1, 11, 26].contains(failure.code & 0xFF), "\(failure)")
            default: Issue.record(error)
            }
        }
    }
}
