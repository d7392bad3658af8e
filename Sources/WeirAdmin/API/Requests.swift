package import WeirBase

/// Whoever asks for a change, as the audit names them: `root`, `uid 1000`, `token billing`.
package struct Actor: Hashable, Sendable {
    package var name: String

    package init(name: String) { self.name = name }
}

/// Which accounts to list.
package struct AccountQuery: Hashable, Sendable {
    package static let pageMax = 1_000

    package var state: AccountState?
    package var plan: String?
    /// Only accounts with a limit used to at least so many percent.
    package var overPercent: Int?
    /// At most so many a page, up to ``pageMax``.
    package var limit: Int
    /// The last page's ``AccountList/next``.
    package var cursor: String?

    package init(
        state: AccountState? = nil, plan: String? = nil, overPercent: Int? = nil, limit: Int = 100,
        cursor: String? = nil
    ) {
        self.state = state
        self.plan = plan
        self.overPercent = overPercent
        self.limit = limit
        self.cursor = cursor
    }
}

/// A whole account, as it shall be.
package struct AccountDefinition: Hashable, Sendable {
    package var plan: String
    package var customer: String?
    /// In clear, to be hashed; nil for no login.
    package var password: String?
    package var networks: [String]
    package var mail: String?

    package init(
        plan: String, customer: String? = nil, password: String? = nil, networks: [String] = [], mail: String? = nil
    ) {
        self.plan = plan
        self.customer = customer
        self.password = password
        self.networks = networks
        self.mail = mail
    }
}

/// What becomes of a field that may be empty.
package enum FieldChange: Hashable, Sendable {
    case keep, clear
    case set(String)

    /// What it is set to.
    var value: String? { if case .set(let text) = self { text } else { nil } }
}

/// What shall differ about an account; what is not named stays.
package struct AccountChange: Hashable, Sendable {
    package var plan: String?
    package var customer: FieldChange
    package var password: FieldChange
    package var mail: FieldChange
    package var addNetworks: [String]
    package var removeNetworks: [String]

    package init(
        plan: String? = nil, customer: FieldChange = .keep, password: FieldChange = .keep, mail: FieldChange = .keep,
        addNetworks: [String] = [], removeNetworks: [String] = []
    ) {
        self.plan = plan
        self.customer = customer
        self.password = password
        self.mail = mail
        self.addNetworks = addNetworks
        self.removeNetworks = removeNetworks
    }
}

/// A limit of an account's own instead of its plan's of the same name.
package struct LimitOverride: Hashable, Sendable {
    /// As in a plan: `5000 recipients per day`.
    package var text: String
    /// Nil: until it is taken back.
    package var until: WallTime?
    package var why: String

    package init(text: String, until: WallTime? = nil, why: String) {
        self.text = text
        self.until = until
        self.why = why
    }
}
