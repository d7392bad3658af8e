/// What let a session use an account, where its source address did not.
enum Credential: Sendable {
    /// As libcrypt writes it.
    case password(hash: String)
    /// SHA-256 of an application token.
    case token(digest: [UInt8])
}

extension Account.Standing {
    /// Whether it would still let a session in.
    func admits(_ credential: Credential) -> Bool {
        switch credential {
        case .password(let hash): passwordHash == hash
        case .token(let digest): tokens.contains(digest)
        }
    }
}
