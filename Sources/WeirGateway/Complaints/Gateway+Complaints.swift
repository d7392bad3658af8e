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

    /// Those of these logins that X-Weir-Account stands for, with one of `names`, 32 digits each.
    package func accounts(among logins: [String], named names: Set<String>) -> [String] {
        let codes = names.compactMap { digits -> (UInt64, UInt64)? in
            guard digits.utf8.count == 32, let first = UInt64(digits.prefix(16), radix: 16),
                let second = UInt64(digits.suffix(16), radix: 16)
            else { return nil }
            return (first, second)
        }
        return logins.filter { login in
            let code = Account.traceCode(of: login, key: hashKey)
            return codes.contains { $0 == code }
        }
    }
}
