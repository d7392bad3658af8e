import Glibc

/// What a route asks of whoever calls it.
package enum Permission: String, CaseIterable, Hashable, Sendable {
    /// Look at accounts and the gateway.
    case read
    /// Change accounts: plans, networks, passwords, limits.
    case adjust
    /// Suspend and release accounts.
    case suspend
    /// All else: reload, import, removal.
    case admin
}

/// Somebody who was let in, and what they may do.
package struct Caller: Hashable, Sendable {
    package var actor: Actor
    package var permissions: Set<Permission>

    package init(actor: Actor, permissions: Set<Permission>) {
        self.actor = actor
        self.permissions = permissions
    }

    /// `admin` may do everything, and everybody may read.
    package func may(_ permission: Permission) -> Bool {
        permission == .read && !permissions.isEmpty || !permissions.isDisjoint(with: [permission, .admin])
    }
}

/// A bearer token for the TCP address, of which only the digest is kept.
package struct AdminToken: Hashable, Sendable {
    package var name: String
    /// SHA-256 of the token's octets.
    package var digest: [UInt8]
    package var permissions: Set<Permission>

    package init(name: String, digest: [UInt8], permissions: Set<Permission>) {
        self.name = name
        self.digest = digest
        self.permissions = permissions
    }
}

/// Who may do what: peer credentials on the Unix socket, bearer tokens everywhere.
package struct Gatekeeper: Sendable {
    private let tokens: [AdminToken]
    private let digest: @Sendable ([UInt8]) -> [UInt8]
    private let local: Set<Permission>

    /// `digest` is SHA-256. `local` is what those get who may open the socket, and are neither root nor the
    /// daemon's own user: the file's mode lets in its group alone.
    package init(
        tokens: [AdminToken] = [], local: Set<Permission> = [.read, .adjust, .suspend],
        digest: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) {
        self.tokens = tokens
        self.local = local
        self.digest = digest
    }

    /// The caller behind a request; nil for a stranger. A token, where there is one, decides alone.
    package func caller(_ head: HTTPHead) -> Caller? {
        if let authorization = head.authorization { return holder(of: authorization) }
        guard case .local(let user, _) = head.peer else { return nil }
        let trusted = user == 0 || user == geteuid()
        return Caller(actor: Actor(name: Gatekeeper.name(of: user)), permissions: trusted ? [.admin] : local)
    }

    private func holder(of authorization: String) -> Caller? {
        let parts = authorization.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let presented = digest(Array(parts[1].utf8))
        var found: AdminToken?
        for token in tokens where Gatekeeper.equal(token.digest, presented) { found = token }
        return found.map { Caller(actor: Actor(name: "token \($0.name)"), permissions: $0.permissions) }
    }

    /// Takes as long for octets that differ early as for those that differ late.
    static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count, !left.isEmpty else { return false }
        return zip(left, right).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func name(of user: UInt32) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var text = [CChar](repeating: 0, count: 4096)
        guard getpwuid_r(user, &entry, &text, text.count, &found) == 0, found != nil, let name = entry.pw_name else {
            return "uid \(user)"
        }
        return String(cString: name)
    }
}
