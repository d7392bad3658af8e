import Testing
import WeirBase
import WeirRuntime

@Suite("A simulation")
struct SchedulingTests {
    private actor Tally {
        private(set) var order: [Int] = []
        func add(_ number: Int) { order.append(number) }
    }

    /// Everything that Swift's concurrency offers, and a network with faults.
    private static func everything(seed: UInt64) throws -> (order: [Int], trace: Trace) {
        var random = SeededRandom(seed: seed)
        let simulation = Simulation(seed: seed, plan: FaultPlan(drawnBy: &random))
        let listener = try Echo.listen(simulation)
        let order = try simulation.run {
            let tally = Tally()
            let worker = try simulation.makeWorker(name: "writer")
            let client = simulation.makeExecutor(name: "client")
            async let echoed = client.spawn {
                await Echo.exchange(Echo.octets(300, seed), simulation, on: client).received.count
            }.value
            await withTaskGroup { group in
                for number in 0..<6 {
                    group.addTask {
                        await tally.add(number)
                        await simulation.pause()
                        await tally.add(number)
                    }
                }
            }
            let written = await worker.spawn {
                await simulation.pause()
                return Int(simulation.random() % 1000)
            }.value
            await withUnsafeContinuation { continuation in
                worker.post { continuation.resume() }
            }
            await tally.add(written)
            await tally.add(echoed)
            await listener.close()
            return await tally.order
        }
        return (order, simulation.trace)
    }

    @Test("replays bit for bit from its seed, and hardly ever does the same for another")
    func replays() throws {
        var traces: Set<Trace> = []
        for seed in 0..<200 as Range<UInt64> {
            let first = try SchedulingTests.everything(seed: seed)
            let second = try SchedulingTests.everything(seed: seed)
            #expect(first == second, "seed \(seed)")
            traces.insert(first.trace)
        }
        #expect(traces.count == 200)
    }

    @Test("replays in another process, which hashes differently")
    func replaysElsewhere() async throws {
        let here = try (0..<20 as Range<UInt64>).map { try SchedulingTests.everything(seed: $0).trace.description }
        await #expect(processExitsWith: .success) { [here = here as [String]] in
            let there = try (0..<20 as Range<UInt64>).map { try SchedulingTests.everything(seed: $0).trace.description }
            try #require(here == there)
        }
    }

    @Test("is gone when nobody holds it, whatever still lies in wait")
    func ends() throws {
        weak var gone: Simulation?
        do {
            let simulation = Simulation(seed: 1)
            gone = simulation
            _ = try Echo.listen(simulation)
            _ = try simulation.run { await Echo.exchange([1, 2, 3], simulation, on: simulation.loops[0]) }
            simulation.loops[0].post { Issue.record("nobody drives it any more") }
        }
        #expect(gone == nil)
    }

    @Test("lets ready tasks run in any order")
    func reorders() throws {
        var orders: Set<[Int]> = []
        for seed in 0..<200 as Range<UInt64> {
            let simulation = Simulation(seed: seed)
            let order = try simulation.run {
                let tally = Tally()
                let tasks = (0..<3).map { number in simulation.loops[number % 2].spawn { await tally.add(number) } }
                for task in tasks { await task.value }
                return await tally.order
            }
            orders.insert(order)
        }
        #expect(orders.count == 6)
    }

    @Test("keeps the calls that are posted to an executor in order")
    func callsInOrder() throws {
        for seed in 0..<20 as Range<UInt64> {
            let simulation = Simulation(seed: seed)
            let order = try simulation.run {
                let executor = simulation.loops[1]
                let seen = Seen()
                for number in 0..<10 { executor.post { seen.numbers.append(number) } }
                await simulation.pause()
                return seen.numbers
            }
            #expect(order == Array(0..<10), "seed \(seed)")
        }
    }

    /// `@unchecked Sendable`: a simulation has one thread.
    private final class Seen: @unchecked Sendable {
        var numbers: [Int] = []
    }

    @Test("moves its clock only when nothing is ready, and fires timers in order")
    func timers() throws {
        for seed in 0..<50 as Range<UInt64> {
            let simulation = Simulation(seed: seed)
            let start = simulation.now
            let tally = Tally()
            try simulation.run {
                await withTaskGroup { group in
                    for number in [5, 3, 9, 1, 7] {
                        group.addTask {
                            let loop = simulation.loops[number % 2]
                            await loop.spawn {
                                for _ in 0..<1000 { await Task.yield() }
                                #expect(loop.now == start, "computation takes no time")
                                let due = start + UInt64(number) * .second
                                await loop.sleep(until: due)
                                #expect(loop.now == due)
                                await tally.add(number)
                            }.value
                        }
                    }
                }
                let order = await tally.order
                #expect(order == [1, 3, 5, 7, 9])
            }
            #expect(simulation.now == start + 9 * .second)
        }
    }

    @Test("has a wall clock that steps while its own does not")
    func wallSteps() {
        let simulation = Simulation(seed: 1)
        let now = simulation.now
        #expect(simulation.wall.nanoseconds == now.nanoseconds)
        simulation.stepWall(by: -Int64(UInt64.hour))
        #expect(simulation.wall.nanoseconds == now.nanoseconds - .hour)
        simulation.stepWall(by: Int64(3 * UInt64.hour))
        #expect(simulation.wall.nanoseconds == now.nanoseconds + 2 * .hour)
        #expect(simulation.now == now)
    }

    @Test("reports a continuation that nobody resumes as a deadlock")
    func deadlock() throws {
        let simulation = Simulation(seed: 7)
        let failure = #expect(throws: SimulationFailure.self) {
            try simulation.run {
                await simulation.pause()
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            }
        }
        #expect(failure?.kind == .deadlock)
        #expect(failure?.seed == 7)
    }

    @Test("gives up after its time and after its steps")
    func bounds() throws {
        let simulation = Simulation(seed: 1)
        let late = #expect(throws: SimulationFailure.self) {
            try simulation.run(within: .minute) { await simulation.loops[0].sleep(until: simulation.now + .hour) }
        }
        #expect(late?.kind == .timeOut)
        #expect(simulation.now == Simulation.epoch)
        let long = #expect(throws: SimulationFailure.self) {
            try simulation.run(steps: 100) { () async -> Void in while true { await Task.yield() } }
        }
        #expect(long?.kind == .stepsOut)
    }

    @Test("goes on with what an earlier run left")
    func goesOn() throws {
        let simulation = Simulation(seed: 1)
        let seen = Seen()
        _ = try simulation.run {
            simulation.loops[1].spawn {
                await simulation.pause()
                seen.numbers.append(1)
            }
        }
        #expect(seen.numbers.isEmpty)
        try simulation.run { await simulation.loops[0].sleep(until: simulation.now + .second) }
        #expect(seen.numbers == [1])
    }

    @Test("traps when a task that runs outside of it starts one inside")
    func escapes() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let simulation = Simulation(seed: 1)
            try simulation.run(within: .max, steps: .max) { () async -> Void in
                Task { await simulation.loops[0].spawn {}.value }
                while true { await simulation.pause() }
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("a task escaped the simulation"))
    }

    @Test("traps when its clock is asked from outside")
    func clockFromOutside() async {
        await #expect(processExitsWith: .failure) {
            let simulation = Simulation(seed: 1)
            try simulation.run(within: .max, steps: .max) { () async -> Void in
                Task { simulation.now }
                while true { await simulation.pause() }
            }
        }
    }
}
