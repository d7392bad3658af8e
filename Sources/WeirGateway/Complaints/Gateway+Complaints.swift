import WeirBase
import WeirReputation
package import WeirStore

/// What complaints lead to.
extension Gateway {
    /// Holds a complaint against an account, as its plan's detector has it: it may be flagged or suspended.
    package func complain(of login: String, message: MessageID) async throws(StoreError) {
        guard let account = try await accounts.account(login: login), let terms = account.standing.conduct else {
            return
        }
        await prepareEvidence(of: account)
        guard let judgement = detector.complain(of: message.number, by: account.subject, terms) else { return }
        carryOut(judgement, of: account, terms)
        try await detector.save()
    }

    /// The first of these logins that 32 digits of X-Weir-Account stand for.
    package func account(among logins: [String], named digits: String) -> String? {
        guard digits.utf8.count == 32, let first = UInt64(digits.prefix(16), radix: 16),
            let second = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        return logins.first { Account.traceCode(of: $0, key: hashKey) == (first, second) }
    }
}
