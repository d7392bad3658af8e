import WeirBase
import WeirConfiguration
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirSMTP
import WeirStore

/// DATA, the message's way through, and its dot.
extension Session {
    /// The longest from DATA to the dot, in nanoseconds.
    static let messageTimeout: UInt64 = 30 * .minute
    /// What a client may take longer than `timeouts.data` in all for each octet, in nanoseconds: 512 octets a second, half of what the
    /// slowest line carries.
    static let patiencePerOctet: UInt64 = .second / 512
    /// The longest wait for a charge to become durable.
    static let durabilityTimeout: UInt64 = 30 * .second
    /// What may go out with the dot, in one segment; more goes before it, so that the dot finds room at once. In octets.
    static let dotSegmentMax = 16 * 1024
    /// What may wait for the relay before the client is read again, in octets.
    static let relayOctetsMax = 64 * 1024

    /// Why a message was not released, and what its client is told.
    private enum Outcome {
        /// The relay answered: to DATA, before the dot, or to the dot.
        case relay(ForwardedReply)
        /// We refuse it.
        case refused(Reply)
        /// Its octets find no room.
        case overLimit(Refusal)
        /// The relay broke off before the dot.
        case relayLost
    }

    /// Answers DATA, and passes the message if there is one to come; false where the session ends.
    func beginMessage() async throws(ConnectionError) -> Bool {
        if try await !settle() { return false }
        if let refusal = dialogue.beginData() {
            say(refusal)
            return true
        }
        guard let transaction else { preconditionFailure("a message has an envelope") }
        var code: UInt16 = 0
        defer { tellEnd(of: transaction, code: code) }
        transaction.story.hasContent = true
        let reply = try await passMessage(transaction)
        code = reply.code
        if let verb { meter.answered(verb, code: code) }
        client.prepareOutput()
        client.output.append(contentsOf: reply.octets)
        // No relay's farewell has this code by now.
        return code != Reply.accessEnded.code
    }

    /// Carries the message to the relay and settles its charge; what is returned answers the client.
    private func passMessage(_ transaction: Transaction) async throws(ConnectionError) -> ForwardedReply {
        var delivered = false
        defer {
            dialogue.endData(delivered: delivered)
            dropTransaction()
        }
        guard let relay = transaction.relay else { return ForwardedReply(.relayLost) }
        gateway.ledger.file(transaction.holds, message: transaction.id)
        relay.enqueueData()
        let asked = loop.now
        do throws(ConnectionError) {
            let limit = min(generation.timeouts.relay, RelayPool.searchMax)
            let answer = try await relay.nextReply(until: asked + limit) { reply, octets in
                relay.relay.meter?.replied(.data, code: reply.code, after: loop.now.since(asked))
                return reply.code == 354 ? nil : ForwardedReply(reply, from: octets)
            }
            if answer == nil { relay.contentBegins() }
            if let answer { return refusedData(answer, transaction, relay) }
        } catch {
            if waiter.isInterrupted { throw error }
            noteSilence(of: relay, error, since: asked)
            abandonRelay(of: transaction)
            return ForwardedReply(.relayLost)
        }
        say(.startData)
        // DATA is answered; what follows answers the dot.
        verb = nil
        if let outcome = try await stream(transaction, to: relay) {
            return await end(transaction, with: outcome)
        }
        let reply = try await release(transaction, to: relay)
        delivered = reply.code < 400
        return reply
    }

    /// The relay will not have the message; what it says is not 354, so 2xx and 3xx are out of step.
    private func refusedData(
        _ answer: ForwardedReply, _ transaction: Transaction, _ relay: RelayConnection
    ) -> ForwardedReply {
        relay.noteRefusal()
        transaction.story.relayCode = answer.code
        guard answer.code >= 400 else {
            abandonRelay(of: transaction)
            return ForwardedReply(.relayLost)
        }
        noteAnswer(of: relay)
        return answer
    }

