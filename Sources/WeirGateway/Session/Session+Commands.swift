import WeirBase
import WeirRuntime
import WeirSMTP

/// Commands, one line after the other.
///
/// What needs no waiting is done at once, by functions that do not suspend: a hundred recipients of a segment cost no more than
/// deciding them. Those with much to remember are not inlined, for in a task's frame their variables would stand as long as the
/// session lives, and ten thousand sessions wait here.
extension Session {
    private enum Line {
        /// So many octets, then CRLF, at the start of the input.
        case command(length: Int)
        case overlong
    }

    /// What a command asks for that may have to wait; where it has a length, its line is still in the input.
    ///
    /// Boxed, so that a session which waits keeps no room for it.
    indirect enum Errand {
        /// To answer recipients that are outstanding, and to look at the line again.
        case settle
        /// To say this after the answers that are owed, and to close.
        case close(Reply)
        case startTLS
        case authenticate(SASLMechanism, response: Range<Int>?, length: Int)
        /// To find the account that the envelope is of.
        case account(MailParameters, length: Int)
        /// To find the relay for a recipient that is admitted.
        case relay(RecipientParameters, Hold, length: Int)
        /// To see whether a recipient is one that always may be written to; the reply refuses it if not.
        case relief(RecipientParameters, MetricLabels.Disposition, Reply, length: Int)
        case message
    }

    /// Decides segment after segment, until the client leaves or is told to.
    func converse() async throws(ConnectionError) {
        var due: Instant?  // Of a command as a whole, however it dribbles in; nil: the last is done.
        while true {
            try await flush()
            let deadline = due ?? loop.now + generation.timeouts.command
            due = deadline
            try await receiveCommand(until: deadline)
            while let line = nextLine() {
                due = nil
                var goesOn = true
                while let errand = take(line) {
                    goesOn = try await run(errand)
                    guard goesOn, case .settle = errand else { break }
                }
                if goesOn, answers.count >= Session.answersMax { goesOn = try await settle() }
                if !goesOn { return try await flush() }
            }
            if try await !settle() { return try await flush() }
        }
    }

    /// Waits for more of the client's commands; one that has nothing in flight ends when the gateway does.
    private func receiveCommand(until deadline: Instant) async throws(ConnectionError) {
        while true {
            switch client.fill() {
            case .more: return
            case .end: throw .closed
            case .failed(let error): throw .broken(error)
            case .full: preconditionFailure("the framer discards what is too long")
            case .nothing:
                // Without a recipient that was accepted nothing is in flight.
                if gateway.isDraining, dialogue.accepted == 0 { throw .interrupted }
                try await client.wait(until: deadline)
            }
        }
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

    /// Carries out one line and consumes it, or says what it needs first.
    @inline(never)
    private func take(_ line: Line) -> Errand? {
        guard case .command(let length) = line else { return refuse(.lineTooLong, lineOctets: 0) }
        let parsed: Result<Command, CommandError> = client.withInput { input in
            do throws(CommandError) {
                return .success(try Command(input.extracting(0..<length)))
            } catch {
                return .failure(error)
            }
        }
        switch parsed {
        case .failure(let error): return refuse(error, lineOctets: length + 2)
        case .success(let command):
            if dialogue.mustWait(for: command) { return .settle }
            verb = command.verb
            if verb == .unknown { meter.violated(.unknownCommand) }
            return carryOut(dialogue.receive(command), length: length)
        }
    }

    private func refuse(_ error: CommandError, lineOctets: Int) -> Errand? {
        verb = error.verb
        meter.violated(error.violation)
        client.consume(lineOctets)
        switch dialogue.receive(error) {
        case .close(let reply): return .close(reply)
        case .reply(let reply): answer(reply)
        case .admitRecipient, .authenticate, .beginEnvelope, .data, .greet, .reset, .startTLS:
            preconditionFailure("an error is answered")
        }
        return nil
    }

    /// Says what the dialogue answers; where that refuses a recipient for good, the account has one refusal more.
    private func answer(_ reply: Reply) {
        if verb == .rcpt, let transaction { noteRefusal(transaction, code: reply.code) }
        say(reply)
    }

    private func carryOut(_ action: ServerDialogue.Action, length: Int) -> Errand? {
        switch action {
        case .admitRecipient(let recipient):
            if let errand = admit(recipient, length: length) { return errand }
        case .beginEnvelope(let mail):
            guard isAccountAtHand else { return .account(mail, length: length) }
            begin(mail, length: length)
        case .reply(let reply): answer(reply)
        case .greet(let name, let isExtended): greet(name, isExtended: isExtended)
        case .reset:
            dropTransaction()
            say(.ok)
        case .close(let reply): return .close(reply)
        case .startTLS:
            client.consume(length + 2)
            return .startTLS
        case .authenticate(let mechanism, let response):
            return .authenticate(mechanism, response: response, length: length)
        case .data:
            client.consume(length + 2)
            return .message
        }
        client.consume(length + 2)
        return nil
    }

    /// Does what a command had to wait for; false where the session ends with it.
    @inline(never)
    private func run(_ errand: Errand) async throws(ConnectionError) -> Bool {
        switch errand {
        case .settle: return try await settle()
        case .close(let reply):
            if try await settle() { say(reply) }
            return false
        case .startTLS: return try await startTLS()
        case .authenticate(let mechanism, let response, let length):
            return try await authenticate(mechanism, response: response, length: length)
        case .account, .relay, .relief:
            guard let farewell = await runOfEnvelope(errand) else { return true }
            if try await settle() { say(farewell) }
            return false
        case .message: return try await beginMessage()
        }
    }

    /// A reply ends the session: it may not go on as the account that it is.
    @inline(never)
    private func runOfEnvelope(_ errand: Errand) async -> Reply? {
        switch errand {
        case .account(let mail, let length):
            if let refusal = await findAccount() { return refusal }
            begin(mail, length: length)
            client.consume(length + 2)
        case .relay(let recipient, let hold, let length):
            await findRelay(for: recipient)
            forward(recipient, hold, length: length)
            client.consume(length + 2)
        case .relief(let recipient, let disposition, let reply, let length):
            await admitAsRelief(recipient, orRefuse: disposition, reply, length: length)
            client.consume(length + 2)
        case .authenticate, .close, .message, .settle, .startTLS: preconditionFailure("not of an envelope")
        }
        return nil
    }
}
