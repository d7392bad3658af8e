package import WeirBase

/// What an account may do at all.
package enum AccountState: String, CaseIterable, Sendable {
    case normal, flagged, suspended, probation
}

/// One account with all that belongs to it. Times are kept to the second.
package struct AccountRecord: Hashable, Sendable {
    /// A limit of the account's own, in place of the plan's limit of the same name.
    package struct Override: Hashable, Sendable {
        /// The limit's name, as in `recipients-per-day`.
        package var name: String
        /// The limit as a person writes it.
        package var limit: String
        /// When it ends; nil for never. An override that has ended is still here.
        package var until: WallTime?
        package var reason: String

        package init(name: String, limit: String, until: WallTime?, reason: String) {
            self.name = name
            self.limit = limit
            self.until = until
            self.reason = reason
        }
    }

    /// The spelling that it is found under.
    package var key: String
    /// The login as it was given.
    package var login: String
    package var plan: String
    package var customer: String?
    package var state: AccountState
    package var stateReason: String?
    package var stateSince: WallTime
    /// Where its owner reads mail about it.
    package var mail: String?
    /// As libcrypt writes it.
    package var passwordHash: String?
    /// When its owner became a customer; nil: long before it was made here, or nobody knows.
    package var opened: WallTime?
    package var networks: [IPNetwork] = []
    /// SHA-256 of each application password.
    package var tokens: [[UInt8]] = []
    package var overrides: [Override] = []

    package init(
        key: String, login: String, plan: String, customer: String? = nil, state: AccountState = .normal,
        stateReason: String? = nil, stateSince: WallTime, mail: String? = nil, passwordHash: String? = nil,
        opened: WallTime? = nil
    ) {
        self.key = key
        self.login = login
        self.plan = plan
        self.customer = customer
        self.state = state
        self.stateReason = stateReason
        self.stateSince = stateSince
        self.mail = mail
        self.passwordHash = passwordHash
        self.opened = opened
    }
}

extension AccountRecord {
    /// The network that the account is named after, if any: where a rule of `networks:` makes that network an account, it is this one.
    package var namesake: IPNetwork? {
        guard let network = try? IPNetwork(parsing: key), network.description == key else { return nil }
        return network
    }
}

/// What a new account begins with.
package struct NewAccount: Hashable, Sendable {
    package var login: String
    package var plan: String
    package var customer: String?
    package var mail: String?
    package var passwordHash: String?
    package var networks: [IPNetwork]
    /// Whether its owner was a customer before, and only the account is new here.
    package var isMoved: Bool

    package init(
        login: String, plan: String, customer: String? = nil, mail: String? = nil, passwordHash: String? = nil,
        networks: [IPNetwork] = [], isMoved: Bool = false
    ) {
        self.login = login
        self.plan = plan
        self.customer = customer
        self.mail = mail
        self.passwordHash = passwordHash
        self.networks = networks
        self.isMoved = isMoved
    }
}

/// What an account is changed to; what is nil stays, and an empty text clears.
package struct AccountChanges: Hashable, Sendable {
    package var plan: String?
    package var customer: String?
    package var mail: String?
    package var passwordHash: String?
    package var addedNetworks: [IPNetwork]
    package var removedNetworks: [IPNetwork]

    package init(
        plan: String? = nil, customer: String? = nil, mail: String? = nil, passwordHash: String? = nil,
        addedNetworks: [IPNetwork] = [], removedNetworks: [IPNetwork] = []
    ) {
        self.plan = plan
        self.customer = customer
        self.mail = mail
        self.passwordHash = passwordHash
        self.addedNetworks = addedNetworks
        self.removedNetworks = removedNetworks
    }
}

/// Who changes something, when and why: goes into the audit row of the same commit.
package struct Author: Hashable, Sendable {
    package var name: String
    package var at: WallTime
    package var reason: String?

    package init(_ name: String, at: WallTime, reason: String? = nil) {
        self.name = name
        self.at = at
        self.reason = reason
    }
}

/// One change, as it is kept for ever.
package struct AuditRow: Hashable, Sendable {
    package var sequence: Int64
    package var at: WallTime
    package var actor: String
    /// What was done, as in `account.set.plan`.
    package var action: String
    /// The account's key.
    package var target: String
    package var old: String?
    package var new: String?
    package var reason: String?
}

/// Which accounts are listed; what is nil does not matter.
package struct AccountFilter: Hashable, Sendable {
    package var state: AccountState?
    package var plan: String?
    package var customer: String?
    /// What the key begins with.
    package var prefix: String

    package init(state: AccountState? = nil, plan: String? = nil, customer: String? = nil, prefix: String = "") {
        self.state = state
        self.plan = plan
        self.customer = customer
        self.prefix = prefix
    }
}

/// Some accounts in the order of their keys.
package struct AccountPage: Hashable, Sendable {
    package var accounts: [AccountRecord]
    /// The cursor of the next page, nil at the end.
    package var next: String?
}

/// How many accounts have a plan and a state.
package struct AccountCount: Hashable, Sendable {
    package var plan: String
    package var state: AccountState
    package var count: Int
}

/// One line of an import; what is nil stays as it is in an account that exists.
package struct ImportedAccount: Hashable, Sendable {
    /// The line's number in the file, for complaints.
    package var line: Int
    package var login: String
    package var plan: String
    package var customer: String?
    package var mail: String?
    package var passwordHash: String?
    /// SHA-256 of an application password.
    package var token: [UInt8]?
    /// All networks of the account: those it has beyond them are taken away.
    package var networks: [IPNetwork]?

    package init(
        line: Int, login: String, plan: String, customer: String? = nil, mail: String? = nil,
        passwordHash: String? = nil, token: [UInt8]? = nil, networks: [IPNetwork]? = nil
    ) {
        self.line = line
        self.login = login
        self.plan = plan
        self.customer = customer
        self.mail = mail
        self.passwordHash = passwordHash
        self.token = token
        self.networks = networks
    }
}

/// What an import did, or would do.
package struct ImportReport: Hashable, Sendable {
    package struct Problem: Hashable, Sendable {
        package var line: Int
        package var refusal: StoreError.Refusal

        package init(line: Int, refusal: StoreError.Refusal) {
            self.line = line
            self.refusal = refusal
        }
    }

    package var added = 0
    package var changed = 0
    package var unchanged = 0
    /// Any at all, and nothing was done.
    package var problems: [Problem] = []

    package init() {}
}
