import Synchronization
import Testing
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirRuntime

@Suite("The herald")
struct HeraldTests {
    /// What was attempted and forgotten, with the time since the start in seconds.
    private final class Record: Sendable {
        let attempts = Mutex<[(at: UInt64, id: String, channel: String)]>([])
        let forgotten = Mutex<[String]>([])

        func times(_ channel: String) -> [UInt64] {
            attempts.withLock { $0.filter { $0.channel == channel }.map(\.at) }
        }
    }

    private static let everything = Herald.Terms(
        templates: [NoticeName(.suspended, for: .subscriber), NoticeName(.flagged, for: .subscriber)], perAccount: 2,
        webhooks: [("http://a.example/", [.suspended]), ("http://b.example/", [.suspended])])

    private static func event(_ kind: EventKind = .suspended, of account: String = "bob", in simulation: Simulation)
        -> AccountEvent
    {
        AccountEvent(kind, of: account, at: simulation.wall, reason: "a test", random: simulation.random())
    }

    /// A herald whose attempts end as `outcome` says.
    private static func herald(
        _ simulation: Simulation, _ record: Record,
        _ outcome: @escaping @Sendable (Notice, Waiter) async -> NoticeOutcome
    ) async -> Herald {
        let herald = Herald(runtime: simulation, telemetry: .silent)
        await adopt(everything, herald, simulation, record, outcome)
        return herald
    }

    private static func adopt(
        _ terms: Herald.Terms, _ herald: Herald, _ simulation: Simulation, _ record: Record,
        _ outcome: @escaping @Sendable (Notice, Waiter) async -> NoticeOutcome
    ) async {
        await herald.adopt(terms) { notice, waiter in
            let at = simulation.now.since(simulation.start) / .second
            record.attempts.withLock { $0.append((at, notice.event.id, "\(notice.channel)")) }
            return await outcome(notice, waiter)
        } forget: { notice in
            record.forgotten.withLock { $0.append("\(notice.channel)") }
        }
    }

    private static func pass(_ span: UInt64, _ simulation: Simulation) async {
        await simulation.loops[0].sleep(until: simulation.now + span)
    }

