import Testing
import WeirReputation

@Suite("Calibration") struct CalibrationTests {
    /// 1,000 accounts on 28 days, each as high as its number says, from 0 to 9.99; every tenth could suspend.
    private static var even: Calibration {
        var calibration = Calibration()
        for day in UInt32(7_000)..<7_028 {
            for account in UInt64(0)..<1_000 {
                calibration.add(
                    account: account, day: day, highest: Int32(account), gravest: account % 10 == 0 ? Int32(account) : 0
                )
            }
        }
        return calibration
    }

    @Test("counts accounts a week, not their days, and every account-day in one half or the other")
    func counts() {
        let calibration = Self.even
        #expect(calibration.days == 28 && calibration.accounts == 1_000)
        #expect(calibration.chosenOn + calibration.verifiedOn == 28_000)
        #expect((13_000...15_000).contains(calibration.chosenOn), "the halves are alike")
        let points = calibration.points(at: [5, 9.9, 10])
        #expect(points.map(\.flagsAWeek) == [500, 10, 0])
        #expect(points.map(\.suspensionsAWeek) == [50, 1, 0])
        #expect(points.map { $0.reached + $0.verified } == [50 * 28, 28, 0])
        for point in points {
            #expect(point.bound == Double(point.reached + 1) / Double(calibration.chosenOn + 1))
        }
    }

    @Test("the threshold it suggests is the lowest that leaves as few as the share allows")
    func suggestion() throws {
        // One of the first half's account-days may reach it: (1 + 1) / (n + 1) is the share.
        var calibration = Calibration()
        var top: [Int32] = []
        for account in UInt64(0)..<4_000 {
            let before = calibration.chosenOn
            let score = Int32(account % 700)
            calibration.add(account: account, day: 1, highest: score, gravest: score)
            if calibration.chosenOn > before { top.append(score) }
        }
        top.sort(by: >)
        let share = 5 / Double(calibration.chosenOn + 1)
        let threshold = try #require(calibration.threshold(for: share))
        let reached = calibration.points(at: [threshold, threshold - 0.01]).map(\.reached)
        #expect(reached[0] <= 4 && reached[1] > 4, "\(threshold), the highest are \(top.prefix(6))")
    }

    @Test("says nothing while there is too little to say it, and does with one account-day more")
    func tooLittle() {
        let needed = Calibration.needed(for: 0.01)
        #expect(needed == 99)
        var calibration = Calibration()
        var account: UInt64 = 0
        while calibration.chosenOn < needed - 1 {
            calibration.add(account: account, day: 1, highest: 100, gravest: 0)
            account += 1
        }
        #expect(calibration.threshold(for: 0.01) == nil)
        while calibration.chosenOn < needed {
            calibration.add(account: account, day: 1, highest: 100, gravest: 0)
            account += 1
        }
        #expect(calibration.threshold(for: 0.01) == 0.01)
        #expect(Calibration().points(at: [5])[0].bound == 1)
    }

    @Test("what no score can be counts as the highest or the lowest")
    func bounds() {
        var calibration = Calibration()
        calibration.add(account: 1, day: 1, highest: .max, gravest: .max)
        calibration.add(account: 2, day: 1, highest: .min, gravest: .min)
        #expect(calibration.points(at: [0.01, 100, 1_000]).map(\.flagsAWeek) == [7, 7, 7])
    }
}
