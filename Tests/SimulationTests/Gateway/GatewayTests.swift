import Foundation
import Testing
import WeirBase
import WeirGateway
import WeirRuntime

@Suite("The gateway, simulated")
struct GatewayTests {
    /// `WEIR_SEEDS=10000` for a long run, `WEIR_SEEDS=1000:2000` for a part of it.
    private static var seeds: Range<UInt64> {
        let text = ProcessInfo.processInfo.environment["WEIR_SEEDS"] ?? ""
        let bounds = text.split(separator: ":").compactMap { UInt64($0) }
        return bounds.count == 2 ? bounds[0]..<bounds[1] : 0..<(bounds.first ?? 60)
    }

    /// A few seeds, and one with a theft.
    private static let some: [UInt64] = [0, 1, 2] + [(3..<100).first { Scenario(seed: $0).theft != nil } ?? 3]

    /// Seeds that fail before a run is given up.
    private static let failuresMax = 3

    @Test("keeps every promise, whatever befalls it")
    func keepsPromises() throws {
        var (failures, thefts, suspensions, repairs) = (0, 0, 0, 0)
        for seed in GatewayTests.seeds where failures < GatewayTests.failuresMax {
            let world = try World(Scenario(seed: seed))
            try world.run()
            if world.scenario.theft != nil { thefts += 1 }
            suspensions += world.suspensions
            repairs += world.repairs
            guard world.evidence.violationCount > 0 else { continue }
            failures += 1
            Issue.record(
                """
                \(world.scenario)
                  \(world.evidence.violations.joined(separator: "\n  "))
                  replay: WEIR_SEED=\(seed) swift test --filter tellsOneSeed
                """)
        }
        print("\(thefts) seeds with a theft, \(suspensions) suspensions, \(repairs) of them made good after a kill")
        // What nobody is suspended in tells nothing of suspending.
        if thefts >= 10 { #expect(suspensions > thefts / 2) }
    }

    @Test("does the same for the same seed, to the octet")
    func repeats() throws {
        for seed in GatewayTests.some {
            let traces = try (0..<2).map { _ in
                let world = try World(Scenario(seed: seed))
                try world.run()
                return world.simulation.trace
            }
            #expect(traces[0] == traces[1], "seed \(seed)")
        }
    }

    @Test("is gone when it is over, with all that it held")
    func leavesNothing() throws {
        for seed in GatewayTests.some {
            weak var simulation: Simulation?
            weak var gateway: Gateway?
            do {
                let world = try World(Scenario(seed: seed))
                try world.run()
                simulation = world.simulation
                gateway = world.lives.last?.gateway
            }
            #expect(gateway == nil, "seed \(seed)")
            #expect(simulation == nil, "seed \(seed)")
        }
    }

    @Test(
        "tells one seed's story",
        .enabled(if: ProcessInfo.processInfo.environment["WEIR_SEED"] != nil, "WEIR_SEED=n tells the story of seed n"))
    func tellsOneSeed() throws {
        let seed = UInt64(ProcessInfo.processInfo.environment["WEIR_SEED"] ?? "") ?? 0
        let scenario = Scenario(seed: seed)
        print(scenario)
        let world = try World(scenario) { at, event in print("\(seconds(at)) \(event)") }
        try world.run()
        #expect(world.evidence.violations == [])
    }
}
