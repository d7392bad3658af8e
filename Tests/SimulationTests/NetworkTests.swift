import Testing
import WeirRuntime
import WeirTime

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

    @Test("answers for hosts as it was told")
    func resolves() throws {
        let simulation = Simulation(seed: 1)
        let relay = SocketAddress(ipv4: 0xC000_0201, port: 0)
        simulation.hosts["relay.example"] = .success([relay, Echo.address])
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
