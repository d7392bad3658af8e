import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirSMTP
import WeirTime

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
    /// Who sends: told by AUTH or by the source address, never by MAIL FROM.
    var account: Account?
    var transaction: Transaction?
    /// Answers that are owed to the client, in order; empty but in the middle of a segment.
    var answers: [Answer] = []
    /// The command at hand, and the mechanism of the last AUTH, for the metrics.
    var verb: MetricLabels.Verb?
    var mechanism = MetricLabels.Mechanism.other
    /// The client's address as text.
    private(set) lazy var source = client.transport.peer.host
    /// What HELO or EHLO said.
    var clientName: [UInt8] = []
    var isExtended = false
    /// What the account may do, as of its last change.
    private var known: (account: Account, revision: UInt64, permission: Account.Permission)?
    /// Whose connection this is counted as.
    private var countedAs: Subjects?
    private var framer = LineFramer()

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
            try await secure()
        }
        // Where the store cannot say now, MAIL asks again.
        _ = await findAccountOfAddress()
        if let account, let refusal = count(account) {
            tellTooMany(account)
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
        let revision = account.revision
        if let known, known.account === account, known.revision == revision { return known.permission }
        let permission = account.permission
        known = (account, revision, permission)
        return permission
    }

    /// Counts the connection as the account's; a reply refuses it.
    func count(_ account: Account) -> Reply? {
        let parties = account.standing.parties
        if let countedAs { gateway.ledger.decide { book, _ in book.disconnect(countedAs) } }
        countedAs = nil
        let decision = gateway.ledger.decide { book, moment in book.connect(parties, at: moment) }
        switch decision {
        case .refused: return .tooManyConnections
        case .admitted(let crossings):
            gateway.note(crossings, of: account)
            countedAs = parties.subjects
            return nil
        }
    }

    /// Decides segment after segment, until the client leaves or is told to.
    private func converse() async throws(ConnectionError) {
        var due: Instant?  // Of a command as a whole, however it dribbles in; nil: the last is done.
        while true {
            try await flush()
            let deadline = due ?? loop.now + generation.timeouts.command
            due = deadline
            try await receiveCommand(until: deadline)
            while let line = nextLine() {
                due = nil
                var goesOn = try await handle(line)
                if goesOn, answers.count >= Session.answersMax { goesOn = try await settle() }
                if !goesOn { return try await flush() }
            }
            if try await !settle() { return try await flush() }
        }
    }

    /// Waits for more of the client's commands; an idle session ends when the gateway does.
    private func receiveCommand(until deadline: Instant) async throws(ConnectionError) {
        while true {
            switch client.fill() {
            case .more: return
            case .end: throw .closed
            case .failed(let error): throw .broken(error)
            case .full: preconditionFailure("the framer discards what is too long")
            case .nothing:
                if gateway.isDraining, transaction == nil { throw .interrupted }
                try await client.wait(until: deadline)
            }
        }
    }

    private enum Line {
        /// So many octets, then CRLF, at the start of the input.
        case command(length: Int)
        case overlong
    }

    private func nextLine() -> Line? {
        while client.inputCount > 0 {
            switch client.withInput({ framer.next(in: $0) }) {
            case .line(let length): return .command(length: length)
            case .incomplete: return nil
            case .discard(let octets): client.consume(octets)
            case .overlong(let octets):
                client.consume(octets)
                return .overlong
            }
        }
        return nil
    }

    /// Carries out one line; false where the session ends with it.
    private func handle(_ line: Line) async throws(ConnectionError) -> Bool {
        guard case .command(let length) = line else {
            verb = .unknown
            meter.violated(.lineTooLong)
            return try await finish(dialogue.receive(CommandError.lineTooLong), length: 0)
        }
        let command: Result<Command, CommandError> = client.withInput { input in
            do throws(CommandError) {
                return .success(try Command(input.extracting(0..<length)))
            } catch {
                return .failure(error)
            }
        }
        switch command {
        case .failure(let error):
            verb = .unknown
            meter.violated(error.violation)
            client.consume(length + 2)
            return try await finish(dialogue.receive(error), length: 0)
        case .success(let command):
            if dialogue.mustWait(for: command), try await !settle() { return false }
            verb = command.verb
            let action = dialogue.receive(command)
            switch action {
            case .admitRecipient(let recipient):
                try await admit(recipient, length: length)
                client.consume(length + 2)
                return true
            case .beginEnvelope(let mail):
                try await begin(mail, length: length)
                client.consume(length + 2)
                return true
            case .data:
                client.consume(length + 2)
                return try await beginMessage()
            case .reply, .greet, .startTLS, .authenticate, .reset, .close:
                return try await finish(action, length: length)
            }
        }
    }

    /// Carries out what needs no relay; consumes the line, which is `length` octets and CRLF, or nothing where it is 0.
    private func finish(_ action: ServerDialogue.Action, length: Int) async throws(ConnectionError) -> Bool {
        let lineOctets = length == 0 ? 0 : length + 2
        switch action {
        case .reply(let reply): say(reply)
        case .greet(let name, let isExtended): greet(name, isExtended: isExtended)
        case .reset:
            dropTransaction()
            say(.ok)
        case .startTLS:
            client.consume(lineOctets)
            return try await startTLS()
        case .authenticate(let mechanism, let response):
            return try await authenticate(mechanism, response: response, length: length)
        case .close(let reply):
            if try await settle() { say(reply) }
            return false
        case .admitRecipient, .beginEnvelope, .data: preconditionFailure("not for here")
        }
        client.consume(lineOctets)
        return true
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

    private func greet(_ name: Range<Int>, isExtended: Bool) {
        dropTransaction()
        clientName = client.withInput { input in name.map { input[$0] } }
        self.isExtended = isExtended
        say(.hello(hostname: generation.configuration.hostname, offers: isExtended ? offers() : []))
    }

    /// What every relay last offered, and what is ours to offer.
    private func offers() -> [Offer] {
        generation = gateway.generation
        let relays = generation.relays.offered
        let limits = account.map { $0.standing.parties.account.limits } ?? nil
        let smallest = generation.announced(for: limits, now: loop.now, relayMax: relays.sizeMax)
        var offers: [Offer] = [.pipelining, .enhancedStatusCodes, .size(smallest.octets)]
        if relays.keywords.contains(.eightBitMIME) { offers.append(.eightBitMIME) }
        if relays.keywords.contains(.smtpUTF8) { offers.append(.smtpUTF8) }
        if relays.keywords.contains(.dsn) { offers.append(.dsn) }
        if let recipients = smallest.recipients { offers.append(.limits(recipientsMax: recipients)) }
        if dialogue.mayStartTLS { offers.append(.startTLS) }
        if dialogue.mayAuthenticate, !dialogue.isAuthenticated { offers.append(.authentication) }
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

    private func startTLS() async throws(ConnectionError) -> Bool {
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
        guard let wrap = gateway.generation.serverTLS[listener.name] else {
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
        if listener.accounts == .login { account = nil }
        clientName = []
        framer = LineFramer()
    }

    /// The longest a handshake may take, in nanoseconds.
    static let handshakeTimeout: UInt64 = 30 * .second
}
