import Glibc
import Synchronization
package import WeirConfiguration
import WeirRuntime

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

/// Who may do what: peer credentials on the Unix socket, bearer tokens everywhere.
package final class Gatekeeper: Sendable {
    private let held: Mutex<[AdminToken]>
    private let local: Set<Permission>

    /// `local` is what those get who may open the socket, and are neither root nor the daemon's own user: the file's
    /// mode lets in its group alone.
    package init(tokens: [AdminToken] = [], local: Set<Permission> = [.read, .adjust, .suspend]) {
        held = Mutex(tokens)
        self.local = local
    }

    /// The tokens that open the door from the next request on.
    package var tokens: [AdminToken] {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
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
        let presented = SHA256.digest(Array(parts[1].utf8))
        var found: AdminToken?
        for token in tokens where equalInConstantTime(token.digest, presented) { found = token }
        return found.map { Caller(actor: Actor(name: "token \($0.name)"), permissions: $0.permissions) }
    }

    /// How the audit calls a user of this machine.
    package static func name(of user: UInt32) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var text = [CChar](repeating: 0, count: 4096)
        guard getpwuid_r(user, &entry, &text, text.count, &found) == 0, found != nil, let name = entry.pw_name else {
            return "uid \(user)"
        }
        return String(cString: name)
    }
}