    /// Gives up a message whose dot will not be sent; what is returned answers the client.
    private func end(_ transaction: Transaction, with outcome: Outcome) async -> ForwardedReply {
        abandonRelay(of: transaction)
        switch outcome {
        case .relay(let reply):
            transaction.story.relayCode = reply.code
            return reply
        case .overLimit(let refusal):
            // All of it has come: what it asks for as a whole tells later from never.
            let refusal = reserve(transaction.story.octets, for: transaction) ?? refusal
            note(refusal, transaction)
            return ForwardedReply(explain(refusal, transaction))
        case .refused(let reply):
            gateway.ledger.withdraw(transaction.holds)
            // What a suspension in place of the dot rests on must outlive a kill, whichever message or session it came from.
            let deadline = loop.now + Session.durabilityTimeout
            _ = await gateway.ledger.becomesDurable(gateway.ledger.lastTicket, until: deadline, waiter: waiter)
            return ForwardedReply(reply)
        case .relayLost: return ForwardedReply(.relayLost)
        }
    }

    func abandonRelay(of transaction: Transaction) {
        guard let relay = transaction.relay else { return }
        transaction.relay = nil
        pool.abandon(relay, by: transaction.account.subject)
    }

    // MARK: - The content

    /// Passes the content up to the dot, which is not sent; an outcome says why it never will be, all of the client's data read.
    private func stream(_ transaction: Transaction, to relay: RelayConnection) async throws(ConnectionError) -> Outcome?
    {
        var stream = MessageStream(
            received: receivedField(transaction), account: transaction.account.traceField(key: gateway.hashKey),
            bareNewline: listener.bareNewline == .normalize ? .normalize : .reject)
        let octetsMax = octetsMax(of: transaction.account) ?? .max
        transaction.scanCopy = generation.scanner?.makeCopy()
        let deadline = loop.now + Session.messageTimeout
        var silenceDeadline = loop.now + generation.timeouts.data
        // Moves on with what comes, and while the relay is waited for: who dribbles runs out of it.
        var patience = silenceDeadline
        var outcome: Outcome?
        relay.connection.prepareOutput()
        while true {
            if client.inputCount == 0 {
                let due = min(silenceDeadline, patience, deadline)
                try await receiveContent(until: due, transaction, relay, &outcome)
                if outcome != nil { stream.discard() }
                continue
            }
            silenceDeadline = loop.now + generation.timeouts.data
            let written = relay.connection.output.count
            let progress = client.withInput { input in
                let progress = stream.consume(input, into: &relay.connection.output)
                transaction.conduct?.examine(input.extracting(0..<progress.consumed))
                return progress
            }
            client.consume(progress.consumed)
            if outcome == nil { transaction.scanCopy?.take(relay.connection.output[written...]) }
            patience = patience + UInt64(clamping: progress.consumed) * Session.patiencePerOctet
            outcome = outcome ?? grow(transaction, to: stream.octets)
            if stream.octets > octetsMax { outcome = outcome ?? .refused(.messageTooBig) }
            if let fault = stream.fault, outcome == nil {
                transaction.story.verdict = .refusedContent
                if let violation = fault.violation { meter.violated(violation) }
                outcome = .refused(fault.reply)
            }
            if outcome != nil { stream.discard() }
            if progress.ended { break }
            if outcome == nil, relay.connection.outputCount >= Session.relayOctetsMax {
                let began = loop.now
                outcome = try await drain(relay)
                patience = patience + loop.now.since(began)
                if outcome != nil { stream.discard() }
            }
        }
        if outcome == nil { shrink(transaction, to: stream.octets) }
        transaction.story.octets = stream.octets
        return outcome
    }

    /// Waits for more of the message, and looks at the relay meanwhile: it may answer before the dot, or leave.
    private func receiveContent(
        until deadline: Instant, _ transaction: Transaction, _ relay: RelayConnection, _ outcome: inout Outcome?
    ) async throws(ConnectionError) {
        switch client.fill() {
        case .more: return
        case .end: throw .closed
        case .failed(let error): throw .broken(error)
        case .full: preconditionFailure("the decoder consumes all that comes")
        case .nothing:
            _ = client.flushNow()
            if outcome == nil {
                if case .failed = relay.connection.flushNow() { outcome = .relayLost }
                outcome = outcome ?? earlyAnswer(of: relay)
            }
            if outcome == nil, let refusal = lastRefusal(transaction) { outcome = .refused(refusal) }
            try await client.wait(until: deadline)
        }
    }

