import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirSMTP

/// Serves one client, from its greeting to its end: one task on one loop, straight through.
///
/// A segment of commands is decided first, what passed is sent on to the relay together, and then the answers are written
/// in order, ours and the relay's.
final class Session {
    /// What a command waits for in the order of answers.
    enum Answer {
        /// To a command that is no recipient.
        case reply(Reply)
        /// To a recipient, by us.
        case refusal(Reply)
        /// To a recipient that was sent on: the relay's next; what it has reserved lies in the hold.
        case relay(Hold)
    }

    let gateway: Gateway
    let listener: Listener
    let client: Connection
    let loop: RuntimeExecutor
    let waiter: Waiter
    let pool: RelayPool
    let meter: ListenerMeter
    var dialogue: ServerDialogue
    /// The configuration as of the last envelope's beginning.
    var generation: Generation
    /// Its listener's TLS as of its beginning: a reload may rename the listener, or take it away.
    private let formerTLS: Material.ServerWrap?
    /// Who sends: told by AUTH or by the source address, never by MAIL FROM.
    var account: Account?
    /// What AUTH was answered 235 for; nil: the source address tells the account.
    private(set) var credential: Credential?
    /// The accounts' revision as of which the source address told it.
    var addressRevision: UInt64 = 0
    /// Why the store could not say whose address this is, or take the account: MAIL is told to come later.
    var storeTrouble: Ledger.Condition?
    var transaction: Transaction?
    /// Answers that are owed to the client, in order; empty but in the middle of a segment.
    var answers: [Answer] = []
    /// By when a client that waits for relays is to hear something; nil: nothing waits for them.
    var answerDue: Instant?
    /// The command at hand, and the mechanism of the last AUTH, for the metrics.
    var verb: MetricLabels.Verb?
    var mechanism = MetricLabels.Mechanism.other
    /// The client's address as text.
    private(set) lazy var source = client.transport.peer.ip.description
    /// What HELO or EHLO said.
    var clientName: [UInt8] = []
    var isExtended = false
    /// What the account may do, as of its last change.
    private var known: Account.Permission?
    /// Whose connection this is counted as.
    private var countedAs: Subjects?
    var framer = LineFramer()
    /// How the last MAIL was refused: a client that repeats it is told so, and the log is not.
    var toldRefusal: UInt16 = 0

    /// Answers that may be owed at one time; a longer segment is answered in parts.
    static let answersMax = 256

    init(_ transport: Transport, listener: Listener, gateway: Gateway, loop: RuntimeExecutor, pool: RelayPool) {
        self.gateway = gateway
        self.listener = listener
        self.loop = loop
        self.pool = pool
        meter = gateway.meter(of: listener)
        waiter = Waiter(on: loop)
        client = Connection(transport, on: loop, waiter: waiter)
        generation = gateway.generation
        formerTLS = generation.serverTLS[listener.name]
        dialogue = ServerDialogue(
            ServerDialogue.Policy(
                requiresAuthentication: listener.accounts == .login,
                offersAuthentication: listener.accounts != .network,
                offersTLS: listener.tls == .starttls, allowsPlaintextAuthentication: listener.plaintextAuth),
            isSecure: false)
    }

    /// Runs the session to its end; whatever it held is given back.
    func run() async {
        let began = loop.now
        meter.opened()
        do throws(ConnectionError) {
            if try await open() { try await converse() }
        } catch {
            sayGoodbye(error)
        }
        dropTransaction()
        if let countedAs { gateway.ledger.decide { book, _ in book.disconnect(countedAs) } }
        client.close()
        waiter.retire()
        meter.closed(after: loop.now.since(began))
    }

    /// Greets the client; false where it is turned away.
    private func open() async throws(ConnectionError) -> Bool {
        if listener.tls == .implicit {
            do throws(ConnectionError) {
                try await secure()
            } catch {
                meter.admitted(.failed)
                throw error
            }
        }
        // Where the store cannot say now, MAIL asks again.
        _ = await findAccountOfAddress()
        if let account, let refusal = count(account) {
            say(refusal)
            try await flush()
            return false
        }
        meter.admitted(.accepted)
        say(.greeting(hostname: generation.configuration.hostname))
        return true
    }

