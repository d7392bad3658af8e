package import WeirBase

/// A message by its id, which has its time in it.
package struct MessageReference: Codable, Hashable, Sendable {
    package var id: String
    package var time: WallTime

    package init(id: String, time: WallTime) {
        self.id = id
        self.time = time
    }
}

/// What the detector decided of an account, with all that it was decided from.
package struct VerdictReport: Codable, Hashable, Sendable {
    package var time: WallTime
    /// The EHLO name of the machine behind the account that is meant; nil: the account itself is.
    package var machine: String?
    /// The plan's mode then; in `shadow` no mail was touched.
    package var mode: String
    package var old: AccountState
    package var new: AccountState
    /// Whether its last message was stopped before a relay had it, as far as the mode lets it.
    package var beforeRelease: Bool
    /// In nats: the sum, and the threshold that it came to.
    package var score: Double
    package var threshold: Double?
    package var thresholds: [String: Double]
    /// The parts of the sum, by family; `prior` is what was known beforehand.
    package var families: [String: Double]
    /// Every number that was counted, by the names of the replay's records.
    package var findings: [String: Double]
    /// The facts in words, the weightiest family first.
    package var sentences: [String]
    /// The families without any one of which the score had stayed below the threshold.
    package var acquittals: [String]
    /// Those that gave reason, the last one last.
    package var messages: [MessageReference]

    package init(
        time: WallTime, machine: String? = nil, mode: String, old: AccountState, new: AccountState,
        beforeRelease: Bool, score: Double, threshold: Double?, thresholds: [String: Double],
        families: [String: Double], findings: [String: Double], sentences: [String], acquittals: [String],
        messages: [MessageReference]
    ) {
        self.time = time
        self.machine = machine
        self.mode = mode
        self.old = old
        self.new = new
        self.beforeRelease = beforeRelease
        self.score = score
        self.threshold = threshold
        self.thresholds = thresholds
        self.families = families
        self.findings = findings
        self.sentences = sentences
        self.acquittals = acquittals
        self.messages = messages
    }
}

/// Where an account stands, and why.
package struct AccountReasons: Codable, Hashable, Sendable {
    package var login: String
    package var plan: String
    /// The plan's mode of the detector now.
    package var detector: String
    package var state: AccountState
    package var since: WallTime
    /// Who moved it there; nil: it was always there.
    package var by: String?
    package var reason: String?
    /// The latest, for an account that is not normal the latest on itself; nil: there is none.
    package var verdict: VerdictReport?
    /// The EHLO names of machines behind it that may send nothing, ascending.
    package var stoppedMachines: [String]

    package init(
        login: String, plan: String, detector: String, state: AccountState, since: WallTime, by: String? = nil,
        reason: String? = nil, verdict: VerdictReport? = nil, stoppedMachines: [String] = []
    ) {
        self.login = login
        self.plan = plan
        self.detector = detector
        self.state = state
        self.since = since
        self.by = by
        self.reason = reason
        self.verdict = verdict
        self.stoppedMachines = stoppedMachines
    }
}

/// One thing that happened to an account: a change that somebody made, or a verdict.
package struct HistoryEvent: Codable, Hashable, Sendable {
    package var time: WallTime
    package var actor: String
    /// As in the audit: `account.state`, `account.limit` …; `verdict` for a verdict.
    package var action: String
    package var old: String?
    package var new: String?
    package var reason: String?
    package var verdict: VerdictReport?

    package init(
        time: WallTime, actor: String, action: String, old: String? = nil, new: String? = nil, reason: String? = nil,
        verdict: VerdictReport? = nil
    ) {
        self.time = time
        self.actor = actor
        self.action = action
        self.old = old
        self.new = new
        self.reason = reason
        self.verdict = verdict
    }
}

/// One page of what happened to an account, the latest first.
package struct AccountHistory: Codable, Hashable, Sendable {
    package var login: String
    package var events: [HistoryEvent]
    /// What to ask for the next page with; nil at the end.
    package var next: String?

    package init(login: String, events: [HistoryEvent], next: String? = nil) {
        self.login = login
        self.events = events
        self.next = next
    }
}

