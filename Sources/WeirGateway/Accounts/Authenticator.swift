import Synchronization
import WeirBase
import WeirRuntime
import WeirSMTP
import WeirStore

/// Tells whose credentials are right: by application token or by password, at the same cost for logins that do not exist.
package final class Authenticator: Sendable {
    enum Verdict: Sendable {
        case right(Account)
        case wrong
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
        switch throttle.withLock({ $0.admit(source: source, login: key, now: runtime.now) }) {
        case .refuse: return .throttled
        case .proceed(let delay): if delay > 0 { await loop.sleep(until: loop.now + delay) }
        }
        let account: Account?
        do throws(StoreError) {
            account = try await accounts.account(login: login)
        } catch {
            return .busy
        }
        switch await check(credentials, key: key, standing: account?.standing) {
        case .right: if let account { return .right(account) }
        case .busy: return .busy
        case .wrong: break
        }
        throttle.withLock { $0.fail(source: source, login: key, now: runtime.now) }
        return .wrong
    }

    private func check(
        _ credentials: Credentials, key: String, standing: Account.Standing?
    ) async -> PasswordPool.Verdict {
        if let standing, !standing.tokens.isEmpty {
            let digest = ApplicationToken.digest(of: credentials.password)
            if standing.tokens.contains(where: { equalInConstantTime($0, digest) }) { return .right }
            // An account with tokens alone has no password to be guessed at.
            if standing.passwordHash == nil { return await dummy(credentials, key) }
        }
        guard let text = standing?.passwordHash, let hash = PasswordHash(text) else {
            return await dummy(credentials, key)
        }
        return await passwords.verify(login: Array(key.utf8), password: credentials.password, against: hash)
    }

    private func dummy(_ credentials: Credentials, _ key: String) async -> PasswordPool.Verdict {
        await passwords.verify(login: Array(key.utf8), password: credentials.password, against: nil)
    }
}
