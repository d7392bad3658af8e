import Foundation
import WeirBase
import WeirQuota
import WeirRuntime
import WeirStore

/// A directory of its own, gone when the test is over.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/weir-store-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A simulated disk with SQLite's file system over it.
struct SimulatedStore {
    let disk: SimulatedDisk
    let vfs: SimulatedVFS
    let directory: StoreDirectory

    init(_ disk: SimulatedDisk = SimulatedDisk(seed: 1)) {
        self.disk = disk
        vfs = SimulatedVFS(disk)
        directory = StoreDirectory("store", on: vfs)
    }

    /// The same store after a power cut.
    func crashed(seed: UInt64) -> SimulatedStore { SimulatedStore(disk.crash(seed: seed)) }
}

struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Noon of a day in 2026.
let noon = Instant(nanoseconds: 1_795_348_800 * .second)

func row(
    _ account: SubjectID, at: Instant = noon, customer: SubjectID? = nil, recipients: Int64 = 1, message: UInt64 = 0
) -> JournalRow {
    JournalRow(
        kind: .charge, at: at, slot: Slot(at), account: account, customer: customer,
        amount: Amount(messages: 1, recipients: recipients, octets: 1000), message: message)
}

struct Cell: Hashable, Comparable {
    var slot: UInt32
    var subject: UInt32

    static func < (left: Cell, right: Cell) -> Bool { (left.slot, left.subject) < (right.slot, right.subject) }
}

extension LedgerStore {
    /// All that is counted, by slot (or hour) and subject; zeros left out.
    func counts(by span: UInt32 = 1) throws -> [Cell: Amount] {
        var counts: [Cell: Amount] = [:]
        _ = try load(since: Slot(number: 0), now: Slot(number: .max)) { slot, subject, amount in
            counts[Cell(slot: slot.number / span, subject: subject.number), default: .zero] += amount
        }
        return counts.filter { $0.value != .zero }
    }

    func drain(now: Instant, budget: Int = 1000) throws {
        while try maintain(now: now, budget: budget) {}
    }
}
