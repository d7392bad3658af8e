import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirSMTP
import WeirStore

/// MAIL, and whose it is.
extension Session {
    /// Whether the account is known, and in the store, so that an envelope can begin without a wait.
    var isAccountAtHand: Bool {
        guard let account else { return listener.accounts == .login }
        return !permission(of: account).isProvisional && isEvidenceAtHand(of: account)
    }

    /// Finds the account of an envelope, and puts one into the store that a rule of `networks:` gave.
    func findAccount() async {
        isStoreSilent = !(await findAccountOfAddress())
        if let account, permission(of: account).isProvisional {
            isStoreSilent = !(await gateway.materialise(account))
        }
        if let account { await prepareConduct(account) }
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
                subjects: permission(of: account).parties.subjects, mail: mail, envelope: envelope, now: loop.now)
            transaction?.conduct = beginConduct(account, mail)
            say(.senderOk)
        }
    }

    private struct Turned: Error {
        let reply: Reply
    }

    private func senderOrRefusal(_ mail: MailParameters) -> Result<Account, Turned> {
        if isStoreSilent {
            isStoreSilent = false
            return .failure(Turned(reply: .storeBusy))
        }
        guard let account else {
            return .failure(Turned(reply: listener.accounts == .network ? .relayingDenied : .authenticationRequired))
        }
        switch permission(of: account).refusal {
        case .removed: return .failure(Turned(reply: .relayingDenied))
        case .unknownPlan: return .failure(Turned(reply: .storeBusy))
        case nil: break
        }
        switch gateway.ledger.condition {
        case .full: return .failure(Turned(reply: .diskFull))
        case .failing: return .failure(Turned(reply: .storeBusy))
        case .sound: break
        }
        if let size = mail.size, let octetsMax = octetsMax(of: account), size > octetsMax {
            return .failure(Turned(reply: .messageTooBig))
        }
        return .success(account)
    }

    /// The largest message that the account's plan and the relays take; nil: any.
    func octetsMax(of account: Account) -> UInt64? {
        let limits = permission(of: account).parties.account.limits
        return generation.announced(for: limits, now: loop.now, relayMax: generation.relays.offered.sizeMax).octets
    }

    /// Finds the account that the source address tells, where it may; false where the store cannot say.
    func findAccountOfAddress() async -> Bool {
        guard account == nil, listener.accounts != .login else { return true }
        let (accounts, source) = (gateway.accounts, client.transport.peer.ip)
        if let known = accounts.known(at: source) {
            account = known
            return true
        }
        let found = await loop.aside { () async -> Result<Account?, StoreError> in
            do throws(StoreError) {
                return .success(try await accounts.account(at: source))
            } catch {
                return .failure(error)
            }
        }
        guard case .success(let found) = found else { return false }
        account = found
        return true
    }
}
