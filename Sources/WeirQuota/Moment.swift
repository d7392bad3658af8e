package import WeirBase

/// One local hour or local day, as the wall clock and the zone have it now.
package struct CalendarSpan: Hashable, Sendable {
    /// Numbers local hours, or local days, in their order.
    package var key: Int32
    /// When it began, and when it will end, on the gateway's clock.
    package var start: Instant
    package var end: Instant

    package init(key: Int32, start: Instant, end: Instant) {
        self.key = key
        self.start = start
        self.end = end
    }

    /// The slot it begins with: zones begin hours and days at a multiple of five minutes, and where the wall clock was
    /// stepped the nearest slot is taken.
    package var first: Slot { Slot(start + Slot.span / 2) }

    /// When the next span can open: both the wall clock and the slots have come to it.
    var close: Instant { max(end, Slot(end + Slot.span / 2).start) }

    /// Moves on to `next` once that has begun.
    ///
    /// Where the wall clock was set back, the later span holds on until its end comes or the clock catches up with it:
    /// a span that was left is not opened again.
    mutating func advance(to next: CalendarSpan, at now: Instant) {
        if next.key == key {
            end = next.end
        } else if next.first.start <= now, next.key > key || close <= now {
            self = next
        }
    }
}

/// The local hour and the local day.
package struct CalendarNow: Hashable, Sendable {
    package var hour: CalendarSpan
    package var day: CalendarSpan

    package init(hour: CalendarSpan, day: CalendarSpan) {
        self.hour = hour
        self.day = day
    }
}

/// The present, as decisions are given it.
package struct Moment: Hashable, Sendable {
    /// Never before that of the last moment.
    package var now: Instant
    package var calendar: CalendarNow

    package init(now: Instant, calendar: CalendarNow) {
        self.now = now
        self.calendar = calendar
    }
}

/// Which slots each window holds at one moment: all from its first slot on.
struct Windows {
    let current: UInt32
    let calendarHour: UInt32
    let calendarDay: UInt32
    private let calendarHourEnd: Instant
    private let calendarDayEnd: Instant

    /// What is kept at most: two days, longer than any local day.
    private static let keptMax: UInt32 = 48 * slotsPerHour
    private static let slotsPerHour: UInt32 = 12

    init(now: Instant, calendar: CalendarNow) {
        let current = Slot(now).number
        let oldest = current.before(Self.keptMax)
        self.current = current
        calendarHour = min(max(calendar.hour.first.number, oldest), current)
        calendarDay = min(max(calendar.day.first.number, oldest), current)
        calendarHourEnd = calendar.hour.close
        calendarDayEnd = calendar.day.close
    }

    /// The first slot that is not wholly out of the last hour.
    var rollingHour: UInt32 { current.before(Self.slotsPerHour) }
    /// The first slot of the first hour of the clock that is not wholly out of the last day.
    var rollingDay: UInt32 { (current / Self.slotsPerHour).before(24) * Self.slotsPerHour }

    /// The first slot that any window holds.
    var oldest: UInt32 { min(rollingDay, calendarDay, calendarHour) }

    func first(of limit: Limit) -> UInt32 {
        switch (limit.window, limit.calendar) {
        case (.day, true): calendarDay
        case (.day, false): rollingDay
        case (.hour, true): calendarHour
        case (.hour, false), (.concurrent, _), (.message, _): rollingHour
        }
    }

    /// The first instant at which the limit's window no longer holds `slot`.
    func release(of slot: UInt32, by limit: Limit) -> Instant {
        switch (limit.window, limit.calendar) {
        case (.day, true): calendarDayEnd
        case (.hour, true): calendarHourEnd
        case (.day, false): Slot(number: (slot / Self.slotsPerHour + 1) * Self.slotsPerHour).start + .day
        case (.hour, false), (.concurrent, _), (.message, _): Slot(number: slot + 1).start + .hour
        }
    }

    /// Whether no window will ever tell the two slots apart: they share an hour of the clock, which rolling days drop as
    /// one, the rolling hour is past them, and no calendar window begins between them.
    func unites(_ earlier: UInt32, _ later: UInt32) -> Bool {
        earlier / Self.slotsPerHour == later / Self.slotsPerHour && later < rollingHour
            && (earlier < calendarDay) == (later < calendarDay)
            && (earlier < calendarHour) == (later < calendarHour)
    }
}

extension UInt32 {
    /// Less `count`, not below 0.
    func before(_ count: UInt32) -> UInt32 { self > count ? self - count : 0 }
}
