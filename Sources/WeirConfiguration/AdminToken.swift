import WeirBase
import WeirQuota

/// What a route of the API asks of whoever calls it.
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

/// A caller of the API over the network: who it is, the SHA-256 of its bearer token, and what it may do.
package struct AdminToken: Hashable, Sendable {
    package var name: String
    /// 32 octets.
    package var digest: [UInt8]
    package var permissions: Set<Permission>

    package init(name: String, digest: [UInt8], permissions: Set<Permission>) {
        self.name = name
        self.digest = digest
        self.permissions = permissions
    }

    /// How many callers a file may name.
    package static let countMax = 1_000
    /// The longest name, in octets: it stands in the audit, and in lines of the log.
    package static let nameOctetsMax = 64

    /// Reads the file of `admin.token_file`: a line for each caller, its name, the digest in hex, and its permissions with
    /// commas between them; a caller whose line names none may read.
    ///
    /// Empty lines and lines that begin with `#` say nothing. Names and digests are unique. `place` is where the file is named.
    package static func load(_ path: String, named place: Place) throws(ConfigurationErrors) -> [AdminToken] {
        let octets: [UInt8]
        do throws(FileFault) {
            octets = try readFile(path, octetsMax: 1024 * 1024)
        } catch {
            let message = "\(path): cannot be read: \(error.reason)"
            throw ConfigurationErrors([
                ConfigurationError(place, message, hint: "token_file: has a line for each caller of the API")
            ])
        }
        var tokens: [AdminToken] = []
        var names: Set<String> = []
        var digests: Set<[UInt8]> = []
        var errors: [ConfigurationError] = []
        let lines = octets.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
            guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
            let place = Place(file: path, line: index + 1, column: 1)
            let token: AdminToken
            do throws(LineFault) {
                token = try AdminToken(words)
            } catch {
                errors.append(ConfigurationError(place, error.reason, hint: error.hint))
                continue
            }
            let isNew = (name: names.insert(token.name).inserted, digest: digests.insert(token.digest).inserted)
            if isNew != (true, true) {
                errors.append(ConfigurationError(place, "this name or token is given twice"))
            }
            tokens.append(token)
            guard tokens.count <= countMax else {
                errors.append(ConfigurationError(place, "more than \(countMax) tokens"))
                break
            }
        }
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
        return tokens
    }

    /// `name SP digest [ SP permission *( "," permission ) ]`
    private init(_ words: [ArraySlice<UInt8>]) throws(LineFault) {
        guard (2...3).contains(words.count), let digest = [UInt8](hexadecimal: words[1]), digest.count == 32
        else {
            throw LineFault(
                reason: "expected a name, the SHA-256 of a token, and what it may do",
                hint: "printf %s \"$TOKEN\" | sha256sum")
        }
        guard words[0].count <= AdminToken.nameOctetsMax, words[0].allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw LineFault(reason: "a name is at most \(AdminToken.nameOctetsMax) letters and digits", hint: nil)
        }
        let known = Permission.allCases.map(\.rawValue)
        let named = words.count == 3 ? String(decoding: words[2], as: UTF8.self) : Permission.read.rawValue
        var permissions: Set<Permission> = []
        for text in named.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            guard let permission = Permission(rawValue: text) else {
                let near = Spelling.nearest(to: text, among: known).map { "did you mean \($0)?" }
                throw LineFault(
                    reason: "\(quoted(text)) is no permission",
                    hint: near ?? "\(known.joined(separator: ", ")), with commas between them")
            }
            permissions.insert(permission)
        }
        self.init(name: String(decoding: words[0], as: UTF8.self), digest: digest, permissions: permissions)
    }

    private struct LineFault: Error {
        let reason: String
        let hint: String?
    }
}
