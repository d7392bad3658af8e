import Synchronization
import WeirBase
import WeirReputation
import WeirSMTP

/// One mail transaction, from MAIL to the reply to its dot, or to its end without one.
final class Transaction {
    let id: MessageID
    let account: Account
    /// What it holds of the account's limits, its customer's and the gateway's.
    let hold = Hold()
    /// What it holds of the account's relief: recipients that always may be written to, within a cap of their own.
    private(set) var relief: Hold?
    /// All that it holds.
    private(set) var holds: [Hold]
    /// Octets as SIZE declared them, 0 without.
    let declaredOctets: Int64
    let isSMTPUTF8: Bool
    var envelope: Envelope
    var story: Story
    /// The connection that MAIL went over; nil before the first recipient, and after it was lost.
    var relay: RelayConnection?
    /// MAIL's reply has not been taken.
    var awaitsMailReply = false
    /// The relay refused MAIL: so every recipient is answered.
    var mailRefusal: ForwardedReply?
    /// The client has been answered with something that the relay said: from here on the transaction is bound to it.
    var isExposed = false
    /// The relay was lost after that: 451 until RSET.
    var isLost = false
    /// Why the last search for a relay found none.
    var unavailable: RelayUnavailable?
    /// What the detector is told of it; nil where the plan has none.
    var conduct: Conduct?
    /// Of the account's ``Account/strangersPending``, what this transaction let through.
    private var strangers = 0
    /// Not inlined, or all of it would be copied into the frame of a session that waits.
    var isObserved: Bool { @inline(never) get { conduct != nil } }
    /// Likewise: whether the detector judges it by machines.
    var isByNetwork: Bool { @inline(never) get { conduct?.terms.isByNetwork == true } }
    /// Whether all its recipients are such as always may be written to; told only where there is a scanner.
    var isReliefOnly = true
    /// What is kept for the scanner; nil where there is none, or nobody needs it any more.
    var scanCopy: ScanCopy?
    /// Relays that failed in this transaction.
    var failed: [RelayState] = []
    /// Whether a connection that was idle failed: the next one is to be new.
    var needsNewConnection = false

    init(id: MessageID, account: Account, mail: MailParameters, envelope: Envelope, now: Instant) {
        story = Story(began: now)
        self.id = id
        self.account = account
        holds = [hold]
        declaredOctets = Int64(clamping: mail.size ?? 0)
        isSMTPUTF8 = mail.isSMTPUTF8
        self.envelope = envelope
    }

    /// Lets a stranger through, if `isOver` does not say of those who are pending already that they are enough.
    func letThrough(unless isOver: (_ pending: Int) -> Bool) -> Bool {
        let pending = account.strangersPending.add(1, ordering: .relaxed).oldValue
        strangers += 1
        guard isOver(pending) else { return true }
        giveBackStrangers(1)
        return false
    }

    /// Gives back so many strangers that were let through.
    func giveBackStrangers(_ count: Int) {
        strangers -= count
        account.strangersPending.subtract(count, ordering: .relaxed)
    }

    /// Gives back all of them: the message is judged, or will not be.
    func giveBackStrangers() { giveBackStrangers(strangers) }

    /// The hold on the account's relief, made at its first use.
    func reliefHold() -> Hold {
        if let relief { return relief }
        let made = Hold()
        relief = made
        holds.append(made)
        return made
    }
}

/// A relay's reply, kept as the client will get it.
struct ForwardedReply {
    let code: UInt16
    let octets: [UInt8]

    init(_ reply: RelayReply, from input: Span<UInt8>) {
        var octets: [UInt8] = []
        reply.appendForwarded(from: input, to: &octets)
        code = reply.forwardedCode
        self.octets = octets
    }

    init(_ reply: Reply) {
        code = reply.code
        octets = reply.octets
    }
}
