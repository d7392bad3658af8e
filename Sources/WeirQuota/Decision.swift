package import WeirBase

/// Someone who is counted, and the limits that hold for it now.
package struct Party: Hashable, Sendable {
    package var subject: SubjectID
    package var limits: LimitSet

    package init(_ subject: SubjectID, limits: LimitSet = .none) {
        self.subject = subject
        self.limits = limits
    }
}

/// All against whom one message is counted: each of them, or none.
package struct Parties: Hashable, Sendable {
    package var account: Party
    package var customer: Party?
    package var gateway: Party

    package init(account: Party, customer: Party? = nil, gateway: LimitSet = .none) {
        self.account = account
        self.customer = customer
        self.gateway = Party(.gateway, limits: gateway)
    }

    package var subjects: Subjects { Subjects(account: account.subject, customer: customer?.subject) }

    /// Whether an hour's or a day's octets are bounded for anyone of them.
    package func boundsOctets(at now: Instant) -> Bool {
        account.limits.boundsOctets(at: now) || gateway.limits.boundsOctets(at: now)
            || customer?.limits.boundsOctets(at: now) == true
    }

    subscript(scope: Scope) -> Party? {
        switch scope {
        case .account: account
        case .customer: customer
        case .gateway: gateway
        }
    }
}

/// Who is counted, without their limits; the gateway always is.
package struct Subjects: Hashable, Sendable {
    package let account: SubjectID
    package let customer: SubjectID?

    package init(account: SubjectID, customer: SubjectID? = nil) {
        self.account = account
        self.customer = customer
    }

    subscript(scope: Scope) -> SubjectID? {
        switch scope {
        case .account: account
        case .customer: customer
        case .gateway: .gateway
        }
    }
}

/// Whether something may pass.
package enum Decision: Hashable, Sendable {
    /// It is counted; the crossings are to be reported.
    case admitted([Crossing])
    /// Nothing is counted.
    case refused(Refusal)
}

/// A limit that was reached, or a part of it at which a warning is due; told once a window.
package struct Crossing: Hashable, Sendable {
    package var limit: Limit
    package var scope: Scope
    /// The percentage that was reached; nil where a limit that only observes was passed.
    package var percent: Int?
    /// What is used now, reservations included.
    package var used: Int64
    package var allowed: Int64

    package init(limit: Limit, scope: Scope, percent: Int? = nil, used: Int64, allowed: Int64) {
        self.limit = limit
        self.scope = scope
        self.percent = percent
        self.used = used
        self.allowed = allowed
    }
}

/// Which limit stands in the way, and for how long.
package struct Refusal: Hashable, Sendable {
    /// Of several the one that refuses for good, else the one that does so longest.
    package var limit: Limit
    package var scope: Scope
    /// What was used before, reservations included; within a message, what it already has.
    package var used: Int64
    package var allowed: Int64
    /// When all limits that refuse have room again, if what is reserved were charged now; nil where time does not tell.
    package var freesAt: Instant?
    /// That of the strictest of the limits that refuse.
    package var excess: Limit.Excess
    /// No time cures it: the message alone is beyond the limit.
    package var canNeverFit: Bool

    package init(
        limit: Limit, scope: Scope, used: Int64, allowed: Int64, freesAt: Instant?, excess: Limit.Excess,
        canNeverFit: Bool
    ) {
        self.limit = limit
        self.scope = scope
        self.used = used
        self.allowed = allowed
        self.freesAt = freesAt
        self.excess = excess
        self.canNeverFit = canNeverFit
    }

    /// Joins two refusals of one decision.
    mutating func join(_ other: Refusal) {
        let latest = max(freesAt ?? Refusal.unknown, other.freesAt ?? Refusal.unknown)
        if other.weight > weight { self = other }
        freesAt = latest == Refusal.unknown ? nil : latest
    }

    private static let unknown = Instant(nanoseconds: 0)

    private var weight: (Int, Instant) {
        (canNeverFit ? 2 : excess == .rejection ? 1 : 0, freesAt ?? Refusal.unknown)
    }
}

/// One limit as a person wants to see it.
package struct LimitUsage: Hashable, Sendable {
    package var limit: Limit
    package var scope: Scope
    /// What is charged; for connections, those that are open.
    package var used: Int64
    /// What messages on their way may still add.
    package var reserved: Int64
    package var allowed: Int64
    /// When there is room for one more, if there is none now.
    package var freesAt: Instant?

    package init(
        limit: Limit, scope: Scope, used: Int64, reserved: Int64, allowed: Int64, freesAt: Instant? = nil
    ) {
        self.limit = limit
        self.scope = scope
        self.used = used
        self.reserved = reserved
        self.allowed = allowed
        self.freesAt = freesAt
    }
}

/// What one message on its way holds of every limit: counted in all windows, filed under no slot yet.
///
/// One serves any number of messages, one after the other: a commit, or the release of all, empties it.
package struct Reservation: ~Copyable, Sendable {
    package internal(set) var held = Amount.zero
    /// Pinned while anything is held: what is given back goes where it was taken.
    package internal(set) var subjects: Subjects?

    package init() {}
}

/// A message that was sent, as the counts have it: what a refund can still take out.
package struct Charge: Hashable, Sendable {
    package let slot: Slot
    package let subjects: Subjects
    package internal(set) var amount: Amount
    /// The editions of the subjects' tallies; a reset makes a new one.
    let editions: Editions

    struct Editions: Hashable, Sendable {
        var account: UInt32 = 0
        var customer: UInt32 = 0
        var gateway: UInt32 = 0

        subscript(scope: Scope) -> UInt32 {
            get {
                switch scope {
                case .account: account
                case .customer: customer
                case .gateway: gateway
                }
            }
            set {
                switch scope {
                case .account: account = newValue
                case .customer: customer = newValue
                case .gateway: gateway = newValue
                }
            }
        }
    }
}

/// What a refund took out.
package struct Refund: Hashable, Sendable {
    /// What the charge still had of it: the journal subtracts it from all whom the charge counted against.
    package var amount: Amount
    /// Those whose counts it left alone, for a reset had forgiven the charge before: the journal adds it again for each
    /// of them, in a row of kind ``JournalRow/Kind/reset``.
    package var forgiven: [SubjectID] = []
}
