/// One thing that the detector is told of an account: evidence is made of nothing else.
package enum Observation: Equatable, Sendable {
    /// A message has come to its end, and is not released yet.
    case message(MessageFacts)
    /// What became of a message, after what was found of it before.
    case outcome(Outcome, of: MessageFacts, after: MessageFindings)
    case failedLogin
    /// A limit of the plan refused something.
    case capReached
    /// Somebody complained of the message with this id.
    case complaint(of: UInt64)
    /// A suspension or a flag is ended.
    case release
}

/// What was found of a message before it was released.
package struct MessageFindings: Equatable, Sendable {
    /// Nil: the account was not told of it.
    package var account: Findings.OfMessage?
    /// Nil: its machine was not told apart.
    package var machine: Findings.OfMessage?

    package init(account: Findings.OfMessage?, machine: Findings.OfMessage? = nil) {
        self.account = account
        self.machine = machine
    }
}
