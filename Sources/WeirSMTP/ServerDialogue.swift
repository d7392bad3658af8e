/// The server side of one dialogue: no sockets, clocks, or tasks.
///
/// The driver feeds commands, carries out the actions in order, and settles each recipient with the code of its
/// answer, our refusal or the relay's reply. Before any command that ``mustWait(for:)`` names it has settled those
/// that are outstanding. An action that closes is the last.
///
/// Source: RFC 5321, sections 4.1.4 and 4.3.2; RFC 2920; RFC 3207, section 4.2; RFC 4954, section 4.
package struct ServerDialogue: ~Copyable {
    /// Bad commands on end before a HELO or EHLO: who does that is no mail client (a browser made to speak to us).
    package static let errorsBeforeGreetingMax = 3
    /// Bad commands on end.
    package static let errorsMax = 10
    /// Permanent refusals of recipients since the session began or a message of it was delivered.
    package static let refusalsMax = 20
    /// Failed authentications in a session.
    package static let failuresMax = 5

    /// What the listener wants and has.
    package struct Policy: Equatable, Sendable {
        /// MAIL needs an authentication before it.
        package var requiresAuthentication: Bool
        /// The listener knows accounts by login.
        package var offersAuthentication: Bool
        /// There is a certificate, and the listener says STARTTLS.
        package var offersTLS: Bool
        /// AUTH is taken in the clear too: on loopback.
        package var allowsPlaintextAuthentication: Bool

        package init(
            requiresAuthentication: Bool, offersAuthentication: Bool, offersTLS: Bool,
            allowsPlaintextAuthentication: Bool = false
        ) {
            self.requiresAuthentication = requiresAuthentication
            self.offersAuthentication = offersAuthentication
            self.offersTLS = offersTLS
            self.allowsPlaintextAuthentication = allowsPlaintextAuthentication
        }
    }

    /// What the driver does next.
    package enum Action: Equatable, Sendable {
        /// Nothing else is to be done.
        case reply(Reply)
        /// Reply with ``Reply/hello(hostname:offers:)``. An envelope there was is gone.
        case greet(name: Range<Int>, isExtended: Bool)
        /// Reply 220; refuse octets already behind it; then handshake, and ``secure()``.
        case startTLS
        /// Run a ``SASLExchange`` and settle it with ``settleAuthentication(succeeded:)``.
        case authenticate(SASLMechanism, initialResponse: Range<Int>?)
        /// An envelope is begun: reply ``Reply/senderOk``, or a refusal after ``dropEnvelope()``.
        case beginEnvelope(MailParameters)
        /// Reserve it, send it on if that succeeds, and ``settle(code:)`` its answer.
        case admitRecipient(RecipientParameters)
        /// Settle what is outstanding, then ask ``beginData()``, or refuse it and leave the envelope as it is.
        case data
        /// Reply ``Reply/ok``. An envelope there was is gone.
        case reset
        /// Reply so, and close.
        case close(Reply)
    }

    private enum State {
        /// Greeted by us alone. Left by HELO and EHLO.
        case connected
        /// Left by MAIL, AUTH, and STARTTLS.
        case idle
        /// Left by ``settleAuthentication(succeeded:)``.
        case authenticating
        /// Left by RSET, HELO, EHLO, ``dropEnvelope()``, and ``beginData()``.
        case envelope(Tally)
        /// Left by ``endData(delivered:)``.
        case data
        /// Never left.
        case closed
    }

    /// The recipients of an envelope.
    private struct Tally {
        let isSMTPUTF8: Bool
        var accepted = 0
        var outstanding = 0
        /// Whether one was told to come later.
        var isDeferred = false
    }

    private let policy: Policy
    private var state = State.connected
    private var errors = 0
    private var refusals = 0
    private var failures = 0

    /// Under TLS.
    package private(set) var isSecure: Bool
    /// Since the last handshake.
    package private(set) var isAuthenticated = false

    package init(_ policy: Policy, isSecure: Bool) { (self.policy, self.isSecure) = (policy, isSecure) }

    /// Whether EHLO may offer STARTTLS.
    package var mayStartTLS: Bool { policy.offersTLS && !isSecure }
    /// Whether EHLO may offer AUTH.
    package var mayAuthenticate: Bool {
        policy.offersAuthentication && (isSecure || policy.allowsPlaintextAuthentication)
    }

    /// Recipients that wait for ``settle(code:)``.
    package var outstanding: Int {
        if case .envelope(let tally) = state { tally.outstanding } else { 0 }
    }

    /// Recipients accepted in the envelope that is open.
    package var accepted: Int {
        if case .envelope(let tally) = state { tally.accepted } else { 0 }
    }
}

