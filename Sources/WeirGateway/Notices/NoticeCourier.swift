import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirSMTP
import WeirStore

/// Takes a notice to a relay: one message from nobody, counted by no limit.
struct NoticeCourier {
    let pool: RelayPool
    let relays: Relays
    let waiter: Waiter
    /// For each reply of a relay, and for its reply to the dot.
    let timeouts: Generation.Timeouts

    /// Whom relays take notices from, for the sharing of connections; the ledger gives this number to nobody.
    private static let sender = SubjectID(number: .max)

    /// Sends a message to one mailbox. On the pool's own loop.
    func send(_ message: NoticeMessage, to mailbox: String) async -> NoticeOutcome {
        guard let envelope = Envelope(fromNobodyTo: mailbox) else { return .moot("\(mailbox) is no mailbox") }
        let connection: RelayConnection
        do throws(RelayUnavailable) {
            connection = try await pool.borrow(
                RelaySearch(
                    relays: relays, account: NoticeCourier.sender, needed: envelope.requires, waiter: waiter,
                    end: waiter.executor.now + RelayPool.searchMax))
        } catch {
            return .failed("no relay: \(error)")
        }
        do throws(ConnectionError) {
            let outcome = try await transact(envelope, message, over: connection)
            pool.giveBack(connection, by: NoticeCourier.sender)
            return outcome
        } catch {
            pool.abandon(connection, by: NoticeCourier.sender)
            return .failed("\(connection.relay.settings.name): \(error.reason)")
        }
    }

    private func transact(
        _ envelope: Envelope, _ message: NoticeMessage, over connection: RelayConnection
    ) async throws(ConnectionError) -> NoticeOutcome {
        connection.enqueue(envelope)
        let sender = try await reply(connection)
        let recipient = try await reply(connection)
        for reply in [sender, recipient] where !reply.isPositive {
            connection.noteRefusal()
            return reply.outcome
        }
        connection.enqueueData()
        let data = try await reply(connection)
        guard data.code == 354 else {
            connection.noteRefusal()
            return data.isPositive ? .failed("DATA was answered \(data.code)") : data.outcome
        }
        connection.contentBegins()
        connection.connection.prepareOutput()
        connection.connection.output.append(contentsOf: message.octets)
        connection.enqueueDot()
        let end = try await reply(connection, within: timeouts.relayDot)
        connection.contentEnded(accepted: end.isPositive)
        return end.isPositive ? .told : end.outcome
    }

    private struct Answer {
        let code: UInt16
        let text: String
        var isPositive: Bool { code < 400 }
        var outcome: NoticeOutcome { code >= 500 ? .refused(text) : .failed(text) }
    }

    private func reply(
        _ connection: RelayConnection, within span: UInt64? = nil
    ) async throws(ConnectionError) -> Answer {
        let deadline = waiter.executor.now + (span ?? timeouts.relay)
        let answer = try await connection.nextReply(until: deadline) { reply, octets in
            Answer(code: reply.code, text: reply.logText(from: octets))
        }
        // It says good-bye: nothing more is to be said over this connection.
        if answer.code == 421 { throw .closed }
        return answer
    }
}
