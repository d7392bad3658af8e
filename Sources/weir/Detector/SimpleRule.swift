import WeirBase
import WeirReputation

/// What is in use elsewhere, to compare the detector with. Each suspends at once; none flags.
enum SimpleRule: String, CaseIterable {
    /// More recipients within an hour, or within a day, than any subscriber should need.
    case rate = "fixed-rate"
    /// A fifth of at least 20 recipients refused within a day.
    case bounces = "bounce-share"
    /// Messages from three countries within a day.
    case countries = "three-countries"
    /// Ten messages within eight hours that the scanner calls spam.
    case labels = "ten-labels"

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// One account under a simple rule.
struct RuleEvidence {
    /// When something was counted, and how much, the oldest first.
    private var counted: [(time: UInt64, sent: Int, bad: Int)] = []
    private var countries: [(time: UInt64, name: String)] = []

    /// Whether the rule is broken by this message; before it is released, but for what the relays say.
    mutating func isBroken(_ rule: SimpleRule, by event: TraceEvent) -> (isBroken: Bool, isBefore: Bool) {
        switch rule {
        case .rate:
            count(event, bad: 0, within: .day)
            let hour = counted.reversed().prefix { event.isWithin(.hour, of: $0.time) }.reduce(0) { $0 + $1.sent }
            return (hour > 100 || counted.reduce(0) { $0 + $1.sent } > 500, true)
        case .bounces:
            count(event, bad: event.replies.count { $0 == .unknown || $0 == .refused }, within: .day)
            let (sent, bad) = counted.reduce((0, 0)) { ($0.0 + $1.sent, $0.1 + $1.bad) }
            return (sent >= 20 && bad * 5 >= sent, false)
        case .countries:
            countries.removeAll { !event.isWithin(.day, of: $0.time) || $0.name == event.country }
            countries.append((event.time, event.country))
            return (countries.count >= 3, true)
        case .labels:
            guard event.scannerScore >= 6 else { return (false, true) }
            count(event, bad: 1, within: 8 * .hour)
            return (counted.count >= 10, true)
        }
    }

    private mutating func count(_ event: TraceEvent, bad: Int, within span: UInt64) {
        let old = counted.prefix { !event.isWithin(span, of: $0.time) }.count
        counted.removeFirst(old)
        counted.append((event.time, event.recipients.count, bad))
    }
}

extension TraceEvent {
    fileprivate func isWithin(_ span: UInt64, of earlier: UInt64) -> Bool { time < earlier || time - earlier < span }
}
