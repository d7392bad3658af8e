import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirSMTP
import WeirStore

/// What one transaction came to, for its line in the log and for the metrics.
struct Story {
    typealias Disposition = MetricLabels.Disposition

    let began: Instant
    /// Recipients that a relay took, and that were refused by anyone.
    private(set) var accepted = 0
    private(set) var refused = 0
    /// Of the last recipient that was refused, and what its client was told.
    private(set) var refusal: Disposition?
    private(set) var refusalCode: UInt16 = 0
    /// The name of the last limit that refused; empty: none did.
    var limit = ""
    /// Whether DATA was answered with anything but an error of sequence.
    var hasContent = false
    var octets: UInt64 = 0
    /// The relay that was asked last.
    var relay = ""
    /// Why we did not let the content pass.
    var verdict: Disposition?
    /// The relay's reply to DATA or to the dot; 0: there is none.
    var relayCode: UInt16 = 0

    init(began: Instant) { self.began = began }

    mutating func note(_ disposition: Disposition, code: UInt16, count: Int) {
        if disposition == .accepted {
            accepted += count
        } else {
            refused += count
            (refusal, refusalCode) = (disposition, code)
        }
    }

    /// What its client was told in the end: `code` to its content, or where no recipient was taken the last refusal; 0: given up.
    func lastCode(_ code: UInt16) -> UInt16 { code == 0 && accepted == 0 ? refusalCode : code }

    /// What became of the message, whose client was told `code`; nil where there was none: it was given up before DATA.
    func disposition(code: UInt16) -> Disposition? {
        guard hasContent else { return accepted == 0 ? refusal : nil }
        if (200..<300).contains(code) { return .accepted }
        return verdict ?? (relayCode >= 400 ? .refusedRelay : .failed)
    }
}

/// What sessions tell of themselves.
extension Session {
    /// Notes it where the relay is lost because it kept silent from `asked` on, for as long as one may be expected to answer.
    func noteSilence(of relay: RelayConnection, _ error: ConnectionError, since asked: Instant) {
        let now = loop.now
        guard error == .timedOut, now.since(asked) >= min(generation.timeouts.relay, RelayPool.attemptMin) else {
            return
        }
        guard relay.relay.keptSilent(since: asked, now: now, jitter: gateway.runtime.random()) else { return }
        gateway.telemetry.log.warning("relay silent", ["relay": .string(relay.relay.settings.name)])
    }

    /// Notes that a relay has answered a message.
    func noteAnswer(of relay: RelayConnection) {
        guard relay.relay.answered(now: loop.now) else { return }
        gateway.telemetry.log.info("relay answers", ["relay": .string(relay.relay.settings.name)])
    }

    /// Counts a reply to the command at hand.
    func tell(_ reply: Reply) {
        guard let verb else { return }
        meter.answered(verb, code: reply.code)
        if reply.code == 503 { meter.violated(.sequence) }
        // A mechanism that we do not know has no exchange to tell of.
        if reply.code == 504 { meter.authenticated(.other, .malformed) }
        if reply == .tooManyErrors { meter.violated(.tooManyErrors) }
        if verb == .mail { tellSender(reply) }
    }

    /// Tells a MAIL that was refused: no transaction will tell of it.
    private func tellSender(_ reply: Reply) {
        guard reply.code >= 400, reply.code != toldRefusal else { return }
        toldRefusal = reply.code
        gateway.telemetry.log.info(
            "sender refused",
            [
                "code": .int(Int(reply.code)), "reason": .octets(Array(reply.octets.dropFirst(4).dropLast(2))),
                "account": .string(account?.key ?? ""),
                "listener": .string(listener.name), "source": .string(source), "helo": .octets(clientName),
                "tls": .string(client.transport.security?.version ?? ""),
            ])
    }

    /// Counts what became of a recipient, and returns its reply.
    func told(_ disposition: MetricLabels.Disposition, _ reply: Reply) -> Reply {
        tell(disposition, code: reply.code)
        return reply
    }

    func tell(_ disposition: MetricLabels.Disposition, code: UInt16, count: Int = 1) {
        meter.recipient(disposition, count: count)
        transaction?.story.note(disposition, code: code, count: count)
    }

