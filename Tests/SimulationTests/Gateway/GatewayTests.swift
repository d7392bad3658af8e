import Foundation
import Testing
import WeirRuntime
import WeirTime

@Suite("The gateway, simulated")
struct GatewayTests {
    /// `WEIR_SEEDS=10000` for a long run, `WEIR_SEEDS=1000:2000` for a part of it.
    private static var seeds: Range<UInt64> {
        let text = ProcessInfo.processInfo.environment["WEIR_SEEDS"] ?? ""
        let bounds = text.split(separator: ":").compactMap { UInt64($0) }
        return bounds.count == 2 ? bounds[0]..<bounds[1] : 0..<(bounds.first ?? 300)
    }

    @Test("keeps every promise, whatever befalls it")
    func keepsPromises() throws {
        for seed in GatewayTests.seeds {
            let world = try World(Scenario(seed: seed))
            try world.run()
            guard world.evidence.violationCount > 0 else { continue }
            Issue.record(
                """
                \(world.scenario)
                  \(world.evidence.violations.joined(separator: "\n  "))
                  replay: WEIR_SEED=\(seed) swift test --filter tellsOneSeed
                """)
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
