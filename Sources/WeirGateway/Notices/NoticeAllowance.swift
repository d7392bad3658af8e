package import WeirBase
import WeirConfiguration

/// How many notices go to each account's owner, and to the desk.
package struct NoticeAllowance {
    /// Notices to the desk in an hour about what is no suspension.
    package static let deskPerHour = 60
    /// Accounts that are remembered at most; beyond it all are forgotten, and may be told again.
    package static let accountsMax = 50_000

    private struct Span {
        var since: Instant
        var count: Int
    }

    private var accounts: [String: Span] = [:]
    private var desk: Span?

    package init() {}

    /// Whether a notice may go, which is then counted. What has happened once, and what somebody waits for, always may.
    package mutating func admit(_ notice: Notice, perAccount: Int, now: Instant) -> Bool {
        switch (notice.channel, notice.event.kind) {
        case (.webhook, _), (.mail, .suspended), (.mail, .released): return true
        case (.mail(.desk), _):
            return NoticeAllowance.count(&desk, atMost: NoticeAllowance.deskPerHour, in: .hour, now: now)
        case (.mail(.subscriber), _):
            if accounts.count >= NoticeAllowance.accountsMax { accounts = [:] }
            return NoticeAllowance.count(&accounts[notice.event.account], atMost: perAccount, in: .day, now: now)
        }
    }

    private static func count(_ span: inout Span?, atMost most: Int, in length: UInt64, now: Instant) -> Bool {
        guard let present = span, now.since(present.since) < length else {
            span = Span(since: now, count: 1)
            return most > 0
        }
        span?.count += 1
        return present.count < most
    }
}
