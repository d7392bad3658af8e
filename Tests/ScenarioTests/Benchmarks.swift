import Foundation
import TestKit
import Testing

/// What the README promises in figures: `Tests/campaigns/ledger`, `Tests/campaigns/accounts` and `Tests/campaigns/evidence`.
@Suite("Benchmarks", .serialized, .enabled(if: ProcessInfo.processInfo.environment["WEIR_BENCHMARK"] != nil))
struct Benchmarks {
    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    @Test("makes 50,000 charges a second durable, each within 50 ms of its arrival, while upkeep runs")
    func ledger() async throws {
        let folder = try TemporaryFolder()
        var load = LedgerLoad()
        load.rate = UInt64(Self.setting("WEIR_RATE") ?? 50_000)
        load.seconds = UInt64(Self.setting("WEIR_SECONDS") ?? 20)
        let report = try await load.run(in: folder.file("store"))
        print("\(report.count) charges, \(load.rate) a second: \(report.summary)")
        #expect(report.count == Int(load.rate * load.seconds))
        #expect(report.lost == 0)
        #expect(try load.stored(in: folder.file("store")) == report.count + load.backlog)
        #expect(report.milliseconds(at: 0.99) <= 50)
    }

    @Test(
        "knows a million accounts, 100,000 of them active, and starts with their day",
        arguments: ProviderDay.Spread.allCases)
    func accounts(spread: ProviderDay.Spread) throws {
        var day = ProviderDay()
        day.spread = spread
        day.known = Self.setting("WEIR_KNOWN") ?? day.known
        day.active = min(day.known, Self.setting("WEIR_ACTIVE") ?? day.active)
        day.charges = Self.setting("WEIR_CHARGES") ?? day.charges
        let sink = try Sink()
        let gateway = try RunningGateway(
            .init(
                relays: [.init(sink.port)], limits: ["2_000_000 recipients per hour", "20_000_000 recipients per day"]),
            starts: false)
        for (index, part) in day.files.enumerated() {
            let outcome = try gateway.weir("account", "import", try gateway.folder.write(part, to: "part\(index).csv"))
            try #require(outcome.status == 0, "\(outcome.errors)")
        }
        try day.writeLedger(in: gateway.store)
        let start = try ContinuousClock().measure { try gateway.start() }
        let before = ProviderDay.memory(of: gateway.pid)
        let taken = day.sendFromEach(to: gateway.subscribers) { _ = sink.handOver() }
        let after = ProviderDay.memory(of: gateway.pid)
        print(
            "\(spread): \(day.known) accounts, start with \(day.charges) charges behind in \(start),",
            "PSS \(before >> 20) MB, after a message from each of \(taken) accounts \(after >> 20) MB")
        #expect(taken == day.active)
        #expect(start <= .seconds(2))
        #expect(after <= 150 << 20)
    }

    @Test("judges a message with one recipient, learns its outcome and journals both in 20 microseconds")
    func detector() async throws {
        let folder = try TemporaryFolder()
        let store = folder.file("store")
        _ = try EvidenceLoad.write(10_000, in: store)
        let cost = try await EvidenceLoad.decide(Self.setting("WEIR_MESSAGES") ?? 200_000, of: 10_000, in: store)
        print(
            String(
                format: "a message: %.1f microseconds to decide twice, %.1f with commits and saves", cost.deciding,
                cost.all))
        #expect(cost.deciding <= 20)
    }

    @Test("keeps evidence of 100,000 active accounts: memory, and what a message costs beside a gateway without")
    func evidence() throws {
        var day = ProviderDay()
        day.active = Self.setting("WEIR_ACTIVE") ?? day.active
        (day.known, day.charges) = (day.active, 288)
        var costs: [String: [Double]] = [:]
        for mode in ["off", "suspend"] {
            let sink = try Sink()
            var setup = RunningGateway.Setup(
                relays: [.init(sink.port)], limits: ["2_000_000 recipients per hour", "2_000 recipients per day"])
            setup.planSettings = ["detector: \(mode)"]
            let gateway = try RunningGateway(setup, starts: false)
            for (index, part) in day.files.enumerated() {
                let outcome = try gateway.weir(
                    "account", "import", try gateway.folder.write(part, to: "part\(index).csv"))
                try #require(outcome.status == 0, "\(outcome.errors)")
            }
            try day.writeLedger(in: gateway.store)
            let octets = try EvidenceLoad.write(day.active, in: gateway.store)
            try gateway.start()
            for round in 1...3 {
                let before = ProcessorTime.of(gateway.pid)
                let taken = day.sendFromEach(to: gateway.subscribers) { _ = sink.handOver() }
                let cost = (ProcessorTime.of(gateway.pid) - before) * 1e6 / Double(day.active)
                costs[mode, default: []].append(cost)
                print(
                    "detector \(mode), round \(round): \(taken) messages,",
                    String(format: "%.0f microseconds each,", cost),
                    "PSS \(ProviderDay.memory(of: gateway.pid) >> 20) MB, evidence \(octets / day.active) octets an account"
                )
                #expect(taken == day.active)
            }
        }
        for (round, (without, with)) in zip(costs["off"] ?? [], costs["suspend"] ?? []).enumerated() {
            print("round \(round + 1):", String(format: "%.2f times the cost without the detector", with / without))
        }
    }
}
