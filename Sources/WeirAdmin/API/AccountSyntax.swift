import Glibc

/// What the fields of an account may look like, wherever they come from.
package enum AccountSyntax {
    /// A login, or the name of a plan: 1 to 254 octets without spaces and control characters.
    package static func isName(_ text: String) -> Bool {
        (1...254).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }

    /// What a password may be stored as: a libcrypt string, or the SHA-256 of a random token.
    package static func isHash(_ text: String) -> Bool {
        if text.hasPrefix("{SHA256}") {
            let digits = text.utf8.dropFirst(8)
            return digits.count == 64
                && digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x66 }
        }
        return text.hasPrefix("$") && (8...255).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
    }

    package static func isMail(_ text: String) -> Bool { isName(text) && text.utf8.contains(UInt8(ascii: "@")) }

    /// An address, or an address and the length of its prefix.
    package static func isNetwork(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        let address = String(parts[0]) ?? ""
        var parsed = in6_addr()
        let bits: Int
        if inet_pton(AF_INET, address, &parsed) == 1 {
            bits = 32
        } else if inet_pton(AF_INET6, address, &parsed) == 1 {
            bits = 128
        } else {
            return false
        }
        guard parts.count == 2 else { return true }
        guard parts[1].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let length = Int(String(parts[1]) ?? "") else {
            return false
        }
        return length <= bits
    }
}
