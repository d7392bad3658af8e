package import WeirBase

/// What an account may do.
package enum Standing: Equatable, Sendable {
    /// Left when the score comes to a threshold.
    case normal
    /// Few new people an hour. Left by calm, by ``AccountEvidence/release(terms:at:incidentOfMachines:)``, or by suspension.
    case flagged(since: Instant)
    /// Nothing is sent. Left by ``AccountEvidence/release(terms:at:incidentOfMachines:)`` alone; where the mode
    /// is not to suspend, by a day. One of shadow ends, as all of shadow does, with the first observation in another mode.
    case suspended(since: Instant)
    /// As normal, but a second suspension needs a person to end it. Left by its end, by a flag or by suspension.
    case probation(until: Instant)

    /// How long a second suspension counts as one.
    static let probation = 7 * UInt64.day
    /// How long a suspension lasts that stopped nobody.
    static let shadowed = UInt64.day
    /// How long content and delivery must be calm before a flag ends.
    static let calm = UInt64.day
    /// What calm is, in nats.
    static let calmScore = 2.0
    /// New people that a flagged account may write to in an hour.
    package static let newPeopleAnHour = 10

    package var isFlagged: Bool { if case .flagged = self { true } else { false } }
    package var isSuspended: Bool { if case .suspended = self { true } else { false } }

    /// Since when it is flagged or suspended; nil: it is neither.
    var restrainedSince: Instant? {
        switch self {
        case .flagged(let since), .suspended(let since): since
        case .normal, .probation: nil
        }
    }
}
