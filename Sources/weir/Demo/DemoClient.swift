import WeirBase
import WeirRuntime
import WeirSMTP

/// A subscriber's mail program: one session with the gateway.
struct DemoClient {
    /// How it gets in.
    struct Door: Sendable {
        let address: SocketAddress
        /// Nil where the source address tells who it is.
        var login: (name: String, password: String)?
        /// For STARTTLS.
        let tls: TLSContext
    }

    /// A reply, its code apart.
    struct Reply: Sendable {
        let code: UInt16
        let text: String
        var isPositive: Bool { code < 400 }
    }

    /// What became of one message.
    struct Outcome: Sendable {
        var taken = 0
        /// Recipients that were refused, with the reply to each.
        var refused: [(recipient: String, reply: Reply)] = []
        /// To the dot, or to what kept it from being sent.
        var last: Reply?
        /// The gateway has ended the session.
        var isClosed = false
    }

    private let connection: Connection
    private let waiter: Waiter
    private var parser = ReplyParser()

    private static let patience: UInt64 = .minute
    private var deadline: Instant { connection.executor.now + Self.patience }

    /// Connects, secures and logs in; the calling task runs on `loop`.
    init(
        _ door: Door, named name: String, _ runtime: Runtime, on loop: RuntimeExecutor, waiter: Waiter
    ) async throws(ConnectionError) {
        self.waiter = waiter
        do throws(SystemError) {
            connection = Connection(try runtime.connect(to: door.address, on: loop), on: loop, waiter: waiter)
        } catch {
            throw .broken(error)
        }
        do throws(ConnectionError) {
            try await connection.finishConnect(until: deadline)
            _ = try await reply()
            try await exchange("EHLO \(name)")
            guard let login = door.login else { return }
            try await exchange("STARTTLS")
            try await connection.secure(until: deadline) { transport throws(TransportFailure) in
                try door.tls.connect(over: transport, to: door.address.ip.description)
            }
            try await exchange("EHLO \(name)")
            var line: [UInt8] = []
            Credentials(login: Array(login.name.utf8), password: Array(login.password.utf8)).appendPlain(to: &line)
            connection.output += line
            let answer = try await reply()
            guard answer.isPositive else { throw .failed(TransportFailure(reason: answer.text)) }
        } catch {
            connection.close()
            throw error
        }
    }

    /// Sends one message, its recipients all in one go as PIPELINING allows.
    mutating func send(
        from sender: String, to recipients: [String], subject: String
    ) async throws(ConnectionError) -> Outcome {
        say("MAIL FROM:<\(sender)>")
        for recipient in recipients { say("RCPT TO:<\(recipient)>") }
        var outcome = Outcome()
        let mail = try await reply()
        outcome.last = mail
        for recipient in recipients {
            let answer = try await reply()
            if answer.isPositive {
                outcome.taken += 1
            } else if answer.code == 421 {
                outcome.isClosed = true
                return outcome
            } else {
                outcome.refused.append((recipient, answer))
            }
        }
        guard outcome.taken > 0 else {
            outcome.isClosed = try await exchange("RSET").code == 421
            return outcome
        }
        let start = try await exchange("DATA")
        guard start.code == 354 else {
            outcome.taken = 0
            outcome.last = start
            return outcome
        }
        for line in ["From: <\(sender)>", "To: undisclosed recipients:;", "Subject: \(subject)", "", "Hello.", "."] {
            say(line)
        }
        let end = try await reply()
        outcome.last = end
        if !end.isPositive { outcome.taken = 0 }
        return outcome
    }

    /// Ends the session in order.
    mutating func quit() {
        say("QUIT")
        _ = connection.flushNow()
        connection.close()
    }

    func close() { connection.close() }

    @discardableResult
    private mutating func exchange(_ line: String) async throws(ConnectionError) -> Reply {
        say(line)
        return try await reply()
    }

    private func say(_ line: String) {
        connection.prepareOutput()
        connection.output.append(contentsOf: "\(line)\r\n".utf8)
    }

    private mutating func reply() async throws(ConnectionError) -> Reply {
        try await connection.flush(until: deadline)
        while true {
            var found: (reply: Reply, length: Int)?
            let outcome = connection.withInput { input in
                let outcome = parser.next(in: input)
                if case .reply(let reply) = outcome {
                    found = (Reply(code: reply.code, text: reply.logText(from: input)), reply.length)
                }
                return outcome
            }
            if let found {
                connection.consume(found.length)
                return found.reply
            }
            if outcome == .malformed { throw .failed(TransportFailure(reason: "no SMTP")) }
            try await connection.receive(until: deadline)
        }
    }
}
