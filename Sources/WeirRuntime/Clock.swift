internal import CLinux
import Synchronization
package import WeirBase

/// The real clock: CLOCK_BOOTTIME plus an offset fixed at start, so that it counts from 1970 and never steps.
package final class AnchoredClock: Sendable {
    /// Nanoseconds from boot to 1970 plus this make an ``Instant``.
    package let offset: UInt64

    /// Anchors to the wall clock as it is now, or to the offset that an earlier start of the same boot took.
    package init(offset: UInt64? = nil) {
        self.offset = offset ?? clinux_realtime() &- clinux_boottime()
    }

    package var now: Instant { Instant(nanoseconds: clinux_boottime() &+ offset) }

    package var wall: WallTime { WallTime(nanoseconds: clinux_realtime()) }
}
