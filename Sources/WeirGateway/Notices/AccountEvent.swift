package import WeirBase
package import WeirConfiguration
import WeirQuota
package import WeirStore

/// Something that happened to an account and that somebody is told of: its owner, the desk, another program.
package struct AccountEvent: Equatable, Sendable {
    /// How near an account came to a limit.
    package struct Warning: Equatable, Sendable {
        /// As it is written: `1000 recipients per day`.
        package var limit: String
        /// `hour` or `day`.
        package var window: String
        package var percent: Int
        /// In the limit's own unit, reservations included.
        package var used: Int64
        package var allowed: Int64

        package init(limit: String, window: String, percent: Int, used: Int64, allowed: Int64) {
            (self.limit, self.window, self.percent) = (limit, window, percent)
            (self.used, self.allowed) = (used, allowed)
        }
    }

    /// `evt_` and 16 hexadecimal digits; no two events share it.
    package var id: String
    package var at: WallTime
    /// The canonical login.
    package var account: String
    package var kind: EventKind
    /// With ``EventKind/machineStopped`` alone: the name that it gives with EHLO.
    package var machine: String?
    /// With ``EventKind/warned`` alone.
    package var warning: Warning?
    /// Who did it: an administrator, or `weir`.
    package var author: String
    package var reason: String?

    package init(
        _ kind: EventKind, of account: String, machine: String? = nil, at: WallTime, by author: String = "weir",
        reason: String? = nil, warning: Warning? = nil, random: UInt64
    ) {
        let digits = String(random, radix: 16)
        id = "evt_" + String(repeating: "0", count: 16 - digits.count) + digits
        (self.at, self.account, self.kind, self.warning) = (at, account, kind, warning)
        (self.machine, self.author, self.reason) = (machine, author, reason)
    }

    /// What the owner of the account has to know of a crossing; nil for what is told to nobody: a limit of one message, one that only
    /// observes, and one of the customer or the gateway.
    init?(_ crossing: Crossing, of account: String, at: WallTime, random: UInt64) {
        guard let percent = crossing.percent, crossing.scope == .account,
            crossing.limit.window == .hour || crossing.limit.window == .day
        else { return nil }
        let warning = Warning(
            limit: crossing.limit.description, window: crossing.limit.window.rawValue, percent: percent,
            used: crossing.used, allowed: crossing.allowed)
        self.init(.warned, of: account, at: at, warning: warning, random: random)
    }

    init?(_ stored: StoredNotice) {
        guard let kind = EventKind(rawValue: stored.kind) else { return nil }
        (id, at, account, self.kind) = (stored.event, stored.at, stored.account, kind)
        (machine, author, reason) = (stored.machine, stored.author, stored.reason)
    }

    /// Whether it is told also after a restart. A warning is not: it is stale by then.
    var isKept: Bool { warning == nil }
}

/// An event on its way to somebody.
package struct Notice: Equatable, Sendable {
    /// Whom it goes to.
    package enum Channel: Hashable, Sendable, CustomStringConvertible {
        case mail(NoticeName.Audience)
        case webhook(String)

        /// As it is kept: `subscriber`, `desk`, or the URL.
        package var description: String {
            switch self {
            case .mail(let audience): audience.rawValue
            case .webhook(let url): url
            }
        }

        init(_ text: String) { self = NoticeName.Audience(rawValue: text).map { .mail($0) } ?? .webhook(text) }
    }

    package var event: AccountEvent
    package var channel: Channel

    package init(event: AccountEvent, channel: Channel) {
        self.event = event
        self.channel = channel
    }

    /// As the store keeps it; nil for what does not outlive a restart.
    package var stored: StoredNotice? {
        guard event.isKept else { return nil }
        return StoredNotice(
            event: event.id, at: event.at, account: event.account, kind: event.kind.rawValue, author: event.author,
            reason: event.reason, channel: channel.description, machine: event.machine)
    }
}