/// What came of one message, or of a transaction that never came to one.
package struct MessageReport: Codable, Hashable, Sendable {
    package var id: String
    package var time: WallTime
    package var account: String
    /// As on its line in the log; `open` while it goes on, or when the gateway stopped meanwhile.
    package var result: String
    /// Of the last recipient that was refused.
    package var refusal: String?
    /// Of the reply to its content, or where no recipient was taken to the last one; and of the relay's to its content.
    package var code: Int?
    package var relayCode: Int?
    package var recipientsAccepted: Int
    package var recipientsRefused: Int
    package var octets: UInt64
    package var seconds: Double?
    /// The last limit that refused, the relay that was asked last, the client's address.
    package var limit: String?
    package var relay: String?
    package var source: String?
    /// The account's now; nil: it was removed.
    package var state: AccountState?
    /// The one that names this message among its reasons.
    package var verdict: VerdictReport?

    package init(
        id: String, time: WallTime, account: String, result: String, refusal: String? = nil, code: Int? = nil,
        relayCode: Int? = nil, recipientsAccepted: Int = 0, recipientsRefused: Int = 0, octets: UInt64 = 0,
        seconds: Double? = nil, limit: String? = nil, relay: String? = nil, source: String? = nil,
        state: AccountState? = nil, verdict: VerdictReport? = nil
    ) {
        self.id = id
        self.time = time
        self.account = account
        self.result = result
        self.refusal = refusal
        self.code = code
        self.relayCode = relayCode
        self.recipientsAccepted = recipientsAccepted
        self.recipientsRefused = recipientsRefused
        self.octets = octets
        self.seconds = seconds
        self.limit = limit
        self.relay = relay
        self.source = source
        self.state = state
        self.verdict = verdict
    }
}

/// What thresholds would have meant, from the scores that were stored.
package struct CalibrationReport: Codable, Hashable, Sendable {
    package struct Point: Codable, Hashable, Sendable {
        package var threshold: Double
        package var flagsAWeek: Double
        package var suspensionsAWeek: Double
        /// Account-days that would have suspended: of those that thresholds are chosen on, and of the others.
        package var reached: Int
        package var verified: Int
        /// The chance of one more is at most this.
        package var bound: Double

        package init(
            threshold: Double, flagsAWeek: Double, suspensionsAWeek: Double, reached: Int, verified: Int, bound: Double
        ) {
            self.threshold = threshold
            self.flagsAWeek = flagsAWeek
            self.suspensionsAWeek = suspensionsAWeek
            self.reached = reached
            self.verified = verified
            self.bound = bound
        }
    }

    /// Nil: of all plans.
    package var plan: String?
    package var days: Int
    package var accounts: Int
    /// Account-days that thresholds are chosen on, and that they are verified on.
    package var chosenOn: Int
    package var verifiedOn: Int
    /// Accounts left out: an administrator suspended them, or confirmed it.
    package var excluded: Int
    /// The thresholds in force.
    package var flag: Double
    package var suspend: Double
    /// The lowest threshold by which at most `share` of account-days suspends; nil: there is too little to say so.
    package var suggested: Double?
    package var share: Double
    /// Account-days of the first half that it takes to say so.
    package var needed: Int
    package var points: [Point]

    package init(
        plan: String?, days: Int, accounts: Int, chosenOn: Int, verifiedOn: Int, excluded: Int, flag: Double,
        suspend: Double, suggested: Double?, share: Double, needed: Int, points: [Point]
    ) {
        self.plan = plan
        self.days = days
        self.accounts = accounts
        self.chosenOn = chosenOn
        self.verifiedOn = verifiedOn
        self.excluded = excluded
        self.flag = flag
        self.suspend = suspend
        self.suggested = suggested
        self.share = share
        self.needed = needed
        self.points = points
    }
}
