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
}
