import WeirBase
import WeirConfiguration
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirSMTP
import WeirStore

/// RCPT, and the relay's answers to it.
extension Session {
    /// Decides one recipient; what passes is enqueued for the relay, where there is one.
    func admit(_ recipient: RecipientParameters, length: Int) -> Errand? {
        guard let transaction else { preconditionFailure("a recipient has an envelope") }
        let permission = permission(of: transaction.account)
        guard permission.admitsCredential || permission.refusal != nil else {
            return .close(told(.refusedPolicy, .accessEnded))
        }
        let restraint = restraint(transaction)
        let braking = restraint == .braked ? brake(recipient, transaction) : .ignored
        if case .refused(let reply) = braking, !mayBeRelief(recipient, length: length) {
            gateway.telemetry.metrics.detector.braked.add()
            refuse(told(.deferredFlagged, reply))
            return nil
        }
        switch decide(transaction, isStopped: restraint == .stopped) {
        case .refused(let disposition, let reply):
            if case .counted = braking { transaction.giveBackStrangers(1) }
            guard mayBeRelief(recipient, length: length) else {
                refuse(told(disposition, reply))
                return nil
            }
            return .relief(recipient, disposition, reply, length: length)
        case .admitted:
            guard transaction.relay != nil else { return .relay(recipient, transaction.hold, length: length) }
            forward(recipient, transaction.hold, length: length)
            return nil
        }
    }

    /// Finds the transaction a relay; where there is none, ``forward(_:_:length:)`` says so.
    func findRelay(for recipient: RecipientParameters) async {
        guard let transaction, transaction.relay == nil else { return }
        _ = await borrowRelay(for: transaction, needing: recipient.requires)
    }

    /// Enqueues a recipient that is admitted.
    @inline(never)
    func forward(_ recipient: RecipientParameters, _ hold: Hold, length: Int) {
        guard let transaction else { preconditionFailure("a recipient has an envelope") }
        guard let relay = transaction.relay, relay.offered.offers(recipient.requires) else {
            giveBackOne(hold)
            let reply = unavailable(transaction)
            noteRefusal(transaction, code: reply.code)
            return refuse(told(.failed, reply))
        }
        client.withInput { transaction.envelope.add(recipient, from: $0.extracting(0..<length)) }
        relay.enqueueLast(of: transaction.envelope)
        if transaction.isReliefOnly, generation.scanner != nil {
            transaction.isReliefOnly = isRelief(recipient, length: length)
        }
        noteWritten(recipient)
        answers.append(.relay(hold))
    }

    /// Admits a recipient that always may be written to, within its cap, or refuses it.
    func admitAsRelief(
        _ recipient: RecipientParameters, orRefuse disposition: MetricLabels.Disposition, _ reply: Reply, length: Int
    ) async {
        guard let transaction, let hold = await relief(transaction) else { return refuse(told(disposition, reply)) }
        await findRelay(for: recipient)
        forward(recipient, hold, length: length)
    }

    private enum Admission {
        case admitted
        case refused(MetricLabels.Disposition, Reply)
    }

    /// Reserves one more recipient, or says why not; `isStopped`: its account or machine may send nothing now.
    private func decide(_ transaction: Transaction, isStopped: Bool) -> Admission {
        if transaction.isLost { return .refused(.failed, .relayLost) }
        let permission = permission(of: transaction.account)
        if permission.refusal != nil { return .refused(.refusedPolicy, .relayingDenied) }
        if isStopped {
            if permission.state != .suspended { ensureMachineRecord(transaction) }
            return .refused(
                .refusedSuspended,
                Explanation.suspended(
                    permission.whenSuspended, contact: generation.configuration.contact, id: transaction.id))
        }
        let isFirst = transaction.hold.reservation.held == .zero
        let amount = Amount(
            messages: isFirst ? 1 : 0, recipients: 1, octets: isFirst ? transaction.declaredOctets : 0)
        let decision = gateway.ledger.decide { book, moment in
            book.reserve(amount, into: &transaction.hold.reservation, for: permission.parties, at: moment)
        }
        switch decision {
        case .admitted(let crossings):
            gateway.note(crossings, of: transaction.account)
            return .admitted
        case .refused(let refusal):
            gateway.note(refusal, of: transaction.account)
            let reply = explain(refusal, transaction)
            if refusal.limit.window != .message, refusal.limit.quantity != .refusals {
                // Who comes again when there is room, as he was told, shall not have used up his refusals by that.
                noteRefusal(transaction, code: reply.code)
                if refusal.scope == .account { noteLimitReached(transaction) }
            }
            transaction.story.limit = refusal.limit.name.description
            return .refused(reply.code >= 500 ? .refusedQuota : .deferredQuota, reply)
        }
    }

