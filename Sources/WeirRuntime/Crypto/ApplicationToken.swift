/// A password for one program: random, shown once, stored as its SHA-256, which needs no slow hash.
package struct ApplicationToken: Sendable {
    /// What the account's owner types into a mail program: 32 random octets in base64url.
    package let text: String
    /// What the store keeps.
    package let digest: [UInt8]

    package static func make() -> ApplicationToken {
        let text = Base64URL.encode(randomOctets(32))
        return ApplicationToken(text: text, digest: digest(of: Array(text.utf8)))
    }

    /// What the store would keep of a token that a client presents.
    package static func digest(of presented: [UInt8]) -> [UInt8] { SHA256.digest(presented) }
}

/// Base64 in the alphabet for URLs and file names, unpadded.
///
/// Source: RFC 4648, section 5.
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    package static func encode(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((octets.count * 4 + 2) / 3)
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for digit in 0...group.count { text.append(alphabet[word >> (18 - 6 * digit) & 63]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for anything that ``encode(_:)`` does not write.
    package static func decode(_ text: String) -> [UInt8]? {
        var octets: [UInt8] = []
        var word = 0
        var bits = 0
        for character in text.utf8 {
            guard let digit = alphabet.firstIndex(of: character) else { return nil }
            word = (word << 6 | digit) & 0xFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                octets.append(UInt8(truncatingIfNeeded: word >> bits))
            }
        }
        // A lone digit is no octet, and bits left over are zero.
        return bits < 6 && word & ((1 << bits) - 1) == 0 ? octets : nil
    }
}