    /// Waits until the relay has taken what is enqueued for it; the client is not read meanwhile.
    private func drain(_ relay: RelayConnection) async throws(ConnectionError) -> Outcome? {
        let asked = loop.now
        let deadline = asked + generation.timeouts.relay
        while true {
            switch relay.connection.flushNow() {
            case .done: return earlyAnswer(of: relay)
            case .failed: return earlyAnswer(of: relay) ?? .relayLost
            case .blocked:
                if let early = earlyAnswer(of: relay) { return early }
                do throws(ConnectionError) {
                    try await relay.connection.wait(until: deadline)
                } catch {
                    if waiter.isInterrupted { throw error }
                    noteSilence(of: relay, error, since: asked)
                    return .relayLost
                }
            }
        }
    }

    /// What the relay said before the dot, if anything; it will not have the message then.
    private func earlyAnswer(of relay: RelayConnection) -> Outcome? {
        switch relay.connection.fill() {
        case .nothing where relay.connection.inputCount == 0: return nil
        case .end, .failed: return .relayLost
        case .more, .nothing, .full:
            do throws(ConnectionError) {
                let reply = try relay.takeReply { reply, octets in ForwardedReply(reply, from: octets) }
                guard let reply else { return nil }
                return reply.code >= 400 ? .relay(reply) : .relayLost
            } catch {
                return .relayLost
            }
        }
    }

    /// Has the reservation grow with the octets that have come.
    private func grow(_ transaction: Transaction, to octets: UInt64) -> Outcome? {
        guard let refusal = reserve(octets, for: transaction) else { return nil }
        note(refusal, transaction)
        gateway.note(refusal, of: transaction.account)
        if refusal.limit.window != .message, refusal.scope == .account { noteLimitReached(transaction) }
        return .overLimit(refusal)
    }

    private func note(_ refusal: Refusal, _ transaction: Transaction) {
        transaction.story.limit = refusal.limit.name.description
        transaction.story.verdict =
            refusal.canNeverFit || refusal.excess == .rejection ? .refusedQuota : .deferredQuota
    }

    /// Reserves what of a message's octets is not reserved; mail to those who always may be written to has no such limit.
    private func reserve(_ octets: UInt64, for transaction: Transaction) -> Refusal? {
        let growth = Int64(clamping: octets) - transaction.hold.reservation.held.octets
        guard growth > 0, transaction.hold.reservation.held.recipients > 0 else { return nil }
        let parties = permission(of: transaction.account).parties
        let decision = gateway.ledger.decide { book, moment in
            book.reserve(Amount(octets: growth), into: &transaction.hold.reservation, for: parties, at: moment)
        }
        switch decision {
        case .admitted(let crossings):
            gateway.note(crossings, of: transaction.account)
            return nil
        case .refused(let refusal): return refusal
        }
    }

    /// Gives back octets that SIZE declared and that did not come.
    private func shrink(_ transaction: Transaction, to octets: UInt64) {
        let excess = transaction.hold.reservation.held.octets - Int64(clamping: octets)
        guard excess > 0 else { return }
        gateway.ledger.decide { book, _ in
            book.release(Amount(octets: excess), from: &transaction.hold.reservation)
        }
    }

    // MARK: - The dot

    /// Sends the dot once the charge is durable and nothing forbids it, and settles the charge by the answer.
    private func release(_ transaction: Transaction, to relay: RelayConnection) async throws(ConnectionError)
        -> ForwardedReply
    {
        if permission(of: transaction.account).parties.boundsOctets(at: loop.now) {
            gateway.ledger.fileGrowth(of: transaction.holds)
        }
        if relay.connection.outputCount > Session.dotSegmentMax, let outcome = try await drain(relay) {
            return await end(transaction, with: outcome)
        }
        let ruling = try await scan(transaction)
        await keepEvidenceAtHand(transaction)
        if let refusal = judge(transaction) ?? ruling { return await end(transaction, with: .refused(refusal)) }
        let deadline = loop.now + Session.durabilityTimeout
        // What was observed of it must outlive a kill, as its charge does.
        let ticket = transaction.isObserved ? gateway.ledger.lastTicket : 0
        while true {
            if let refusal = lastRefusal(transaction) { return await end(transaction, with: .refused(refusal)) }
            if let outcome = earlyAnswer(of: relay) { return await end(transaction, with: outcome) }
            switch gateway.ledger.clear(transaction.holds, after: ticket) {
            case .released: return await sendDot(transaction, to: relay)
            case .wait(let ticket):
                // What waits for the relay goes out with the dot, in one segment.
                guard await gateway.ledger.becomesDurable(ticket, until: deadline, waiter: waiter) else {
                    abandonRelay(of: transaction)
                    return ForwardedReply(gateway.ledger.condition == .full ? .diskFull : .storeBusy)
                }
            }
        }
    }

