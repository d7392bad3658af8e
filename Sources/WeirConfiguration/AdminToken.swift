/// A caller of the API over the network: who it is, and the SHA-256 of its bearer token.
package struct AdminToken: Hashable, Sendable {
    package var name: String
    /// 32 octets.
    package var digest: [UInt8]

    package init(name: String, digest: [UInt8]) {
        self.name = name
        self.digest = digest
    }

    /// How many callers a file may name.
    package static let countMax = 1_000

    /// Reads the file of `admin.token_file`: a line for each caller, its name and the digest in hex.
    ///
    /// Empty lines and lines that begin with `#` say nothing. Names and digests are unique.
    package static func load(_ path: String) throws(ConfigurationErrors) -> [AdminToken] {
        let octets: [UInt8]
        do throws(FileFault) {
            octets = try readFile(path, octetsMax: 1024 * 1024)
        } catch {
            throw ConfigurationErrors([ConfigurationError(Place(file: path), "cannot be read: \(error.reason)")])
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
            guard words.count == 2, let digest = digest(words[1]) else {
                let hint = "printf %s \"$TOKEN\" | sha256sum"
                errors.append(ConfigurationError(place, "expected a name and the SHA-256 of a token", hint: hint))
                continue
            }
            let token = AdminToken(name: String(decoding: first, as: UTF8.self), digest: digest)
            let isNew = (name: names.insert(token.name).inserted, digest: digests.insert(digest).inserted)
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

    private static func digest(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count == 64 else { return nil }
        let digits = text.compactMap { Character(Unicode.Scalar($0)).hexDigitValue.map(UInt8.init) }
        guard digits.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