extension ServerDialogue {
    /// Whether every outstanding recipient must be settled before this command may be received.
    package func mustWait(for command: Command) -> Bool {
        switch command {
        case .auth, .ehlo, .helo, .mail, .quit, .rset, .startTLS: outstanding > 0
        case .data, .forbidden, .help, .http, .noop, .rcpt, .unimplemented, .unknown, .vrfy: false
        }
    }

    /// Takes a command; a closed dialogue goes on closing.
    package mutating func receive(_ command: Command) -> Action {
        precondition(!mustWait(for: command), "Recipients are outstanding.")
        switch command {
        case .unknown: return countError(.unknownCommand)
        case .unimplemented: return countError(.notImplemented)
        case .forbidden: return countError(.forbiddenCommand)
        case .http: return close(.notMail)
        case .quit: return close(.goodbye)
        case .noop: return answer(.ok)
        case .help: return answer(.help)
        case .vrfy: return answer(.cannotVerify)
        case .ehlo(let name): return greet(name, isExtended: true)
        case .helo(let name): return greet(name, isExtended: false)
        case .rset: return reset()
        case .startTLS: return startTLS()
        case .auth(let mechanism, let response): return authenticate(mechanism, response)
        case .mail(let mail): return begin(mail)
        case .rcpt(let recipient): return admit(recipient)
        case .data: return data()
        }
    }

    /// Takes a line that is no command.
    package mutating func receive(_ error: CommandError) -> Action {
        switch error {
        case .malformedRecipient:
            refusals += 1
            return refusals >= Self.refusalsMax ? close(.tooManyRefusals) : .reply(error.reply)
        case .controlOctet, .internationalSender, .lineTooLong, .malformedArgument, .malformedSender,
            .messageTooBig, .unknownParameter:
            return countError(error.reply)
        }
    }

