import WeirBase

/// What the fields of an account may look like, wherever they come from.
package enum AccountSyntax {
    /// A login, or the name of a plan: 1 to 254 octets without spaces and control characters.
    package static func isName(_ text: String) -> Bool {
        (1...254).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }

    /// What a password may be stored as: a libcrypt string, or the SHA-256 of a random token.
    package static func isHash(_ text: String) -> Bool {
        if text.hasPrefix("{SHA256}") { return tokenDigest(text) != nil }
        return text.hasPrefix("$") && (8...255).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
    }

    /// The octets behind `{SHA256}` and 64 hexadecimal digits; nil for a hash of another kind.
    static func tokenDigest(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("{SHA256}"), let digest = [UInt8](hexadecimal: text.utf8.dropFirst(8)) else { return nil }
        return digest.count == 32 ? digest : nil
    }

    /// What is wrong with a text that is no ``MailAddress``.
    package static func noMailAddress(_ text: String) -> String {
        "must be a mail address such as subscriber@example.net, not \"\(text)\""
    }

    /// What is wrong with a text that is no network.
    package static func noNetwork(_ text: String) -> String {
        do throws(IPNetworkError) {
            return "\(try IPNetwork(parsing: text)) is a network"
        } catch {
            switch error {
            case .malformed: return "\"\(text)\" is no network such as 192.0.2.0/24 or 2001:db8::/56"
            case .lengthOutOfRange(let bits):
                return "\"\(text)\" is no network: the length of its prefix goes up to \(bits)"
            case .hostBits(let network):
                return "\"\(text)\" is no network: bits are set behind its prefix; the network is \(network)"
            }
        }
    }
}
