import WeirBase
import WeirConfiguration
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirSMTP

/// What the scanner is shown of a message, and what it forbids.
extension Session {
    /// Shows the message to the scanner, if there is one, and waits for its verdict; a reply refuses the message.
    ///
    /// What goes to the contact, postmaster and abuse alone is not scanned: a customer may ask about the very spam.
    func scan(_ transaction: Transaction) async throws(ConnectionError) -> Reply? {
        guard let scanner = generation.scanner, let copy = transaction.scanCopy, !transaction.isReliefOnly else {
            return nil
        }
        let request = ScanRequest(fields: scanFields(transaction), message: copy.octets)
        let deadline = scanner.deadline(now: loop.now)
        let pending = PendingVerdict(waiter)
        let loop = loop
        loop.spawn { pending.come(await scanner.scan(request, on: loop, until: deadline)) }
        while pending.verdict == nil, loop.now < deadline {
            if waiter.isInterrupted { throw .interrupted }
            await waiter.wait(until: deadline)
        }
        transaction.scanCopy = nil
        return ruling(pending.verdict ?? .unknown, scanner, transaction)
    }

    /// Where a verdict is left for a session, which may have gone on without it.
    ///
    /// `@unchecked Sendable`: both tasks are of one loop.
    private final class PendingVerdict: @unchecked Sendable {
        private(set) var verdict: ScanVerdict?
        private let waiter: Waiter

        init(_ waiter: Waiter) { self.waiter = waiter }

        func come(_ verdict: ScanVerdict) {
            self.verdict = verdict
            waiter.signal()
        }
    }

    private func ruling(_ verdict: ScanVerdict, _ scanner: Scanner, _ transaction: Transaction) -> Reply? {
        let contact = generation.configuration.contact
        guard case .scanned(let reply) = verdict else { return awayReply(scanner, transaction) }
        transaction.conduct?.scannerScore = reply.score
        switch reply.action {
        case .pass, .mark: return nil
        case .defer:
            transaction.story.verdict = .refusedContent
            return Explanation.scanDeferred(id: transaction.id)
        case .reject:
            // A scanner that condemns most of what anybody sends is broken: it is as good as away.
            if gateway.detector.alarm == .scannerCondemns { return awayReply(scanner, transaction) }
            transaction.story.verdict = .refusedContent
            return Explanation.scanRefused(contact: contact, id: transaction.id)
        }
    }

    private func awayReply(_ scanner: Scanner, _ transaction: Transaction) -> Reply? {
        switch scanner.settings.away {
        case .open: return nil
        case .defer:
            transaction.story.verdict = .failed
            return Explanation.notScanned(id: transaction.id)
        }
    }

    /// Source: rspamd's protocol, the fields of a request.
    private func scanFields(_ transaction: Transaction) -> [HTTPReply.Field] {
        let paths = transaction.envelope.paths(recipientsMax: Scanner.recipientsMax)
        var fields = [
            HTTPReply.Field("IP", source), HTTPReply.Field("Helo", String(decoding: clientName, as: UTF8.self)),
            HTTPReply.Field("User", transaction.account.key), HTTPReply.Field("Queue-Id", transaction.id.description),
            HTTPReply.Field("MTA-Name", generation.configuration.hostname),
            HTTPReply.Field("From", String(decoding: paths.sender, as: UTF8.self)),
        ]
        fields += paths.recipients.map { HTTPReply.Field("Rcpt", String(decoding: $0, as: UTF8.self)) }
        return fields
    }
}
