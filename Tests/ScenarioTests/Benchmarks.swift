import Foundation
import TestKit
import Testing

/// What the README promises in figures: `Tests/campaigns/ledger` and `Tests/campaigns/accounts`.
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
}
