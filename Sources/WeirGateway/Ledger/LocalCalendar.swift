internal import Glibc
package import WeirBase
package import WeirQuota

/// The local hour and day, from the system's clock and the process's time zone (TZ).
package struct LocalCalendar {
    private var known: CalendarNow?
    /// What made `known`: the wall clock's lead over the gateway's, which changes when the wall clock steps.
    private var lead: Int64 = 0
    private var lookAgain = Instant(nanoseconds: 0)

    /// How often the wall clock is looked at, in nanoseconds: a step shows so much later.
    static let lookInterval: UInt64 = .second

    package init() {}

    /// The calendar at `now`; worked out anew when the hour has ended or the wall clock has stepped by a second.
    package mutating func refresh(now: Instant, wall: @autoclosure () -> WallTime) -> CalendarNow {
        if let known, now < lookAgain { return known }
        let wall = wall()
        let lead = Int64(bitPattern: wall.nanoseconds &- now.nanoseconds)
        if let known, now < known.hour.end, abs(lead &- self.lead) < Int64(UInt64.second) {
            lookAgain = min(now + LocalCalendar.lookInterval, known.hour.end)
            return known
        }
        self.lead = lead
        let calendar = LocalCalendar.calendar(now: now, wall: wall)
        known = calendar
        lookAgain = min(now + LocalCalendar.lookInterval, calendar.hour.end)
        return calendar
    }

    private static func calendar(now: Instant, wall: WallTime) -> CalendarNow {
        var seconds = time_t(wall.seconds)
        var local = tm()
        localtime_r(&seconds, &local)
        let localSeconds = seconds + local.tm_gmtoff
        let intoHour = localSeconds - localSeconds / 3600 * 3600
        var midnight = local
        midnight.tm_hour = 0
        midnight.tm_min = 0
        midnight.tm_sec = 0
        midnight.tm_isdst = -1
        var next = midnight
        next.tm_mday += 1
        func instant(_ time: time_t) -> Instant {
            let since = Int64(time - seconds) * 1_000_000_000 - Int64(wall.nanoseconds % .second)
            return Instant(nanoseconds: UInt64(clamping: Int64(clamping: now.nanoseconds) + since))
        }
        return CalendarNow(
            hour: CalendarSpan(
                key: Int32(truncatingIfNeeded: localSeconds / 3600), start: instant(seconds - intoHour),
                end: instant(seconds - intoHour + 3600)),
            day: CalendarSpan(
                key: Int32(truncatingIfNeeded: localSeconds / 86400), start: instant(mktime(&midnight)),
                end: instant(mktime(&next))))
    }

    /// Makes `zone`, such as Europe/Berlin, the time zone of the whole process.
    package static func setZone(_ zone: String) {
        setenv("TZ", zone, 1)
        tzset()
    }

    /// `2026-11-23 08:15 UTC`: a time as replies and tables show it, rounded up to the minute.
    package static func text(of instant: Instant, now: Instant, wall: WallTime) -> String {
        let ahead = instant.since(now)
        let (nanoseconds, overflow) = wall.nanoseconds.addingReportingOverflow(ahead)
        return text(ofMinute: ((overflow ? wall.nanoseconds : nanoseconds) / .second + 59) / 60)
    }

    /// The same of what has happened: rounded down, so that it is never later than it was.
    package static func text(of event: WallTime) -> String { text(ofMinute: event.seconds / 60) }

    private static func text(ofMinute minute: UInt64) -> String {
        var seconds = time_t(clamping: minute * 60)
        var local = tm()
        localtime_r(&seconds, &local)
        var text = [CChar](repeating: 0, count: 64)
        let length = strftime(&text, text.count, "%Y-%m-%d %H:%M %Z", &local)
        return String(decoding: text.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
