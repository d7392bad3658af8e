/// A point on the gateway's own clock, in nanoseconds since 1970.
///
/// The clock is CLOCK_BOOTTIME anchored once to the wall clock, so it never steps: windows and deadlines are
/// both counted on it. What a person reads (log lines, calendar days) comes from ``WallTime``.
package struct Instant: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    package static let distantFuture = Instant(nanoseconds: .max)

    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Later by `span` nanoseconds; saturates at ``distantFuture``.
    package static func + (instant: Instant, span: UInt64) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span)
        return overflow ? .distantFuture : Instant(nanoseconds: sum)
    }

    /// The nanoseconds from `earlier` to this instant, 0 if that lies in the future.
    package func since(_ earlier: Instant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }
}

/// A point of civil time as the system's clock tells it, in nanoseconds since 1970 UTC; it may step.
package struct WallTime: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Whole seconds since 1970 UTC.
    package var seconds: UInt64 { nanoseconds / .second }

    package static func < (left: WallTime, right: WallTime) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// Spans of time, in nanoseconds.
extension UInt64 {
    package static let millisecond: UInt64 = 1_000_000
    package static let second: UInt64 = 1_000_000_000
    package static let minute: UInt64 = 60 * second
    package static let hour: UInt64 = 60 * minute
    package static let day: UInt64 = 24 * hour
}
