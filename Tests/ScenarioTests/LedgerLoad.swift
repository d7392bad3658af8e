import Foundation
import Synchronization
import WeirBase
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Charges that arrive at fixed times, whatever becomes of the earlier ones, and how long each takes to be durable.
///
/// On the real ledger, its writer, its thread and a real disk. Each charge is decided, journalled and waited for as a session
/// does it, by a task of its own on one of the loops.
struct LedgerLoad {
    /// Charges a second, all loops together.
    var rate: UInt64 = 50_000
    var seconds: UInt64 = 20
    var accounts: UInt32 = 100_000
    /// Charges of the last three hours that wait for upkeep when the load begins, so that there always is some to do.
    var backlog = 1_800_000

    struct Report {
        /// From arrival to durable, in microseconds, ascending.
        var latencies: [UInt32] = []
        var lost = 0
        var commitsPerSecond = 0.0
        /// Processor seconds a second: of all threads, and of the ledger's.
        var processor = 0.0
        var ledgerThread = 0.0

        var count: Int { latencies.count }

        func milliseconds(at part: Double) -> Double {
            latencies.isEmpty ? 0 : Double(latencies[min(count - 1, Int(Double(count) * part))]) / 1e3
        }

        var summary: String {
            let times = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1)].map {
                "\($0) \(String(format: "%.1f", milliseconds(at: $1))) ms"
            }
            return times.joined(separator: ", ")
                + String(
                    format: "; %.0f commits a second, processor %.2f, of which the ledger's thread %.2f",
                    commitsPerSecond, processor, ledgerThread)
        }
    }

    private static let loops = 2
    /// How often arrivals are looked for; what is late by it is measured from when it was due.
    private static let tick = UInt64.millisecond / 2

    /// Where one loop's tasks put what they see; each is touched on its loop alone.
    private final class Tape: @unchecked Sendable {
        var latencies: [UInt32] = []
        var lost = 0
        var open = 0
    }

    func run(in path: String) async throws -> Report {
        let clock = AnchoredClock()
        let runtime = try RealRuntime(loops: Self.loops, clock: clock)
        let worker = try WorkerThread(clock: clock, name: "weir-ledger")
        let store = try LedgerStore(in: try StoreDirectory(path))
        try leaveBacklog(in: store, now: clock.now)
        let commits = Atomic(0)
        let writer = LedgerWriter(
            store: store, worker: worker, runtime: runtime,
            events: LedgerEvents(
                committed: { _, _ in commits.add(1, ordering: .relaxed) },
                commitFailed: { print("commit failed: \($0)") }, storeLost: { print("store lost: \($0)") }))
        let task = writer.start()

        let began = clock.now + 100 * .millisecond
        let processorBefore = (ProcessorTime.ofThisProcess, ProcessorTime.ofThreads("weir-ledger"))
        let tapes = (0..<Self.loops).map { _ in Tape() }
        let loads = (0..<Self.loops).map { index in
            runtime.loops[index].spawn { [self] in
                await load(index, runtime.loops[index], writer.ledger, tapes[index], from: began)
            }
        }
        for load in loads { await load.value }
        let span = Double(clock.now.since(began)) / 1e9
        var report = Report()
        report.commitsPerSecond = Double(commits.load(ordering: .relaxed)) / span
        report.processor = (ProcessorTime.ofThisProcess - processorBefore.0) / span
        report.ledgerThread = (ProcessorTime.ofThreads("weir-ledger") - processorBefore.1) / span
        writer.stop()
        await task.value
        worker.stop()
        runtime.stop()
        report.latencies = tapes.flatMap(\.latencies).sorted()
        report.lost = tapes.map(\.lost).reduce(0, +)
        return report
    }

    /// How many charges a store has.
    func stored(in path: String) throws -> Int {
        var count: Int64 = 0
        let store = try LedgerStore(in: try StoreDirectory(path))
        _ = try store.load(since: Slot(number: 0), now: Slot(number: .max)) { _, subject, amount in
            if subject == .gateway { count += amount.messages }
        }
        return Int(count)
    }

    /// One loop's share of the arrivals.
    private func load(_ index: Int, _ loop: RuntimeExecutor, _ ledger: Ledger, _ tape: Tape, from began: Instant) async
    {
        let own = Int(rate * seconds) / Self.loops
        let spacing = 1e9 * Double(Self.loops) / Double(rate)
        let limits = LimitSet([
            Limit(quantity: .recipients, window: .hour, calendar: false, excess: .deferral, allowed: 1 << 40),
            Limit(quantity: .recipients, window: .day, calendar: false, excess: .deferral, allowed: 1 << 40),
        ])
        tape.latencies.reserveCapacity(own)
        var number: UInt64 = UInt64(index)
        for arrival in 0..<own {
            let due = began + UInt64(Double(arrival) * spacing)
            if loop.now < due { await loop.sleep(until: due + Self.tick) }
            number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let account = SubjectID(number: UInt32(truncatingIfNeeded: (number >> 33) % UInt64(accounts)) + 1)
            tape.open += 1
            let message = number
            loop.spawn {
                await charge(account, message, limits, on: loop, ledger, tape, due: due)
            }
        }
        while tape.open > 0 { await loop.sleep(until: loop.now + .millisecond) }
    }

    /// One message's charge, decided, journalled and waited for.
    private func charge(
        _ account: SubjectID, _ message: UInt64, _ limits: LimitSet, on loop: RuntimeExecutor, _ ledger: Ledger,
        _ tape: Tape, due: Instant
    ) async {
        var reservation = Reservation()
        let parties = Parties(account: Party(account, limits: limits))
        let amount = Amount(messages: 1, recipients: 1, octets: 1_000)
        let now = ledger.decide { book, moment in
            _ = book.reserve(amount, into: &reservation, for: parties, at: moment)
            _ = book.commit(&reservation, at: moment)
            return moment.now
        }
        let ticket = ledger.journal([
            JournalRow(
                kind: .charge, at: now, slot: Slot(now), account: account, customer: nil, amount: amount,
                message: message)
        ])
        let waiter = Waiter(on: loop)
        let isDurable = await ledger.becomesDurable(ticket, until: loop.now + .minute, waiter: waiter)
        waiter.retire()
        tape.latencies.append(UInt32(clamping: loop.now.since(due) / 1_000))
        if !isDurable { tape.lost += 1 }
        tape.open -= 1
    }

    /// Journals charges of the last three hours, none of them folded.
    private func leaveBacklog(in store: LedgerStore, now: Instant) throws {
        for number in 1...accounts { _ = try store.subject(.account, "user\(number)") }
        try store.append([])
        let steps = 30
        for step in 0..<steps {
            let at = Instant(nanoseconds: now.nanoseconds - UInt64(steps - step) * 6 * .minute)
            try store.append(
                (0..<backlog / steps).map { index in
                    JournalRow(
                        kind: .charge, at: at, slot: Slot(at),
                        account: SubjectID(number: UInt32(truncatingIfNeeded: index &* 7_919) % accounts + 1),
                        customer: nil, amount: Amount(messages: 1, recipients: 1, octets: 1_000), message: 0)
                })
        }
    }
}