    func explain(_ refusal: Refusal, _ transaction: Transaction) -> Reply {
        Explanation.reply(refusal, id: transaction.id, now: gateway.runtime.now, wall: gateway.runtime.wall)
    }

    /// The contact, postmaster and abuse can be written to by an account that is suspended or over its limits, so many times a day.
    private func mayBeRelief(_ recipient: RecipientParameters, length: Int) -> Bool {
        guard let transaction, !transaction.isLost, permission(of: transaction.account).refusal == nil else {
            return false
        }
        return isRelief(recipient, length: length)
    }

    private func isRelief(_ recipient: RecipientParameters, length: Int) -> Bool {
        let contact = generation.configuration.contact
        let hostname = generation.configuration.hostname
        return client.withInput {
            recipient.path.isRelief(contact: contact, hostname: hostname, in: $0.extracting(0..<length))
        }
    }

    private func relief(_ transaction: Transaction) async -> Hold? {
        guard let subject = await gateway.reliefSubject(of: transaction.account) else { return nil }
        let hold = transaction.reliefHold()
        let parties = Parties(account: Party(subject, limits: Session.reliefLimits))
        let decision = gateway.ledger.decide { book, moment in
            book.reserve(Amount(recipients: 1), into: &hold.reservation, for: parties, at: moment)
        }
        if case .admitted = decision { return hold }
        return nil
    }

    /// Recipients that always may be written to, in a day.
    private static let reliefLimits = LimitSet([
        Limit(quantity: .recipients, window: .day, calendar: false, excess: .deferral, allowed: 10)
    ])

    /// Answers the recipient that was just received, in its turn.
    private func refuse(_ reply: Reply) { answers.append(.refusal(reply)) }

    /// Takes back what one recipient had reserved; the message too, where it was the last.
    private func giveBackOne(_ hold: Hold) {
        gateway.ledger.decide { book, _ in
            book.release(Amount(recipients: 1), from: &hold.reservation)
            let rest = hold.reservation.held
            if rest.recipients == 0 { book.release(rest, from: &hold.reservation) }
        }
    }

    // MARK: - The relay

    /// Borrows a connection for the transaction and sends the envelope as far as it goes; false if none is to be had.
    private func borrowRelay(
        for transaction: Transaction, needing keywords: Extensions.Keywords = []
    ) async -> Bool {
        let needed = transaction.envelope.requires.union(keywords)
        do throws(RelayUnavailable) {
            // Who has waited in vain for one that is busy does not wait again for each recipient.
            let relay = try await pool.borrow(
                RelaySearch(
                    relays: generation.relays, account: transaction.account.subject, needed: needed,
                    excluded: transaction.failed, isNew: transaction.needsNewConnection, waiter: waiter,
                    end: beginWait(), patience: transaction.unavailable == .busy ? 0 : RelayPool.patience))
            relay.enqueue(transaction.envelope)
            transaction.relay = relay
            transaction.story.relay = relay.relay.settings.name
            transaction.awaitsMailReply = true
            transaction.unavailable = nil
            return true
        } catch {
            gateway.noteUnavailable(error, transaction)
            // One that offers it may come back.
            let mayComeBack = error == .lacksExtension && generation.relays.mayOffer(needed)
            transaction.unavailable = mayComeBack ? .unreachable : error
            return false
        }
    }

    /// Begins to wait for relays, where no wait is under way; returns when it ends.
    private func beginWait() -> Instant {
        let due = answerDue ?? loop.now + RelayPool.searchMax
        answerDue = due
        return due
    }

