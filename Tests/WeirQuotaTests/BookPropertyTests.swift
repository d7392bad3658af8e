import Testing
import WeirQuota

@Suite("The book against a list of all that was sent")
struct BookPropertyTests {
    @Test("agrees with the list, and exceeds no limit in any interval", arguments: 0..<20 as Range<UInt64>)
    func agreesWithModel(block: UInt64) {
        for seed in block * 100..<(block + 1) * 100 {
            var history = History(seed: seed, steps: seed % 2 == 1)
            history.live(60)
            #expect(history.faults.isEmpty, "seed \(seed)")
        }
    }

    @Test("reserves many at once as it would one by one")
    func manyAtOnce() {
        for seed in 0..<2_000 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            func limit(_ quantity: Limit.Quantity, _ window: Limit.Window) -> Limit {
                Limit(
                    quantity: quantity, window: window, calendar: false,
                    excess: Limit.Excess.allCases.randomElement(using: &random) ?? .deferral,
                    allowed: Int64.random(in: 0...60, using: &random))
            }
            let account = LimitSet(
                [
                    limit(.recipients, .hour), limit(.recipients, .message), limit(.octets, .day),
                    limit(.refusals, .hour),
                ],
                warnAt: [50, 80, 100])
            let customer = LimitSet([limit(.recipients, .day), limit(.messages, .hour)], warnAt: [90])
            let (batch, single) = (Desk(account, customer: customer), Desk(account, customer: customer))
            for _ in 0..<6 {
                let amount = Amount(
                    messages: Int64.random(in: 0...1, using: &random),
                    recipients: Int64.random(in: 0...2, using: &random),
                    octets: Int64.random(in: -1...2, using: &random))
                let count = Int.random(in: -1...20, using: &random)
                let found = batch.reserve(amount, times: count)
                var expected: (admitted: Int, crossings: [Crossing], refusal: Refusal?) = (0, [], nil)
                while expected.admitted < count, expected.refusal == nil {
                    switch single.reserve(amount) {
                    case .admitted(let crossings):
                        expected.admitted += 1
                        expected.crossings += crossings
                    case .refused(let refusal): expected.refusal = refusal
                    }
                }
                #expect(found.admitted == expected.admitted, "seed \(seed)")
                #expect(found.crossings == expected.crossings, "seed \(seed)")
                #expect(found.refusal == expected.refusal, "seed \(seed)")
                #expect(batch.held == single.held && batch.used == single.used, "seed \(seed)")
                if Bool.random(using: &random) {
                    batch.commit()
                    single.commit()
                }
            }
        }
    }
}