    /// What the account may do now; read anew only when it has changed.
    func permission(of account: Account) -> Account.Permission {
        if let known, known.account === account, known.revision == account.revision { return known }
        let permission = account.permission(by: credential)
        known = permission
        return permission
    }

    /// The session is the account's from here on.
    func admit(_ account: Account, by credential: Credential) {
        (self.account, self.credential, known) = (account, credential, nil)
    }

    /// Counts the connection as the account's, unless it is already; a reply refuses it.
    func count(_ account: Account) -> Reply? {
        guard countedAs?.account != account.subject else { return nil }
        let parties = account.standing.parties
        if let countedAs { gateway.ledger.decide { book, _ in book.disconnect(countedAs) } }
        countedAs = nil
        let decision = gateway.ledger.decide { book, moment in book.connect(parties, at: moment) }
        switch decision {
        case .refused:
            tellTooMany(account)
            return .tooManyConnections
        case .admitted(let crossings):
            gateway.note(crossings, of: account)
            countedAs = parties.subjects
            return nil
        }
    }

    // MARK: - Words of ours

    /// Writes a reply, or queues it behind the answers that are owed.
    func say(_ reply: Reply) {
        tell(reply)
        if answers.isEmpty {
            client.prepareOutput()
            reply.append(to: &client.output)
        } else {
            answers.append(.reply(reply))
        }
    }

    func flush() async throws(ConnectionError) {
        try await client.flush(until: loop.now + generation.timeouts.command)
    }

    func greet(_ name: Range<Int>, isExtended: Bool) {
        dropTransaction()
        clientName = client.withInput { input in name.map { input[$0] } }
        self.isExtended = isExtended
        say(.hello(hostname: generation.configuration.hostname, offers: isExtended ? offers() : []))
    }

    /// What every relay last offered, and what is ours to offer.
    private func offers() -> [Offer] {
        generation = gateway.generation
        let relays = generation.relays.offered
        let limits = account.flatMap { permission(of: $0).parties.account.limits }
        let mayAuthenticate = dialogue.mayAuthenticate && !dialogue.isAuthenticated
        let announced = generation.announced(for: limits, mayChange: mayAuthenticate, now: loop.now, relays: relays)
        var offers: [Offer] = [.pipelining, .enhancedStatusCodes, .size(announced.octets)]
        if relays.keywords.contains(.eightBitMIME) { offers.append(.eightBitMIME) }
        if relays.keywords.contains(.smtpUTF8) { offers.append(.smtpUTF8) }
        if relays.keywords.contains(.dsn) { offers.append(.dsn) }
        if let recipients = announced.recipients { offers.append(.limits(recipientsMax: recipients)) }
        if dialogue.mayStartTLS { offers.append(.startTLS) }
        if mayAuthenticate { offers.append(.authentication) }
        return offers
    }

    /// The last words to a client that waited too long, or that must go.
    private func sayGoodbye(_ error: ConnectionError) {
        answers = []
        switch error {
        case .timedOut: say(.idleTooLong)
        case .interrupted: say(.shuttingDown)
        case .closed, .broken, .failed: return
        }
        _ = client.flushNow()
    }

    // MARK: - TLS

    func startTLS() async throws(ConnectionError) -> Bool {
        guard client.inputCount == 0, client.fill() == .nothing else {
            say(.octetsBehindStartTLS)
            try await flush()
            return false
        }
        say(.startTLS)
        try await flush()
        dropTransaction()
        try await secure()
        return true
    }

    private func secure() async throws(ConnectionError) {
        guard let wrap = gateway.generation.serverTLS[listener.name] ?? formerTLS else {
            throw .failed(TransportFailure(reason: "TLS was not set up"))
        }
        do throws(ConnectionError) {
            try await client.secure(until: loop.now + Session.handshakeTimeout) { transport throws(TransportFailure) in
                try wrap(transport)
            }
        } catch {
            meter.shookHands(nil)
            throw error
        }
        meter.shookHands(client.transport.security)
        dialogue.secure()
        if credential != nil { (account, credential, known) = (nil, nil, nil) }
        clientName = []
        framer = LineFramer()
    }

    /// The longest a handshake may take, in nanoseconds.
    static let handshakeTimeout: UInt64 = 30 * .second
}
