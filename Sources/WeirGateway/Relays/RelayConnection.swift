import WeirBase
import WeirRuntime
import WeirSMTP

/// A connection to a relay: greeted, secured, and ready for MAIL whenever it is borrowed.
///
/// Owned by one loop. What is enqueued goes out with the next ``nextReply(until:_:)``, at once where the relay offers PIPELINING;
/// replies are taken in order.
final class RelayConnection {
    let relay: RelayState
    let connection: Connection
    /// What the relay offered in its last EHLO reply.
    let offered: Extensions
    private let established: Instant
    private(set) var idleSince: Instant
    private var parser = ReplyParser()
    /// Messages the relay has taken on this connection.
    private var messages = 0
    /// Refusals and resets since the relay last took a message: relays punish a connection for its errors.
    private var complaints = 0
    /// Replies that were asked for, or will be, and have not come.
    private var outstanding = 0
    /// Commands for a relay that does not offer PIPELINING: each goes out when the one before is answered (RFC 2920, 3.1).
    private var held: [UInt8] = []
    private var state = State.ready

    private enum State {
        /// MAIL may be said. Left by ``enqueue(_:)``.
        case ready
        /// MAIL was said; RSET goes ahead of the next. Left by ``contentBegins()``.
        case envelope
        /// The relay reads a message: whatever is written is content. Left by ``contentEnded(accepted:)``.
        case content
        /// Nothing can be trusted any more. Never left.
        case broken
    }

    /// Bounds on the reuse of one connection.
    static let messagesMax = 200
    static let ageMax: UInt64 = 10 * .minute
    static let idleMax: UInt64 = 30 * .second
    static let complaintsMax = 5

    init(relay: RelayState, connection: Connection, offered: Extensions) {
        self.relay = relay
        self.connection = connection
        self.offered = offered
        established = connection.executor.now
        idleSince = established
    }

    /// Whether it carried a transaction before: then its loss says little about the relay.
    var wasReused: Bool { transactions > 1 }
    private var transactions = 0

    // MARK: - Commands

    /// Begins a transaction with MAIL and the recipients so far; after one that was broken off cleanly, RSET goes first in the
    /// same segment.
    func enqueue(_ envelope: Envelope) {
        switch state {
        case .ready: break
        case .envelope:
            enqueue(1) { $0.append(contentsOf: RelayConnection.rset) }
            complaints += 1
            awaitsResetReply = true
        case .content, .broken: preconditionFailure("a connection in mid-message was taken for a clean one")
        }
        state = .envelope
        transactions += 1
        enqueue(1 + envelope.recipients) { envelope.append(offering: offered, to: &$0) }
    }

    /// RSET was sent ahead of MAIL: its reply is taken before MAIL's.
    private var awaitsResetReply = false

    /// Adds the envelope's last recipient to the transaction.
    func enqueueLast(of envelope: Envelope) {
        enqueue(1) { envelope.appendLast(to: &$0) }
    }

    func enqueueData() { enqueue(1) { $0.append(contentsOf: RelayConnection.data) } }

    /// Whether the relay takes several commands at once.
    var pipelines: Bool { offered.keywords.contains(.pipelining) }

    /// So many commands.
    private func enqueue(_ commands: Int, _ write: (inout [UInt8]) -> Void) {
        outstanding += commands
        guard pipelines else { return write(&held) }
        connection.prepareOutput()
        write(&connection.output)
    }

    /// Has the oldest command that is held go out; the ones before are answered.
    private func releaseHeld() {
        guard let end = held.firstIndex(of: 0x0A) else { return }
        connection.prepareOutput()
        connection.output.append(contentsOf: held[...end])
        held.removeSubrange(...end)
    }

    /// The dot that ends the message; everything of the message was enqueued before.
    func enqueueDot() {
        connection.prepareOutput()
        connection.output.append(contentsOf: RelayConnection.dot)
        outstanding += 1
    }

    /// Whether something that was enqueued has not gone out.
    var hasUnsent: Bool { connection.outputCount > 0 }