    /// Lets a client that has waited for half of its time have the answers so far: for the next it has all of it again.
    private func relieveClient(after waited: UInt64 = RelayPool.searchMax / 2) {
        guard let due = answerDue, due.since(loop.now) + waited <= RelayPool.searchMax else { return }
        _ = client.flushNow()
        answerDue = nil
    }

    /// Sends on what is enqueued and writes every answer that is owed; false where the session ends with them.
    func settle() async throws(ConnectionError) -> Bool {
        guard !answers.isEmpty else { return true }
        client.prepareOutput()
        var farewell: Reply?
        var run = AnswerRun(asked: loop.now)
        for answer in answers {
            switch answer {
            case .reply(let reply): reply.append(to: &client.output)
            case .refusal(let reply):
                reply.append(to: &client.output)
                meter.answered(.rcpt, code: reply.code)
                farewell = dialogue.settle(code: reply.code)
            case .relay(let hold):
                let code = try await relayAnswer(hold, &run)
                farewell = dialogue.settle(code: code)
                relieveClient()
            }
            if let farewell {
                farewell.append(to: &client.output)
                break
            }
        }
        end(&run)
        // The relay's answer to DATA may take as long again.
        relieveClient(after: .second)
        answerDue = nil
        answers.removeAll(keepingCapacity: true)
        return farewell == nil
    }

    /// Answers of the relay that are alike, counted together: a hundred recipients mostly get the same.
    private struct AnswerRun {
        /// When they were asked: all with the segment, or each by itself.
        var asked: Instant
        /// Nanoseconds from then to the last of them.
        var took: UInt64 = 0
        var code: UInt16 = 0
        var count = 0
    }

    private func end(_ run: inout AnswerRun) {
        guard run.count > 0 else { return }
        meter.answered(.rcpt, code: run.code, count: run.count)
        transaction?.relay?.relay.meter?.replied(
            .rcpt, code: run.code, after: run.took, count: run.count)
        tell(run.code >= 400 ? .refusedRelay : .accepted, code: run.code, count: run.count)
        run.count = 0
    }

    /// Writes the relay's answer to the oldest outstanding recipient, and returns its code.
    ///
    /// Until the client has been told something that a relay said, a lost relay costs it nothing: the envelope goes again over a
    /// new connection, then to the next relay.
    private func relayAnswer(_ hold: Hold, _ run: inout AnswerRun) async throws(ConnectionError) -> UInt16 {
        guard let transaction else { preconditionFailure("a recipient has an envelope") }
        var farewell: ForwardedReply?
        let due = beginWait()
        while let relay = transaction.relay {
            // What another relay said or did before it was lost is not this one's.
            farewell = nil
            var isSilent = false
            let asked = loop.now
            do throws(ConnectionError) {
                let deadline = min(loop.now + generation.timeouts.relay, due)
                if transaction.awaitsMailReply {
                    farewell = try await takeMailReply(transaction, relay, deadline)
                    guard farewell == nil else { throw .closed }
                }
                if !relay.pipelines {
                    end(&run)
                    run.asked = loop.now
                }
                let code = try await relay.nextReply(until: deadline) { reply, octets -> UInt16? in
                    if let refusal = transaction.mailRefusal {
                        client.output.append(contentsOf: refusal.octets)
                        transaction.conduct?.hear(.refused)
                        return refusal.code
                    }
                    // Neither a refusal nor an acceptance: out of step.
                    guard !reply.isClosing, reply.code < 300 || reply.code >= 400 else {
                        farewell = reply.isClosing ? ForwardedReply(reply, from: octets) : ForwardedReply(.relayLost)
                        return nil
                    }
                    reply.appendForwarded(from: octets, to: &client.output)
                    transaction.conduct?.hear(RecipientReply(code: reply.code, reply.enhanced))
                    return reply.code
                }
                if let code {
                    transaction.isExposed = true
                    if code != run.code { end(&run) }
                    run.code = code
                    run.count += 1
                    run.took = loop.now.since(run.asked)
                    if code >= 400 { noteRefused(transaction, relay, hold, code: code) }
                    return code
                }
            } catch {
                if waiter.isInterrupted { throw error }
                noteSilence(of: relay, error, since: asked)
                isSilent = error == .timedOut
            }
            end(&run)
            // Where no other takes it the envelope has a recipient that was refused: it goes to none any more.
            transaction.isLost = await !replaceRelay(of: transaction, isSilent: isSilent)
            if transaction.isLost { break }
            run.asked = loop.now
        }
        giveBackOne(hold)
        transaction.conduct?.hear(nil)
        let reply = farewell ?? ForwardedReply(unavailable(transaction))
        tell(.failed, code: reply.code)
        client.output.append(contentsOf: reply.octets)
        meter.answered(.rcpt, code: reply.code)
        return reply.code
    }

