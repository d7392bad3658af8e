import Synchronization
import WeirBase
package import WeirQuota
import WeirReputation
import WeirRuntime
package import WeirStore

/// An account as sessions use it; what an administrator changes shows here at once.
package final class Account: Sendable {
    /// How it is found and counted: the canonical spelling of its login.
    package let key: String
    package let subject: SubjectID
    private let current: Mutex<Standing>
    /// Of its trace; zeros before the first.
    private let trace = Mutex<(UInt64, UInt64)>((0, 0))
    private let relief = Mutex<SubjectID?>(nil)
    private let changes = Atomic<UInt64>(0)
    /// Recipients that its brake, or that of machines behind it, has let through in messages that are not judged yet.
    let strangersPending = Atomic<Int>(0)

    /// Whether it was looked up since the directory last came by.
    let wasUsed = Atomic<Bool>(true)
    /// Whether more than half of some limit is used: then it is kept in memory, for the metrics.
    let isNearLimit = Atomic<Bool>(false)

    /// What holds for the account at present.
    package struct Standing: Sendable {
        var terms: Terms
        package var parties: Parties
        package var state = AccountState.normal
        /// When its owner became a customer; nil: long ago.
        var opened: Instant?
        /// As libcrypt writes it; nil: no password.
        package var passwordHash: String?
        /// SHA-256 of each application token.
        package var tokens: [[UInt8]] = []
        /// Not in the store yet: made at its first mail, by a rule of `networks:`.
        package var isProvisional = false
        /// Removed, or its plan is no longer defined: nothing passes, and this is why.
        package var refusal: Refusal?

        package enum Refusal: Sendable {
            case removed, unknownPlan
        }

        /// What the detector measures it by; nil: the plan has none.
        var conduct: WeirReputation.Terms? {
            var conduct = terms.conduct
            conduct?.opened = opened
            return conduct
        }
    }

    /// What all accounts of a plan share.
    final class Terms: Sendable {
        let plan: Plan
        let limits: LimitSet
        /// What the detector measures their conduct by; nil: the plan has none.
        let conduct: WeirReputation.Terms?

        init(_ plan: Plan) {
            self.plan = plan
            limits = LimitSet(plan)
            conduct = WeirReputation.Terms(plan)
        }
    }

    init(key: String, subject: SubjectID, standing: Standing) {
        self.key = key
        self.subject = subject
        current = Mutex(standing)
    }

    package var standing: Standing { current.withLock { $0 } }

    /// What decides whether the account may send, as of now; asked for each recipient anew. `credential` let the session in; nil: its
    /// source address did.
    func permission(by credential: Credential?) -> Permission {
        let revision = revision
        return current.withLock { Permission(self, $0, by: credential, revision: revision) }
    }

    /// What an account may do in a session, as of one of its revisions.
    final class Permission {
        let account: Account
        let revision: UInt64
        let parties: Parties
        let state: AccountState
        let refusal: Standing.Refusal?
        let whenSuspended: Plan.WhenSuspended
        let isProvisional: Bool
        /// Whether the session's credential is still one of the account's; a source address tells nothing here.
        let admitsCredential: Bool
        /// What the detector measures it by; nil: the plan has none.
        let conduct: WeirReputation.Terms?

        fileprivate init(_ account: Account, _ standing: Standing, by credential: Credential?, revision: UInt64) {
            self.account = account
            self.revision = revision
            parties = standing.parties
            state = standing.state
            refusal = standing.refusal
            whenSuspended = standing.terms.plan.whenSuspended
            isProvisional = standing.isProvisional
            admitsCredential = credential.map(standing.admits) ?? true
            conduct = standing.conduct
        }
    }

    /// The field that names the account to us, and to nobody else: `X-Weir-Account` and its CRLF.
    func traceField(key: [UInt8]) -> [UInt8] {
        let code = trace.withLock { code in
            if code == (0, 0) { code = Account.traceCode(of: self.key, key: key) }
            return code
        }
        var field = Array("X-Weir-Account: ".utf8)
        for half in [code.0, code.1] {
            for shift in stride(from: 60, through: 0, by: -4) { field.append(Account.digits[Int(half >> shift & 15)]) }
        }
        return field + [13, 10]
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// What stands for a login in that field, as two halves.
    static func traceCode(of login: String, key: [UInt8]) -> (UInt64, UInt64) {
        let code = HMACSHA256.code(Array(login.utf8), key: key)
        return (code[0..<8].reduce(0) { $0 << 8 | UInt64($1) }, code[8..<16].reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Takes what an administrator has changed. The state is no part of that: a verdict gives it at once, and the store has it later.
    func adopt(_ changed: Standing) {
        update { present in
            let state = present.state
            present = changed
            present.state = state
        }
    }

    func update(_ body: (inout Standing) -> Void) {
        current.withLock { body(&$0) }
        changes.add(1, ordering: .releasing)
    }

    /// Goes to another state, but ends no suspension: returns where it was, and nil where it stays. With `former`, only from there.
    func move(to state: AccountState, from former: AccountState? = nil) -> AccountState? {
        let left = current.withLock { standing -> AccountState? in
            let present = standing.state
            guard present != state, present != .suspended, former == nil || present == former else { return nil }
            standing.state = state
            return present
        }
        if left != nil { changes.add(1, ordering: .releasing) }
        return left
    }

    /// Who is counted for mail to the contact, postmaster and abuse; nil before the first.
    var reliefSubject: SubjectID? {
        get { relief.withLock { $0 } }
        set { relief.withLock { $0 = newValue } }
    }

    /// Grows with every change.
    var revision: UInt64 { changes.load(ordering: .acquiring) }
}
