import Foundation
import Testing
import WeirBase
import WeirQuota
import WeirStore

/// Measured on a real disk, with `WEIR_BENCHMARK=1 swift test -c release --filter StoreBenchmarks`.
///
/// The bounds are a tenth of what an idle machine does, so that only a change of kind breaks them.
@Suite(
    "Benchmarks of the store", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["WEIR_BENCHMARK"] != nil))
struct StoreBenchmarks {
    let directory: TemporaryDirectory
    let ledger: LedgerStore

    init() throws {
        directory = try TemporaryDirectory()
        ledger = try LedgerStore(in: try StoreDirectory(directory.path))
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let elapsed = try ContinuousClock().measure(body)
        return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    }

    /// What the process has used so far: this much does not depend on what else runs.
    private func processorSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

    /// Rows of many accounts, a third of them with a customer.
    private func rows(_ count: Int, accounts: UInt32, at: Instant, _ generator: inout Generator) -> [JournalRow] {
        (0..<count).map { _ in
            let account = SubjectID(number: UInt32.random(in: 1...accounts, using: &generator))
            let customer = account.number % 3 == 0 ? SubjectID(number: accounts + account.number % 1000) : nil
            return row(account, at: at, customer: customer, message: generator.next())
        }
    }

    @Test("makes rows durable in batches", arguments: [(1, 1_000.0), (10, 5_000), (100, 15_000), (1_000, 30_000)])
    func append(batch: Int, bound: Double) throws {
        var generator = Generator(state: 1)
        let batches = (0..<min(3_000, 400_000 / batch)).map { _ in
            rows(batch, accounts: 100_000, at: noon, &generator)
        }
        var longest = 0.0
        let processorBefore = processorSeconds()
        let elapsed = try seconds {
            for batch in batches { longest = max(longest, try seconds { try ledger.append(batch) }) }
        }
        let count = Double(batches.count * batch)
        let rate = count / elapsed
        let processor = (processorSeconds() - processorBefore) / count * 1e6
        print(
            "append, \(batch) a batch: \(Int(rate)) rows/s, \(processor) us of processor a row,",
            "longest commit \(Int(longest * 1e6)) us")
        #expect(rate > bound)
    }

    @Test("folds and ages in short slices")
    func maintain() throws {
        var generator = Generator(state: 1)
        for _ in 0..<300 { try ledger.append(rows(1_000, accounts: 100_000, at: noon, &generator)) }
        for (name, now) in [
            ("fold", noon + 5 * .minute), ("trim", noon + 2 * .hour), ("hours", noon + 3 * .day),
            ("expire", noon + 40 * .day),
        ] {
            var slices: [Double] = []
            var isOver = false
            while !isOver { slices.append(try seconds { isOver = try !ledger.maintain(now: now) }) }
            slices.sort()
            let median = Int(slices[slices.count / 2] * 1e6)
            print("\(name): \(slices.count) slices, median \(median) us, longest \(Int((slices.last ?? 0) * 1e6)) us")
            #expect(slices.reduce(0, +) < 30)
        }
    }

    @Test("starts with a day of ten million charges behind it")
    func start() throws {
        var generator = Generator(state: 1)
        var now = noon
        for _ in 0..<288 {
            try ledger.append(rows(34_722, accounts: 100_000, at: now, &generator))
            now.nanoseconds += 5 * .minute
            while try ledger.maintain(now: now, budget: 10_000) {}
        }
        try ledger.append(rows(100_000, accounts: 100_000, at: now, &generator))
        let crash = directory.path + "-copy"
        try FileManager.default.copyItem(atPath: directory.path, toPath: crash)
        defer { try? FileManager.default.removeItem(atPath: crash) }
        var sum: Int64 = 0
        var loaded = 0
        let processorBefore = processorSeconds()
        let elapsed = try seconds {
            let reopened = try LedgerStore(in: try StoreDirectory(crash))
            loaded = try reopened.load(since: Slot(noon), now: Slot(now)) { _, _, amount in sum += amount.messages }
                .amounts
        }
        print("start: \(loaded) amounts in \(elapsed) s, \(processorSeconds() - processorBefore) s of processor")
        #expect(sum > 20_000_000)
        #expect(elapsed < 20)
    }

    @Test("imports ten thousand accounts, and again with nothing changed")
    func importing() throws {
        let accounts = try AccountsStore(in: try StoreDirectory(directory.path + "/accounts"))
        let lines = (0..<10_000).map { number in
            ImportedAccount(
                line: number, login: "user\(number)@isp.example", plan: "residential", customer: "c\(number % 100)",
                passwordHash: "$y$j9T$abcdefghijklmnopqrstuv$abcdefghijklmnopqrstuvwxyz",
                networks: [IPNetwork(containing: IPAddress(v4: 10 << 24 | UInt32(number)), length: 32)])
        }
        let author = Author("benchmark", at: WallTime(nanoseconds: 0))
        for name in ["new", "unchanged"] {
            var report = ImportReport()
            let elapsed = try seconds { report = try accounts.importAccounts(lines, by: author) }
            print("import, \(name): \(elapsed) s, \(report.added) added, \(report.unchanged) unchanged")
            #expect(elapsed < 10)
        }
    }
}