    /// What forbids the message at the last moment.
    func lastRefusal(_ transaction: Transaction) -> Reply? {
        let permission = permission(of: transaction.account)
        guard permission.admitsCredential || permission.refusal != nil else {
            transaction.story.verdict = .refusedPolicy
            return .accessEnded
        }
        if permission.refusal != nil { return .relayingDenied }
        let isRelief = transaction.hold.reservation.held.recipients == 0
        guard !isRelief, restraint(transaction) == .stopped else { return nil }
        return suspension(transaction)
    }

    private func suspension(_ transaction: Transaction) -> Reply {
        transaction.story.verdict = .refusedSuspended
        return Explanation.suspended(
            permission(of: transaction.account).whenSuspended, contact: generation.configuration.contact,
            id: transaction.id)
    }

    /// The dot goes out: from here on the outcome settles the charge, also when the client has left.
    private func sendDot(_ transaction: Transaction, to relay: RelayConnection) async -> ForwardedReply {
        let asked = loop.now
        relay.enqueueDot()
        do throws(ConnectionError) {
            try await flushDot(to: relay)
            var isTaken: Bool?
            let reply = try await relay.nextReply(until: loop.now + generation.timeouts.relayDot) { reply, octets in
                isTaken = RecipientReply.isTaken(code: reply.code, reply.enhanced)
                return ForwardedReply(reply, from: octets)
            }
            guard reply.code < 300 || reply.code >= 400 else { throw .closed }
            relay.contentEnded(accepted: reply.code < 300)
            noteAnswer(of: relay)
            transaction.story.relayCode = reply.code
            relay.relay.meter?.replied(.endOfData, code: reply.code, after: loop.now.since(asked))
            if reply.code >= 400 { gateway.ledger.refund(transaction.holds) }
            await keepEvidenceAtHand(transaction)
            learnOutcome(of: transaction, isTaken: isTaken)
            return reply
        } catch {
            // A copy may have gone, and the charge stays; but for a dot that never went out whole.
            if relay.hasUnsent {
                gateway.ledger.refund(transaction.holds)
            } else {
                noteSilence(of: relay, error, since: asked)
            }
            abandonRelay(of: transaction)
            return ForwardedReply(.relayLost)
        }
    }

    /// Writes the dot while the slot of its charge lasts: one that left later would still be in a window that has let go of its charge.
    private func flushDot(to relay: RelayConnection) async throws(ConnectionError) {
        let slot = Slot(loop.now)
        let end = Slot(number: slot.number &+ 1).start
        while Slot(loop.now) == slot {
            switch relay.connection.flushNow() {
            case .done: return
            case .failed(let error): throw .broken(error)
            case .blocked: try await relay.connection.wait(until: end)
            }
        }
        throw .timedOut
    }

    private func receivedField(_ transaction: Transaction) -> [UInt8] {
        var field: [UInt8] = []
        let security = client.transport.security
        ReceivedField(
            name: clientName, address: client.transport.peer.ip.isIPv4 ? source : "IPv6:\(source)",
            hostname: generation.configuration.hostname,
            transmission: Transmission(
                isExtended: isExtended, isSecure: security != nil, isAuthenticated: dialogue.isAuthenticated,
                isSMTPUTF8: transaction.isSMTPUTF8),
            tls: security.map { "\($0.version) \($0.cipher)" }, id: transaction.id.description,
            date: MessageDate(seconds: gateway.runtime.wall.seconds)
        ).append(to: &field)
        return field
    }
}