    /// Counts the message and writes its line, once its client has been told `code` in answer to its content; 0: there was none.
    func tellEnd(of transaction: Transaction, code: UInt16) {
        let story = transaction.story
        let disposition = story.disposition(code: code)
        guard story.hasContent || story.accepted + story.refused > 0 else { return }
        if let disposition { meter.message(disposition) }
        if disposition == .accepted { meter.accepted(octets: story.octets) }
        gateway.telemetry.log.info(
            "message",
            [
                "id": .string(transaction.id.description), "result": .string(disposition?.word ?? "abandoned"),
                "account": .string(transaction.account.key), "listener": .string(listener.name),
                "source": .string(source), "helo": .octets(clientName),
                "tls": .string(client.transport.security?.version ?? ""),
                "recipients_accepted": .int(story.accepted), "recipients_refused": .int(story.refused),
                "limit": .string(story.limit), "octets": .unsigned(story.octets), "relay": .string(story.relay),
                "code": .int(Int(story.lastCode(code))),
                "seconds": .span(loop.now.since(story.began)),
            ])
        gateway.ledger.tell(
            StoryRow(
                id: transaction.id.number, account: transaction.account.subject,
                result: disposition?.word ?? "abandoned", refusal: story.refusal?.word ?? "",
                code: story.lastCode(code), relayCode: story.relayCode, accepted: story.accepted,
                refused: story.refused, octets: story.octets,
                milliseconds: loop.now.since(story.began) / .millisecond, limit: story.limit, relay: story.relay,
                source: source))
    }

    /// Counts and tells an attempt at AUTH; `login` is empty where the exchange did not come so far.
    func tell(_ result: MetricLabels.AuthResult, login: [UInt8] = []) {
        meter.authenticated(mechanism, result)
        guard result == .failure || result == .busy || result == .throttled else { return }
        gateway.telemetry.log.warning(
            "authentication failed",
            [
                "login": .octets(login), "result": .string(result.labelValue), "listener": .string(listener.name),
                "source": .string(source), "mechanism": .string(mechanism.labelValue),
            ])
    }

    /// Counts and tells a connection that is over the limit of its account.
    func tellTooMany(_ account: Account) {
        meter.admitted(.tooMany)
        gateway.telemetry.log.warning(
            "session refused",
            [
                "reason": "too many connections", "account": .string(account.key), "listener": .string(listener.name),
                "source": .string(source),
            ])
    }
}

extension Command {
    var verb: MetricLabels.Verb {
        switch self {
        case .helo: .helo
        case .ehlo: .ehlo
        case .mail: .mail
        case .rcpt: .rcpt
        case .data: .data
        case .rset: .rset
        case .noop: .noop
        case .quit: .quit
        case .vrfy: .vrfy
        case .help: .help
        case .startTLS: .starttls
        case .auth: .auth
        case .unimplemented, .forbidden, .http, .unknown: .unknown
        }
    }
}

extension CommandError {
    /// The command that it was meant to be, as far as the error tells.
    var verb: MetricLabels.Verb {
        switch self {
        case .malformedSender, .internationalSender, .messageTooBig: .mail
        case .malformedRecipient: .rcpt
        case .controlOctet, .lineTooLong, .malformedArgument, .unknownParameter: .unknown
        }
    }

    var violation: MetricLabels.Violation {
        switch self {
        case .controlOctet: .controlOctet
        case .lineTooLong: .lineTooLong
        case .malformedArgument, .malformedSender, .malformedRecipient, .internationalSender, .unknownParameter,
            .messageTooBig:
            .syntax
        }
    }
}

extension MessageStream.Fault {
    /// What of the protocol was broken; nil where only the message is at fault.
    var violation: MetricLabels.Violation? {
        switch self {
        case .bareCarriageReturn, .bareLineFeed: .bareNewline
        case .nul: .controlOctet
        case .loop: nil
        }
    }
}

extension MetricLabels.Mechanism {
    init(_ mechanism: SASLMechanism) {
        switch mechanism {
        case .plain: self = .plain
        case .login: self = .login
        }
    }
}
