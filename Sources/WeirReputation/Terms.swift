package import WeirBase

/// How far the detector may go with the accounts of a plan.
package enum Mode: String, Sendable, CaseIterable {
    /// Nothing is collected.
    case off
    /// Everything is decided and recorded, and no mail is touched.
    case shadow
    /// Accounts are flagged, and braked; none is suspended.
    case flag
    case suspend
}

/// What a plan and the operator's files say of an account: the detector's measure for it.
package struct Terms: Equatable, Sendable {
    package var mode = Mode.suspend
    /// As many new people a day are nothing that needs a past.
    package var newPeopleADay: Double
    /// Nats for what is known of such accounts beforehand; below zero for vetted senders.
    package var prior: Double = 0
    /// Told by its network, not by a login: an office. Names take the place of networks.
    package var isByNetwork = false
    /// One machine of such an account: see ``ofOneMachine``.
    package fileprivate(set) var isOneMachine = false
    /// When the account was opened; nil: long ago.
    package var opened: Instant?
    package var thresholds = Thresholds()

    package init(newPeopleADay: Double, prior: Double = 0, isByNetwork: Bool = false, opened: Instant? = nil) {
        self.newPeopleADay = newPeopleADay
        self.prior = prior
        self.isByNetwork = isByNetwork
        self.opened = opened
    }

    package static let consumer = Terms(newPeopleADay: 20)
    package static let business = Terms(newPeopleADay: 60)
    package static let bulk = Terms(newPeopleADay: 500, prior: -1.5)
}

extension Terms {
    func isNew(at now: Instant) -> Bool {
        opened.map { Double(now.since($0)) < Score.newAccountDays * Double(UInt64.day) } ?? false
    }

    /// Of the second detector of an account by network: one for each machine behind it, told by its EHLO name.
    ///
    /// Its evidence is an ``AccountEvidence`` of its own, and a verdict of it stops that machine alone.
    package var ofOneMachine: Terms {
        var terms = self
        terms.newPeopleADay = min(newPeopleADay, Self.consumer.newPeopleADay)
        terms.isOneMachine = true
        return terms
    }
}

/// Scores from which something is done, in nats; see ``Score/flags(_:_:)`` for what else it takes.
package struct Thresholds: Equatable, Sendable {
    package var flag = 5.0
    package var suspend = 7.5
    /// What a family must say to be one of the two that a suspension needs.
    package var family = 1.5

    package init() {}
}