    private func flush(until deadline: Instant) async throws(ConnectionError) {
        do throws(ConnectionError) {
            try await connection.flush(until: deadline)
        } catch {
            state = .broken
            throw error
        }
    }

    private static let data = Array("DATA\r\n".utf8)
    private static let dot = Array(".\r\n".utf8)
    private static let rset = Array("RSET\r\n".utf8)
    private static let quit = Array("QUIT\r\n".utf8)

    // MARK: - Replies

    /// Lends the next reply and its octets to `body`, waiting for it if need be; what is enqueued goes out first.
    @discardableResult
    func nextReply<Result>(
        until deadline: Instant, _ body: (RelayReply, Span<UInt8>) -> Result
    ) async throws(ConnectionError) -> Result {
        if awaitsResetReply {
            awaitsResetReply = false
            let asked = connection.executor.now
            try await nextReply(until: deadline) { reply, _ in
                relay.meter?.replied(.reset, code: reply.code, after: connection.executor.now.since(asked))
            }
        }
        releaseHeld()
        if connection.outputCount > 0 { try await flush(until: deadline) }
        while true {
            if let result = try takeReply(body) { return result }
            do throws(ConnectionError) {
                try await connection.receive(until: deadline)
            } catch {
                state = .broken
                throw error
            }
        }
    }

    /// Lends a reply that is already here to `body`; nil if none is complete.
    func takeReply<Result>(_ body: (RelayReply, Span<UInt8>) -> Result) throws(ConnectionError) -> Result? {
        guard connection.inputCount > 0 else { return nil }
        var consumed = 0
        var malformed = false
        let result: Result? = connection.withInput { input in
            switch parser.next(in: input) {
            case .incomplete: return nil
            case .malformed:
                malformed = true
                return nil
            case .reply(let reply):
                consumed = reply.length
                return body(reply, input)
            }
        }
        if malformed || connection.inputCount >= RelayConnection.replyOctetsMax && consumed == 0 {
            state = .broken
            throw .failed(TransportFailure(reason: "the relay's reply is not SMTP"))
        }
        guard result != nil else { return nil }
        connection.consume(consumed)
        outstanding -= 1
        if outstanding < 0 { state = .broken }
        return result
    }

    /// The most of an unfinished reply that is kept, in octets; the parser's own limits lie below.
    static let replyOctetsMax = BufferPool.octets

    // MARK: - The end of a transaction

    /// The relay has said 354.
    func contentBegins() { state = .content }

    /// Notes the relay's answer to the dot.
    func contentEnded(accepted: Bool) {
        state = .ready
        if accepted {
            messages += 1
            complaints = 0
        } else {
            complaints += 1
        }
    }

    /// Notes a refusal of MAIL, a recipient or DATA.
    func noteRefusal() { complaints += 1 }

    /// Whether another transaction may begin here: nothing is missing, nothing has come unasked, no bound is reached.
    func isReusable(now: Instant) -> Bool {
        isClean && !connection.isClosed && outstanding == 0 && connection.inputCount == 0
            && connection.outputCount == 0
            && messages < RelayConnection.messagesMax && now.since(established) < RelayConnection.ageMax
            && complaints < RelayConnection.complaintsMax
    }

    private var isClean: Bool {
        switch state {
        case .ready, .envelope: true
        case .content, .broken: false
        }
    }

    /// Gives it to the pool: `onEvent` is called when anything arrives.
    func rest(now: Instant, onEvent: @escaping () -> Void) {
        idleSince = now
        connection.waiter = nil
        connection.onIdleEvent = onEvent
    }

    func wake(for waiter: Waiter) {
        connection.onIdleEvent = nil
        connection.waiter = waiter
    }

    /// Closes: with QUIT where nothing is under way, abruptly otherwise.
    func close() {
        guard isClean, !connection.isClosed, outstanding == 0, connection.outputCount == 0 else { return abandon() }
        connection.output.append(contentsOf: RelayConnection.quit)
        _ = connection.flushNow()
        connection.close()
    }

    /// Closes in mid-message, so that the relay never takes what was sent for a whole one.
    func abandon() {
        state = .broken
        connection.reset()
    }
}