    @Test("tells everyone of an event once, and forgets it then")
    func tells() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let record = Record()
            let herald = await HeraldTests.herald(simulation, record) { _, _ in .told }
            herald.tell(herald.notices(of: HeraldTests.event(in: simulation)))
            await HeraldTests.pass(.minute, simulation)
            let all = ["subscriber", "http://a.example/", "http://b.example/"].sorted()
            #expect(record.attempts.withLock { $0.map(\.channel).sorted() } == all)
            #expect(record.forgotten.withLock { $0.sorted() } == all)
            await herald.stop(until: simulation.now + .second)
        }
    }

    @Test("tries again with growing pauses and the same id, and gives up after two days")
    func retries() throws {
        let simulation = Simulation(seed: 2)
        try simulation.run(within: 4 * .day) {
            let record = Record()
            let herald = await HeraldTests.herald(simulation, record) { notice, _ in
                notice.channel == .mail(.subscriber) ? .failed("no relay") : .told
            }
            herald.tell(herald.notices(of: HeraldTests.event(in: simulation)))
            await HeraldTests.pass(3 * .day, simulation)
            let times = record.times("subscriber")
            let pauses = zip(times.dropFirst(), times).map { $0 - $1 }
            #expect(pauses.count > 40)
            #expect(pauses[0] >= 2 && pauses[0] <= 5)
            #expect(pauses.allSatisfy { $0 <= 3_600 })
            #expect(pauses.suffix(10).allSatisfy { $0 >= 1_800 })
            #expect(times.last.map { $0 <= 2 * 86_400 + 3_600 } == true)
            #expect(record.attempts.withLock { Set($0.map(\.id)).count } == 1)
            #expect(record.forgotten.withLock { $0.contains("subscriber") })
            #expect(herald.waitingCount == 0)
            await herald.stop(until: simulation.now + .second)
        }
    }

    @Test("is not held up on one way by another that hangs, nor at its end")
    func hangs() throws {
        let simulation = Simulation(seed: 3)
        try simulation.run {
            let record = Record()
            let herald = await HeraldTests.herald(simulation, record) { notice, waiter in
                guard notice.channel == .webhook("http://a.example/") else { return .told }
                while !waiter.isInterrupted { await waiter.wait(until: .distantFuture) }
                return .failed("interrupted")
            }
            for _ in 0..<20 { herald.tell(herald.notices(of: HeraldTests.event(in: simulation))) }
            await HeraldTests.pass(.second, simulation)
            #expect(record.times("http://a.example/").count == 1)
            #expect(record.times("http://b.example/").count == 20)
            #expect(record.times("subscriber").count == 20)
            let before = simulation.now
            await herald.stop(until: simulation.now + .second)
            #expect(simulation.now == before)
            // What it did not tell is still kept for the next start.
            #expect(!record.forgotten.withLock { $0.contains("http://a.example/") })
        }
    }

    @Test("leaves a webhook alone that is gone, until the configuration is read again")
    func gone() throws {
        let simulation = Simulation(seed: 4)
        try simulation.run {
            let record = Record()
            let outcome: @Sendable (Notice, Waiter) async -> NoticeOutcome = { notice, _ in
                notice.channel == .webhook("http://a.example/") ? .gone : .told
            }
            let herald = await HeraldTests.herald(simulation, record, outcome)
            for _ in 0..<5 { herald.tell(herald.notices(of: HeraldTests.event(in: simulation))) }
            await HeraldTests.pass(.minute, simulation)
            herald.tell(herald.notices(of: HeraldTests.event(in: simulation)))
            await HeraldTests.pass(.minute, simulation)
            #expect(record.times("http://a.example/").count == 1)
            await HeraldTests.adopt(HeraldTests.everything, herald, simulation, record, outcome)
            herald.tell(herald.notices(of: HeraldTests.event(in: simulation)))
            await HeraldTests.pass(.minute, simulation)
            #expect(record.times("http://a.example/").count == 2)
            #expect(record.times("http://b.example/").count == 7)
            await herald.stop(until: simulation.now + .second)
        }
    }

    @Test("sends one account's owner so many notices a day, and of a suspension always")
    func allowance() throws {
        let simulation = Simulation(seed: 5)
        try simulation.run(within: 3 * .day) {
            let record = Record()
            let herald = await HeraldTests.herald(simulation, record) { _, _ in .told }
            func tell(_ kind: EventKind, _ account: String) {
                herald.tell(herald.notices(of: HeraldTests.event(kind, of: account, in: simulation)))
            }
            for _ in 0..<5 { tell(.flagged, "bob") }
            tell(.flagged, "eve")
            await HeraldTests.pass(.minute, simulation)
            #expect(record.times("subscriber").count == 3)
            tell(.suspended, "bob")
            await HeraldTests.pass(.minute, simulation)
            #expect(record.times("subscriber").count == 4)
            await HeraldTests.pass(.day, simulation)
            tell(.flagged, "bob")
            await HeraldTests.pass(.minute, simulation)
            #expect(record.times("subscriber").count == 5)
            await herald.stop(until: simulation.now + .second)
        }
    }

    @Test("leaves room for what is kept, however many warnings wait")
    func warnings() throws {
        let simulation = Simulation(seed: 6)
        var warning = HeraldTests.event(in: simulation)
        warning.warning = AccountEvent.Warning(
            limit: "1 recipients per hour", window: "hour", percent: 80, used: 1, allowed: 1)
        let kept = Notice(event: HeraldTests.event(in: simulation), channel: .webhook("http://a.example/"))
        let stale = Notice(event: warning, channel: .webhook("http://a.example/"))
        var queue = NoticeQueue()
        for number in 0..<NoticeQueue.countMax {
            #expect(queue.add(stale, now: simulation.now) == (number < NoticeQueue.unkeptMax))
        }
        for number in 0..<NoticeQueue.countMax {
            #expect(queue.add(kept, now: simulation.now) == (number < NoticeQueue.countMax - NoticeQueue.unkeptMax))
        }
    }

    @Test("drops what its queue has no room for, and never more than waits")
    func bound() throws {
        let simulation = Simulation(seed: 6)
        try simulation.run {
            let record = Record()
            let herald = await HeraldTests.herald(simulation, record) { notice, _ in
                notice.channel == .webhook("http://a.example/") ? .failed("away") : .told
            }
            for _ in 0...NoticeQueue.countMax {
                herald.tell(herald.notices(of: HeraldTests.event(in: simulation)))
            }
            #expect(herald.waitingCount == 3 * NoticeQueue.countMax)
            await herald.stop(until: simulation.now + .second)
        }
    }
}