    /// Takes the answer to MAIL, which no client sees unless it is a refusal: then it answers every recipient. What is returned says
    /// why the relay is lost.
    private func takeMailReply(
        _ transaction: Transaction, _ relay: RelayConnection, _ deadline: Instant
    ) async throws(ConnectionError) -> ForwardedReply? {
        let asked = loop.now
        let farewell = try await relay.nextReply(until: deadline) { reply, octets -> ForwardedReply? in
            relay.relay.meter?.replied(.mail, code: reply.code, after: loop.now.since(asked))
            if reply.isClosing { return ForwardedReply(reply, from: octets) }
            if 300..<400 ~= reply.code { return ForwardedReply(.relayLost) }
            // Another relay's, that was lost since, says nothing any more.
            transaction.mailRefusal = reply.isPositive ? nil : ForwardedReply(reply, from: octets)
            return nil
        }
        transaction.awaitsMailReply = false
        return farewell
    }

    /// What a recipient is told for whom there is no relay.
    private func unavailable(_ transaction: Transaction) -> Reply {
        if transaction.isLost { return .relayLost }
        // It has one, which offers less than this recipient asks for.
        if transaction.relay != nil { return .notOfferedHere }
        return switch transaction.unavailable {
        case .busy: .relaysBusy
        case .lacksExtension: .notOffered
        case .unreachable, .interrupted, nil: .noRelay
        }
    }

    private func noteRefused(_ transaction: Transaction, _ relay: RelayConnection, _ hold: Hold, code: UInt16) {
        relay.noteRefusal()
        giveBackOne(hold)
        noteRefusal(transaction, code: code)
    }

    /// Counts a recipient that was refused for good, in memory and in the journal.
    func noteRefusal(_ transaction: Transaction, code: UInt16) {
        guard code >= 500 else { return }
        let parties = permission(of: transaction.account).parties
        let crossings = gateway.ledger.decide { book, moment in book.record(refusals: 1, for: parties, at: moment) }
        gateway.note(crossings, of: transaction.account)
        gateway.ledger.journal([
            JournalRow(
                kind: .refusal, at: loop.now, slot: Slot(loop.now), account: parties.account.subject,
                customer: parties.customer?.subject, amount: Amount(refusals: 1), message: transaction.id.number)
        ])
    }

    /// After a relay was lost: another connection that has the envelope, or false. To one that is silent, a new one would fare no better.
    private func replaceRelay(of transaction: Transaction, isSilent: Bool) async -> Bool {
        guard let relay = transaction.relay else { return false }
        let isTriedAgain = relay.wasReused && !isSilent
        if isTriedAgain { transaction.needsNewConnection = true } else { transaction.failed.append(relay.relay) }
        transaction.relay = nil
        pool.abandon(relay, by: transaction.account.subject)
        guard !transaction.isExposed else {
            transaction.isLost = true
            return false
        }
        return await borrowRelay(for: transaction)
    }

    // MARK: - The end of a transaction

    /// Gives back all that the open transaction holds; its dot was not sent.
    func dropTransaction() {
        guard let transaction else { return }
        self.transaction = nil
        learnOutcome(of: transaction, isTaken: nil)
        transaction.giveBackStrangers()
        if !transaction.story.hasContent { tellEnd(of: transaction, code: 0) }
        gateway.ledger.withdraw(transaction.holds)
        guard let relay = transaction.relay else { return }
        transaction.relay = nil
        pool.giveBack(relay, by: transaction.account.subject)
    }
}
