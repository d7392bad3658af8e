package import WeirBase

/// The gateway at a glance.
package struct Status: Codable, Hashable, Sendable {
    package struct Listener: Codable, Hashable, Sendable {
        package var name: String
        package var address: String
        package var tls: String
        package var up: Bool
        package var sessions: Int

        package init(name: String, address: String, tls: String, up: Bool, sessions: Int) {
            self.name = name
            self.address = address
            self.tls = tls
            self.up = up
            self.sessions = sessions
        }
    }

    package struct Relay: Codable, Hashable, Sendable {
        package var name: String
        package var address: String
        package var up: Bool
        package var connections: Int
        package var connectionsMax: Int
        /// What last went wrong with it, nil while all is well.
        package var trouble: String?

        package init(
            name: String, address: String, up: Bool, connections: Int, connectionsMax: Int, trouble: String? = nil
        ) {
            self.name = name
            self.address = address
            self.up = up
            self.connections = connections
            self.connectionsMax = connectionsMax
            self.trouble = trouble
        }
    }

    package struct Ledger: Codable, Hashable, Sendable {
        /// Charges that wait for their commit.
        package var pending: Int
        package var commits: UInt64
        package var sizeBytes: Int64
        package var freeBytes: Int64

        package init(pending: Int, commits: UInt64, sizeBytes: Int64, freeBytes: Int64) {
            self.pending = pending
            self.commits = commits
            self.sizeBytes = sizeBytes
            self.freeBytes = freeBytes
        }
    }

    package struct Accounts: Codable, Hashable, Sendable {
        package var known: Int
        package var tracked: Int
        package var suspended: Int

        package init(known: Int, tracked: Int, suspended: Int) {
            self.known = known
            self.tracked = tracked
            self.suspended = suspended
        }
    }

    /// Since the daemon started.
    package struct Traffic: Codable, Hashable, Sendable {
        package var messagesAccepted: UInt64
        package var recipientsAccepted: UInt64
        package var recipientsDeferred: UInt64
        package var recipientsRefused: UInt64

        package init(
            messagesAccepted: UInt64, recipientsAccepted: UInt64, recipientsDeferred: UInt64,
            recipientsRefused: UInt64
        ) {
            self.messagesAccepted = messagesAccepted
            self.recipientsAccepted = recipientsAccepted
            self.recipientsDeferred = recipientsDeferred
            self.recipientsRefused = recipientsRefused
        }
    }

    package var version: String
    package var hostname: String
    package var startedAt: WallTime
    package var listeners: [Listener]
    package var relays: [Relay]
    package var ledger: Ledger
    package var accounts: Accounts
    package var traffic: Traffic
    /// What needs somebody's attention, one sentence each; none when all is well.
    package var alarms: [String]

    package init(
        version: String, hostname: String, startedAt: WallTime, listeners: [Listener], relays: [Relay],
        ledger: Ledger, accounts: Accounts, traffic: Traffic, alarms: [String]
    ) {
        self.version = version
        self.hostname = hostname
        self.startedAt = startedAt
        self.listeners = listeners
        self.relays = relays
        self.ledger = ledger
        self.accounts = accounts
        self.traffic = traffic
        self.alarms = alarms
    }
}

/// Whether the gateway can do its work, and what keeps it from that.
package struct Readiness: Codable, Hashable, Sendable {
    package var reasons: [String]
    package var ready: Bool { reasons.isEmpty }

    package init(reasons: [String] = []) { self.reasons = reasons }
}

