import WeirBase
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Compares the gateway's books with what the wiretap heard, when everything is quiet.
struct Audit {
    let world: World
    let life: Life
    let evidence: Evidence

    init(_ world: World, _ life: Life) {
        self.world = world
        self.life = life
        evidence = world.evidence
    }

    func check() async throws {
        // Refunds of the last seconds become durable.
        await life.process.loops[0].spawn { [life] in
            await life.process.loops[0].sleep(until: life.process.now + 10 * .second)
        }.value
        let parties = try await parties()
        if world.scenario.theft != nil { try await checkDetector() }
        try await checkMemory(parties)
        try await checkStored(parties)
    }

    /// By the number of the subscriber.
    private func parties() async throws -> [Parties] {
        var all: [Parties] = []
        for subscriber in world.subscribers {
            let accounts = life.gateway.accounts
            let account: Account?
            if let credentials = subscriber.credentials {
                account = try await accounts.account(login: credentials.login)
            } else {
                account = try await accounts.account(at: subscriber.source.ip)
            }
            guard let account else { throw AuditError(reason: "subscriber \(subscriber.number) has no account") }
            all.append(account.standing.parties)
        }
        return all
    }

    private struct AuditError: Error {
        let reason: String
    }

    // MARK: - P5: what memory counts is what the store adds up to; and nothing is held

    private func checkMemory(_ parties: [Parties]) async throws {
        let (moment, counted) = life.gateway.ledger.decide { book, moment in
            (moment, parties.map { book.usage(of: $0, at: moment) })
        }
        let now = life.process.now
        let stored = try await life.writer.withStore { store throws(StoreError) in
            var book = Book()
            let first = Slot(Instant(nanoseconds: now.nanoseconds - 2 * .day))
            _ = try store.load(since: first, now: Slot(now)) { slot, subject, amount in
                book.load(amount, of: subject, in: slot, at: moment)
            }
            return parties.map { book.usage(of: $0, at: moment) }
        }
        for (number, (memory, file)) in zip(counted, stored).enumerated() {
            for (mine, its) in zip(memory, file) {
                let what = "\(mine.limit.quantity) per \(mine.limit.window) of subscriber \(number)'s \(mine.scope)"
                if mine.reserved != 0 { evidence.violate("P7", "\(mine.reserved) \(what) are still reserved") }
                if mine.limit.window == .concurrent, mine.used != 0 {
                    evidence.violate("P7", "\(mine.used) \(what) are still counted")
                }
                if mine.used != its.used {
                    evidence.violate("P5", "memory has \(mine.used) \(what), the store \(its.used)")
                }
            }
        }
    }

    // MARK: - P4: what is stored is what was released

    private struct Bounds {
        var least: Int64 = 0
        var most: Int64 = 0
    }

    private func checkStored(_ parties: [Parties]) async throws {
        let totals = try await life.writer.withStore { store throws(StoreError) in
            var totals: [SubjectID: Amount] = [:]
            _ = try store.load(since: Slot(number: 0), now: Slot(number: .max)) { _, subject, amount in
                totals[subject, default: .zero] += amount
            }
            return totals
        }
        var bounds: [SubjectID: Bounds] = [:]
        for transaction in evidence.transactions {
            guard let account = transaction.account, parties.indices.contains(account) else { continue }
            let subjects = parties[account].subjects
            for subject in [SubjectID.gateway, subjects.account] + (subjects.customer.map { [$0] } ?? []) {
                let (least, most) = share(of: transaction)
                bounds[subject, default: Bounds()].least += least
                bounds[subject, default: Bounds()].most += most
            }
        }
        for (subject, bounds) in bounds.sorted(by: { $0.key < $1.key }) {
            let stored = (totals[subject] ?? .zero).recipients
            if !(bounds.least...bounds.most).contains(stored) {
                evidence.violate(
                    "P4",
                    "\(stored) are stored of subject \(subject.number), from \(bounds.least) to \(bounds.most) were released"
                )
            }
        }
    }

    /// Whether a transaction's account was suspended by the end of the life that it was in, as far as anybody can tell.
    private func mayBeSuspended(_ transaction: WireTransaction) -> Bool {
        let noted = transaction.account.flatMap { evidence.suspended[$0] } ?? []
        let metrics = world.lives[transaction.life - 1].gateway.telemetry.metrics
        return noted.contains { $0 <= transaction.life } || metrics.quota.suspensions[.detector].current > 0
    }

    /// What a transaction must have left in the store, and what it may have.
    private func share(of transaction: WireTransaction) -> (least: Int64, most: Int64) {
        // A cap of its own counts it where the account is suspended.
        if transaction.isRelief, mayBeSuspended(transaction) { return (0, Int64(transaction.asked)) }
        if transaction.isMuddled { return (0, Int64(transaction.asked)) }
        if transaction.isCharged { return (Int64(transaction.accepted), Int64(transaction.accepted)) }
        guard let crash = evidence.crashes.first(where: { $0.life == transaction.life }) else { return (0, 0) }
        // Under way, or taken back by a row that the last commit did not have.
        let isLost = (transaction.ended ?? .distantFuture) >= crash.lastCommit
        return (0, isLost ? Int64(transaction.asked) : 0)
    }
}
