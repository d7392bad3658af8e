import Testing
import WeirBase
import WeirRuntime

@Suite("A simulated network")
struct NetworkTests {
    @Test("carries everything when it is calm")
    func calm() throws {
        let simulation = Simulation(seed: 3)
        let listener = try Echo.listen(simulation)
        let octets = Echo.octets(200_000, 3)
        let outcome = try simulation.run {
            let client = simulation.makeExecutor(name: "client")
            let outcome = await client.spawn { await Echo.exchange(octets, simulation, on: client) }.value
            await listener.close()
            await simulation.loops[0].sleep(until: simulation.now + .second)
            return outcome
        }
        #expect(outcome == Echo.Outcome(received: octets, error: nil))
        #expect(simulation.network.open.isEmpty)
    }

    @Test("delivers exact octets or a clean error under faults, and no wait lasts for ever")
    func faults() throws {
        var whole = 0
        var errors: Set<String> = []
        for seed in 0..<1000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let plan = FaultPlan(drawnBy: &random)
            let simulation = Simulation(seed: seed, plan: plan)
            let listener = try Echo.listen(simulation)
            let octets = Echo.octets(random.within(1...1500), seed)
            let outcomes = try simulation.run {
                let clients = (0..<2).map { number in simulation.makeExecutor(name: "client \(number)") }
                let tasks = clients.map { client in
                    client.spawn { await Echo.exchange(octets, simulation, on: client) }
                }
                var outcomes: [Echo.Outcome] = []
                for task in tasks { outcomes.append(await task.value) }
                await listener.close()
                await simulation.loops[0].sleep(until: simulation.now + .hour)
                return outcomes
            }
            for outcome in outcomes {
                #expect(octets.starts(with: outcome.received), "seed \(seed), \(plan)")
                #expect((outcome.received.count == octets.count) == (outcome.error == nil), "seed \(seed), \(plan)")
                if let error = outcome.error { errors.insert("\(error)") } else { whole += 1 }
            }
            #expect(simulation.network.open.isEmpty, "seed \(seed), \(plan)")
        }
        #expect((800..<1900).contains(whole))
        #expect(errors.count >= 5, "\(errors)")
    }

    @Test("heals for new connections when its plan does")
    func heals() throws {
        var plan = FaultPlan.none
        plan.blackHole = 1
        let simulation = Simulation(seed: 5, plan: plan)
        _ = try Echo.listen(simulation)
        let octets = Echo.octets(30_000, 5)
        let outcomes = try simulation.run {
            let client = simulation.loops[0]
            let lost = await Echo.exchange(octets, simulation, on: client)
            simulation.network.plan = .none
            return [lost, await Echo.exchange(octets, simulation, on: client)]
        }
        #expect(outcomes[0].error == .timedOut)
        #expect(outcomes[1] == Echo.Outcome(received: octets, error: nil))
    }

    @Test("keeps one destination's plan apart from the others'")
    func plansByDestination() throws {
        let simulation = Simulation(seed: 5)
        simulation.network.plans[Echo.address] = FaultPlan.none
        simulation.network.plan.refuse = 1
        _ = try Echo.listen(simulation)
        let outcome = try simulation.run { await Echo.exchange([1], simulation, on: simulation.loops[0]) }
        #expect(outcome.error == nil)
    }

    @Test("names the open connections when everybody waits for ever")
    func namesWhatIsOpen() throws {
        let simulation = Simulation(seed: 1)
        _ = try simulation.listen(on: Echo.address) { transport, loop in
            let handover = Echo.Handover(transport: transport)
            loop.spawn {
                let connection = Connection(handover.transport, on: loop, waiter: Waiter(on: loop))
                try? await connection.receive(until: .distantFuture)
            }
        }
        let failure = #expect(throws: SimulationFailure.self) {
            try simulation.run {
                let loop = simulation.loops[0]
                let transport = simulation.connect(to: Echo.address, from: Echo.subscriber)
                let connection = Connection(transport, on: loop, waiter: Waiter(on: loop))
                try await connection.finishConnect(until: .distantFuture)
                try await connection.receive(until: .distantFuture)
            }
        }
        #expect(failure?.kind == .deadlock)
        #expect(failure?.open.count == 2)
        #expect(failure?.open.first?.hasPrefix("203.0.113.7:32769 to 192.0.2.25:25: connected") == true)
    }

    @Test("tells one seed's story twice in the same words")
    func narrates() throws {
        var stories: [[String]] = []
        for _ in 0..<2 {
            let simulation = Simulation(seed: 11, plan: .rough)
            var story: [String] = []
            simulation.narrate { at, event in story.append("\(at.since(Simulation.epoch)) \(event)") }
            _ = try Echo.listen(simulation)
            _ = try simulation.run { await Echo.exchange(Echo.octets(100, 1), simulation, on: simulation.loops[0]) }
            stories.append(story)
        }
        #expect(stories[0] == stories[1])
        #expect(stories[0].first == "0 way 1 from 203.0.113.7:32769 to 192.0.2.25:25, way 2 back")
        #expect(stories[0].contains { $0.hasSuffix("octets arrive") })
    }

    @Test("answers for hosts as it was told")
    func resolves() throws {
        let simulation = Simulation(seed: 1)
        let relay = SocketAddress(ipv4: 0xC000_0201, port: 0)
        simulation.hosts["relay.example"] = .success([relay.ip, Echo.address.ip])
        let broken = ResolverError(host: "broken.example", reason: "SERVFAIL")
        simulation.hosts["broken.example"] = .failure(broken)
        try simulation.run {
            let loop = simulation.loops[0]
            let found = try await simulation.resolve("relay.example", port: 587, on: loop)
            #expect(found.map(\.description) == ["192.0.2.1:587", "192.0.2.25:587"])
            let numeric = try await simulation.resolve("2001:db8::1", port: 25, on: loop)
            #expect(numeric.map(\.description) == ["[2001:db8::1]:25"])
            await #expect(throws: broken) { try await simulation.resolve("broken.example", port: 25, on: loop) }
            await #expect(throws: ResolverError(host: "none.example", reason: "no such host")) {
                try await simulation.resolve("none.example", port: 25, on: loop)
            }
            simulation.network.plan.resolveFailure = 1
            await #expect(throws: ResolverError.self) {
                try await simulation.resolve("relay.example", port: 587, on: loop)
            }
        }
    }

    @Test("prints what a plan does, and nothing of what it does not")
    func prints() {
        #expect(FaultPlan.none.description == "calm")
        var plan = FaultPlan.none
        plan.tear = 0.5
        plan.window = 1...9
        #expect(plan.description == "tear 0.5, window 1...9")
    }
}
