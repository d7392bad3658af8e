import WeirBase
import WeirQuota

/// SplitMix64: the same seed, the same history.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// The gateway's clock, and the wall clock of a zone beside it.
struct ManualClock {
    /// 2026-11-22 00:00 UTC.
    var now = Instant(nanoseconds: 1_795_305_600 * .second)
    /// What the wall clock shows beyond the gateway's, in nanoseconds: the zone, and its steps.
    var ahead: Int64

    init(zone: Int64 = 0) { ahead = zone }

    mutating func advance(_ span: UInt64) { now = now + span }

    var moment: Moment {
        Moment(now: now, calendar: CalendarNow(hour: span(of: .hour), day: span(of: .day)))
    }

    private func span(of length: UInt64) -> CalendarSpan {
        let local = UInt64(Int64(now.nanoseconds) + ahead)
        let start = Instant(nanoseconds: now.nanoseconds - local % length)
        return CalendarSpan(key: Int32(local / length), start: start, end: start + length)
    }
}

extension Int64 {
    static let minute = Int64(UInt64.minute)
    static let hour = Int64(UInt64.hour)
}

extension SubjectID: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: UInt32) { self.init(number: value) }
}

extension Limit: ExpressibleByStringLiteral {
    /// Tests write limits as plans do; one that does not parse is a limit of -1, which no test expects.
    package init(stringLiteral text: String) {
        self =
            (try? Limit(parsing: text))
            ?? Limit(quantity: .messages, window: .hour, calendar: false, excess: .observe, allowed: -1)
    }
}

extension Decision {
    var refusal: Refusal? {
        switch self {
        case .admitted: nil
        case .refused(let refusal): refusal
        }
    }

    var crossings: [Crossing] {
        switch self {
        case .admitted(let crossings): crossings
        case .refused: []
        }
    }

    var isAdmitted: Bool { refusal == nil }
}
