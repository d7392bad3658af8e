import Foundation
import Glibc
import TestKit
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// What the detector costs: evidence of accounts that have lived for a while, and messages that are judged.
enum EvidenceLoad {
    private static let variants = 64

    /// Evidence of a household's account after thirty days of four messages.
    static func lived(_ variant: Int, until end: Instant) -> AccountEvidence {
        var random = Seeded(UInt64(variant))
        var surroundings = Surroundings()
        var now = Instant(nanoseconds: end.nanoseconds - 30 * .day)
        var evidence = AccountEvidence(at: now)
        for number in 0..<120 as Range<UInt64> {
            evidence.live(through: message(number, from: 1, &random), .consumer, &surroundings, at: now)
            now = now + 6 * .hour
        }
        return evidence
    }

    /// To a friend mostly, to somebody new now and then.
    static func message(_ number: UInt64, from account: UInt64, _ random: inout Seeded) -> MessageFacts {
        let person = random.next() % 8 == 0 ? random.next() : random.next() % 40
        var facts = MessageFacts(
            id: number, account: account, recipients: [person], network: account, name: account)
        facts.content = ContentFacts(fingerprint: random.next())
        return facts
    }

    /// Writes evidence for accounts 1 to `count`; returns the octets of all.
    static func write(_ count: Int, in path: String) throws -> Int {
        let store = try LedgerStore(in: try StoreDirectory(path))
        let now = Instant(nanoseconds: UInt64(Date().timeIntervalSince1970) * .second)
        let rows = (0..<variants).map { lived($0, until: now).encoded() }
        var octets = 0
        for first in stride(from: 1, through: count, by: 1_000) {
            let numbers = first..<min(first + 1_000, count + 1)
            let evidence = numbers.map { (subject: SubjectID(number: UInt32($0)), octets: rows[$0 % variants]) }
            octets += evidence.map(\.octets.count).reduce(0, +)
            try store.save(EvidenceSnapshot(evidence: evidence, surroundings: nil, observed: 0))
            while try store.maintain(now: now) {}
        }
        return octets
    }

    struct Cost {
        /// Microseconds a message: of the thread that decides, and of the whole process, the commits included.
        var deciding = 0.0
        var all = 0.0
    }

    /// Judges messages with one recipient and learns what became of them, on the real store.
    static func decide(_ messages: Int, of accounts: UInt32, in path: String) async throws -> Cost {
        let clock = AnchoredClock()
        let runtime = try RealRuntime(loops: 1, clock: clock)
        let worker = try WorkerThread(clock: clock, name: "weir-ledger")
        let store = try LedgerStore(in: try StoreDirectory(path))
        let writer = LedgerWriter(
            store: store, worker: worker, runtime: runtime,
            events: LedgerEvents(storeLost: { print("store lost: \($0)") }))
        let detector = Detector(runtime: runtime, store: writer)
        let task = writer.start(saving: detector)
        try await detector.restore()
        for account in 1...accounts { _ = try await detector.prepare(SubjectID(number: account)) }
        let loop = runtime.loops[0]
        let cost = await loop.spawn {
            let waiter = Waiter(on: loop)
            var random = Seeded(7)
            var cost = Cost()
            let before = seconds(CLOCK_PROCESS_CPUTIME_ID)
            for number in 0..<messages {
                let account = UInt32(random.next() % UInt64(accounts)) + 1
                let subject = SubjectID(number: account)
                let facts = message(UInt64(number), from: UInt64(account), &random)
                let began = seconds(CLOCK_THREAD_CPUTIME_ID)
                if let judgements = detector.judge(facts, of: subject, .consumer) {
                    _ = detector.learn(.taken, of: facts, after: judgements.findings, of: subject, .consumer)
                }
                cost.deciding += seconds(CLOCK_THREAD_CPUTIME_ID) - began
                if number % 100 == 99 {
                    _ = await writer.ledger.becomesDurable(
                        writer.ledger.lastTicket, until: loop.now + .minute, waiter: waiter)
                }
            }
            cost.all = seconds(CLOCK_PROCESS_CPUTIME_ID) - before
            waiter.retire()
            return cost
        }.value
        writer.stop()
        await task.value
        worker.stop()
        runtime.stop()
        return Cost(deciding: cost.deciding * 1e6 / Double(messages), all: cost.all * 1e6 / Double(messages))
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
