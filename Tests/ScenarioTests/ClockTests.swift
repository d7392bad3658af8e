import TestKit
import Testing
import WeirQuota

extension Scenarios {
    @Suite("A clock that is wrong")
    struct Clocks {
        @Test(
            "a wall clock that was days ahead, and was set back, delays neither mail nor the end",
            .enabled(if: !isSanitized, "a sanitizer wants to be loaded first"))
        func setBack() throws {
            let clock = try ShiftedClock()
            let sink = try Sink()
            let gateway = try RunningGateway(
                .init(relays: [.init(sink.port)], limits: ["1000 recipients per day"], accounts: [Limits.account]),
                starts: false)
            // Ends of waits that the daemon reckoned by such a clock lie three days ahead of the kernel's.
            clock.advance(to: clock.now + 3 * 86_400 * 1_000_000_000)
            try gateway.start(environment: clock.environment)
            let client = try Limits.session(gateway)
            for _ in 0..<3 {
                #expect(try client.message(to: ["a@target.example"], "\r\nHello").delivered == 1)
            }
            #expect(gateway.stop() == .exited(0), "\(gateway.log)")
            #expect(try StoredCounts.amount(of: Limits.account.login, in: gateway.store).recipients == 3)
        }
    }
}
