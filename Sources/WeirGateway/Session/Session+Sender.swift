import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirSMTP
import WeirStore

/// MAIL, and whose it is.
extension Session {
    /// Whether the account is known, still this session's, and in the store, so that an envelope can begin without a wait.
    var isAccountAtHand: Bool {
        guard let account else { return listener.accounts == .login }
        let permission = permission(of: account)
        let isCurrent =
            credential == nil ? addressRevision == gateway.accounts.revision : permission.admitsCredential
        return isCurrent && !permission.isProvisional && isEvidenceAtHand(of: account)
    }

    /// Finds the account of an envelope, and puts one into the store that a rule of `networks:` gave; a reply ends the session, for
    /// what let it in does so no longer, or its account has too many connections.
    func findAccount() async -> Reply? {
        let finding = await findAccountOfAddress()
        storeTrouble = nil
        switch finding {
        case .found: break
        case .another: return .accessEnded
        case .silence(let condition):
            storeTrouble = condition
            return nil
        }
        guard let account else { return nil }
        guard permission(of: account).admitsCredential else { return .accessEnded }
        // It may have been told only now.
        if let refusal = count(account) { return refusal }
        if permission(of: account).isProvisional { storeTrouble = await gateway.materialise(account) }
        await prepareConduct(account)
        return nil
    }

    /// Begins an envelope: MAIL is answered at once, and goes to a relay with the first recipient.
    @inline(never)
    func begin(_ mail: MailParameters, length: Int) {
        generation = gateway.generation
        switch senderOrRefusal(mail) {
        case .failure(let refusal):
            dialogue.dropEnvelope()
            say(refusal.reply)
        case .success(let account):
            let envelope = client.withInput { Envelope(mail, from: $0.extracting(0..<length)) }
            transaction = Transaction(
                id: MessageID(at: loop.now, random: gateway.runtime.random()), account: account,
                mail: mail, envelope: envelope, now: loop.now)
            transaction?.conduct = beginConduct(account, mail)
            say(.senderOk)
        }
    }

    private struct Turned: Error {
        let reply: Reply
    }

    private func senderOrRefusal(_ mail: MailParameters) -> Result<Account, Turned> {
        if let reply = Session.refusal(storeTrouble ?? .sound) {
            storeTrouble = nil
            return .failure(Turned(reply: reply))
        }
        guard let account else {
            return .failure(Turned(reply: listener.accounts == .network ? .relayingDenied : .authenticationRequired))
        }
        switch permission(of: account).refusal {
        case .removed: return .failure(Turned(reply: .relayingDenied))
        case .unknownPlan: return .failure(Turned(reply: .storeBusy))
        case nil: break
        }
        if let reply = Session.refusal(gateway.ledger.condition) { return .failure(Turned(reply: reply)) }
        if let size = mail.size, let octetsMax = octetsMax(of: account), size > octetsMax {
            return .failure(Turned(reply: .messageTooBig))
        }
        return .success(account)
    }

    /// What MAIL is told while the store takes nothing.
    private static func refusal(_ condition: Ledger.Condition) -> Reply? {
        switch condition {
        case .sound: nil
        case .full: .diskFull
        case .failing: .storeBusy
        }
    }

    /// The largest message that the account's plan and the relays take; nil: any.
    func octetsMax(of account: Account) -> UInt64? {
        let limits = permission(of: account).parties.account.limits
        return generation.announced(for: limits, mayChange: false, now: loop.now, relays: generation.relays.offered)
            .octets
    }

    enum Finding {
        /// The account is the one that the address tells, if any, or AUTH has told it.
        case found
        /// The address is another account's now, or nobody's.
        case another
        /// The store cannot say.
        case silence(Ledger.Condition)
    }

    /// Finds the account that the source address tells, where it may: again after accounts or rules have changed.
    func findAccountOfAddress() async -> Finding {
        guard credential == nil, listener.accounts != .login else { return .found }
        let (accounts, source) = (gateway.accounts, client.transport.peer.ip)
        let revision = accounts.revision
        guard account == nil || addressRevision != revision else { return .found }
        var found = accounts.known(at: source)
        if found == nil {
            let answer = await loop.aside { () async -> Result<Account?, StoreError> in
                do throws(StoreError) {
                    return .success(try await accounts.account(at: source))
                } catch {
                    return .failure(error)
                }
            }
            switch answer {
            case .success(let stored): found = stored
            case .failure(let error): return .silence(error.condition)
            }
        }
        guard account == nil || account === found else { return .another }
        (account, addressRevision) = (found, revision)
        return .found
    }
}