    private mutating func countError(_ reply: Reply) -> Action {
        errors += 1
        switch state {
        case .connected where errors >= Self.errorsBeforeGreetingMax: return close(.tooManyErrors)
        case .connected, .idle, .envelope: return errors >= Self.errorsMax ? close(.tooManyErrors) : .reply(reply)
        case .closed: return close(reply)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    private mutating func answer(_ reply: Reply) -> Action {
        switch state {
        case .connected: return .reply(reply)
        case .idle, .envelope:
            errors = 0
            return .reply(reply)
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    private mutating func close(_ reply: Reply) -> Action {
        state = .closed
        return .close(reply)
    }

    private mutating func greet(_ name: Range<Int>, isExtended: Bool) -> Action {
        switch state {
        case .connected, .idle, .envelope:
            (state, errors) = (.idle, 0)
            return .greet(name: name, isExtended: isExtended)
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    private mutating func reset() -> Action {
        switch state {
        case .connected: return .reply(.ok)
        case .idle, .envelope:
            (state, errors) = (.idle, 0)
            return .reset
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }
}

/// STARTTLS and AUTH.
extension ServerDialogue {
    private mutating func startTLS() -> Action {
        switch state {
        case .connected, .idle:
            guard policy.offersTLS else { return countError(.notImplemented) }
            return isSecure ? countError(.badSequence) : .startTLS
        case .envelope: return .reply(.badSequence)
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    /// The handshake is done: all that was said before it is forgotten.
    package mutating func secure() {
        (isSecure, isAuthenticated, state, errors) = (true, false, .connected, 0)
    }

    private mutating func authenticate(_ mechanism: SASLMechanism?, _ response: Range<Int>?) -> Action {
        switch state {
        case .connected: return countError(.badSequence)
        case .idle:
            guard policy.offersAuthentication else { return countError(.notImplemented) }
            guard mayAuthenticate else { return countError(.tlsRequired) }
            guard !isAuthenticated else { return countError(.badSequence) }
            guard let mechanism else { return countError(.unknownMechanism) }
            (state, errors) = (.authenticating, 0)
            return .authenticate(mechanism, initialResponse: response)
        case .envelope: return .reply(.badSequence)
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    /// Ends an exchange, however it went; a reply that is returned follows its own, and then the driver closes.
    package mutating func settleAuthentication(succeeded: Bool) -> Reply? {
        guard case .authenticating = state else { preconditionFailure("No exchange was open.") }
        (state, isAuthenticated) = (.idle, succeeded)
        guard !succeeded else { return nil }
        failures += 1
        guard failures >= Self.failuresMax else { return nil }
        state = .closed
        return .tooManyFailures
    }
}

/// The envelope and the message.
extension ServerDialogue {
    private mutating func begin(_ mail: MailParameters) -> Action {
        switch state {
        case .connected: return countError(.badSequence)
        case .idle:
            guard isAuthenticated || !policy.requiresAuthentication else {
                return .reply(policy.offersAuthentication && !mayAuthenticate ? .tlsRequired : .authenticationRequired)
            }
            (state, errors) = (.envelope(Tally(isSMTPUTF8: mail.isSMTPUTF8)), 0)
            return .beginEnvelope(mail)
        case .envelope: return .reply(.badSequence)
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    /// Takes back an envelope whose MAIL is refused; recipients sent along with it are out of sequence then.
    package mutating func dropEnvelope() {
        guard case .envelope(let tally) = state, tally.outstanding == 0 else {
            preconditionFailure("No envelope was just begun.")
        }
        state = .idle
    }

    private mutating func admit(_ recipient: RecipientParameters) -> Action {
        switch state {
        case .connected: return countError(.badSequence)
        case .idle: return .reply(.badSequence)
        case .envelope(var tally):
            errors = 0
            guard recipient.isASCII || tally.isSMTPUTF8 else {
                refusals += 1
                return refusals >= Self.refusalsMax ? close(.tooManyRefusals) : .reply(.internationalAddress)
            }
            tally.outstanding += 1
            state = .envelope(tally)
            return .admitRecipient(recipient)
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    /// Takes the code that answers the oldest outstanding recipient.
    ///
    /// A reply that is returned follows that answer in place of all further ones, and then the driver closes.
    package mutating func settle(code: UInt16) -> Reply? {
        switch state {
        case .envelope(var tally):
            precondition(tally.outstanding > 0, "No recipient was outstanding.")
            tally.outstanding -= 1
            if code < 400 { tally.accepted += 1 }
            if 400...499 ~= code { tally.isDeferred = true }
            state = .envelope(tally)
            guard code >= 500 else { return nil }
            refusals += 1
            guard refusals >= Self.refusalsMax else { return nil }
            state = .closed
            return .tooManyRefusals
        case .closed: return nil
        case .connected, .idle, .authenticating, .data: preconditionFailure("No recipient was outstanding.")
        }
    }

    private mutating func data() -> Action {
        switch state {
        case .connected: return countError(.badSequence)
        case .idle: return .reply(.badSequence)
        case .envelope: return .data
        case .closed: return close(.goodbye)
        case .authenticating, .data: preconditionFailure("No command was awaited.")
        }
    }

    /// Begins the message, all recipients being settled; a reply that is returned refuses it, the envelope staying.
    package mutating func beginData() -> Reply? {
        guard case .envelope(let tally) = state, tally.outstanding == 0 else {
            preconditionFailure("The recipients were not settled.")
        }
        guard tally.accepted > 0 else { return tally.isDeferred ? .noRecipientYet : .noValidRecipients }
        state = .data
        return nil
    }

    /// Ends the message and its envelope, whether it was delivered, refused, or DATA itself was.
    package mutating func endData(delivered: Bool) {
        guard case .data = state else { preconditionFailure("No message was open.") }
        state = .idle
        if delivered { refusals = 0 }
    }
}
