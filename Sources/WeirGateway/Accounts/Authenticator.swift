import Synchronization
import WeirBase
import WeirRuntime
import WeirSMTP
import WeirStore

/// Tells whose credentials are right: by application token or by password, at the same cost for logins that do not exist.
package final class Authenticator: Sendable {
    enum Verdict: Sendable {
        indirect case right(Account, Credential)
        /// The account is that of the login, where there is one, and where this is not the same wrong password again.
        case wrong(Account?)
        /// This source has failed too often.
        case throttled
        /// Too many checks wait, or the store cannot say.
        case busy
    }

    private let runtime: Runtime
    private let accounts: AccountDirectory
    private let passwords: PasswordPool
    private let throttle = Mutex(AuthenticationThrottle())

    init(runtime: Runtime, accounts: AccountDirectory, passwords: PasswordPool) {
        self.runtime = runtime
        self.accounts = accounts
        self.passwords = passwords
    }

    /// Checks what a client presented from `source`; the calling task runs on `loop`.
    func verify(_ credentials: Credentials, source: IPAddress, on loop: RuntimeExecutor) async -> Verdict {
        let login = String(decoding: credentials.login, as: UTF8.self)
        let key = CanonicalLogin(login)?.key ?? login
        let delay: UInt64
        switch throttle.withLock({ $0.admit(source: source, login: key, now: runtime.now) }) {
        case .refuse: return admitByToken(credentials, key: key) ?? .throttled
        case .proceed(let span): delay = span
        }
        let account: Account?
        do throws(StoreError) {
            account = try await accounts.account(login: login)
        } catch {
            return .busy
        }
        // Whom we know already does not wait for what others do in his name.
        if let account, let credential = recognized(credentials, key: key, standing: account.standing) {
            return .right(account, credential)
        }
        if delay > 0 { await loop.sleep(until: loop.now + delay) }
        let (name, password) = (Array(key.utf8), credentials.password)
        // An account with tokens alone has no password to be guessed at.
        let hash = account?.standing.passwordHash.flatMap { PasswordHash($0) }
        let guess = passwords.guess(login: name, password: password, against: hash)
        if throttle.withLock({ $0.hasFailed(guess, from: source) }) { return .wrong(nil) }
        switch await passwords.verify(login: name, password: password, against: hash) {
        case .right: if let account, let hash { return .right(account, .password(hash: hash.text)) }
        case .busy: return .busy
        case .wrong: break
        }
        throttle.withLock { $0.fail(guess, from: source, login: key, now: runtime.now) }
        return .wrong(account)
    }

    /// Lets the owner of a token in whatever his network has guessed: nobody guesses a token. Only of an account in memory, so that guesses
    /// cost no look at the disk; and no password, not even one that was right a moment ago, for that could be guessed at without end.
    private func admitByToken(_ credentials: Credentials, key: String) -> Verdict? {
        guard let account = accounts.known(key: key), let credential = token(credentials, of: account.standing) else {
            return nil
        }
        return .right(account, credential)
    }

    private func token(_ credentials: Credentials, of standing: Account.Standing) -> Credential? {
        guard !standing.tokens.isEmpty else { return nil }
        let digest = ApplicationToken.digest(of: credentials.password)
        return standing.tokens.contains { equalInConstantTime($0, digest) } ? .token(digest: digest) : nil
    }

    /// One of the account's tokens, or a password that was right a moment ago: what takes no time to tell.
    private func recognized(_ credentials: Credentials, key: String, standing: Account.Standing) -> Credential? {
        if let token = token(credentials, of: standing) { return token }
        guard let text = standing.passwordHash, let hash = PasswordHash(text),
            passwords.remembers(login: Array(key.utf8), password: credentials.password, against: hash)
        else { return nil }
        return .password(hash: text)
    }
}