/// How much of one limit is used.
package struct LimitUsage: Codable, Hashable, Sendable {
    package struct Override: Codable, Hashable, Sendable {
        /// Nil: until it is taken back.
        package var until: WallTime?
        package var why: String

        package init(until: WallTime?, why: String) {
            self.until = until
            self.why = why
        }
    }

    /// Such as `recipients-per-day`.
    package var name: String
    /// As a person writes it: `1000 recipients per day`.
    package var text: String
    /// `account`, `customer` or `gateway`.
    package var scope: String
    package var used: Int64
    /// In open transactions; counts, but may be given back.
    package var reserved: Int64
    package var allowed: Int64
    /// When there is more room than now; nil when nothing is used.
    package var freesAt: WallTime?
    package var override: Override?

    package init(
        name: String, text: String, scope: String, used: Int64, reserved: Int64, allowed: Int64,
        freesAt: WallTime? = nil, override: Override? = nil
    ) {
        self.name = name
        self.text = text
        self.scope = scope
        self.used = used
        self.reserved = reserved
        self.allowed = allowed
        self.freesAt = freesAt
        self.override = override
    }
}

package enum AccountState: String, Codable, CaseIterable, Sendable {
    case normal, flagged, suspended, probation
}

/// One account, with every limit that holds it.
package struct Account: Codable, Hashable, Sendable {
    package var login: String
    package var plan: String
    package var customer: String?
    package var state: AccountState
    package var stateReason: String?
    package var networks: [String]
    /// The range of `networks:` that makes it the account of the network it is named after; nil: none does.
    package var range: String?
    package var hasPassword: Bool
    package var tokens: Int
    package var mail: String?
    /// That are remembered: of some four hundred days.
    package var complaints: Int
    /// The EHLO names of machines behind it that may send nothing.
    package var stoppedMachines: [String]
    package var limits: [LimitUsage]

    package init(
        login: String, plan: String, customer: String? = nil, state: AccountState = .normal,
        stateReason: String? = nil, networks: [String] = [], range: String? = nil, hasPassword: Bool = false,
        tokens: Int = 0,
        mail: String? = nil, complaints: Int = 0, stoppedMachines: [String] = [], limits: [LimitUsage] = []
    ) {
        self.login = login
        self.plan = plan
        self.customer = customer
        self.state = state
        self.stateReason = stateReason
        self.networks = networks
        self.range = range
        self.hasPassword = hasPassword
        self.tokens = tokens
        self.mail = mail
        self.complaints = complaints
        self.stoppedMachines = stoppedMachines
        self.limits = limits
    }

    /// Whether a session can be its, by a login or by a source address.
    package var canSend: Bool { hasPassword || tokens > 0 || !networks.isEmpty || range != nil }
}

/// One account in a list.
package struct AccountSummary: Codable, Hashable, Sendable {
    package var login: String
    package var plan: String
    package var customer: String?
    package var state: AccountState
    /// Of its most used limit.
    package var usedPercent: Int

    package init(login: String, plan: String, customer: String?, state: AccountState, usedPercent: Int) {
        self.login = login
        self.plan = plan
        self.customer = customer
        self.state = state
        self.usedPercent = usedPercent
    }
}

/// One page of accounts, by login.
package struct AccountList: Codable, Hashable, Sendable {
    package var accounts: [AccountSummary]
    /// What to ask for the next page with; nil at the end.
    package var next: String?

    package init(accounts: [AccountSummary], next: String?) {
        self.accounts = accounts
        self.next = next
    }
}

/// How much of each limit an account has used.
package struct Usage: Codable, Hashable, Sendable {
    package var login: String
    package var limits: [LimitUsage]

    package init(login: String, limits: [LimitUsage]) {
        self.login = login
        self.limits = limits
    }
}

/// An application password, shown this once.
package struct IssuedToken: Codable, Hashable, Sendable {
    package var login: String
    package var token: String

    package init(login: String, token: String) {
        self.login = login
        self.token = token
    }
}

/// What an import did, or would do.
package struct ImportReport: Codable, Hashable, Sendable {
    package var dryRun: Bool
    package var added: Int
    package var changed: Int
    package var unchanged: Int

    package init(dryRun: Bool, added: Int, changed: Int, unchanged: Int) {
        self.dryRun = dryRun
        self.added = added
        self.changed = changed
        self.unchanged = unchanged
    }
}

/// What a reload changed, one line each; nothing when nothing differs.
package struct ReloadReport: Codable, Hashable, Sendable {
    package var changes: [String]

    package init(changes: [String]) { self.changes = changes }
}
