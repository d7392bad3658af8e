internal import CCrypt
internal import COpenSSL

/// A stored password: a crypt(5) string of a method that is still sound, at a cost that one check may have.
///
/// Accepted are yescrypt, gost-yescrypt, bcrypt and SHA-512 (`$y$ $gy$ $2b$ $2y$ $6$`). DES, MD5 and the like are refused, and so is
/// a setting so dear that checking it would stand in everybody's way.
package struct PasswordHash: Equatable, Sendable {
    package let text: String

    /// The longest password that is looked at, in octets; libcrypt takes no more.
    package static let passwordOctetsMax = 511
    /// The longest stored string, in octets.
    static let textOctetsMax = 256

    package init?(_ text: String) {
        let octets = text.utf8
        guard octets.count <= PasswordHash.textOctetsMax, octets.allSatisfy({ (0x21...0x7E).contains($0) }),
            PasswordHash.isWhole(text), crypt_checksalt(text) == CRYPT_SALT_OK
        else { return nil }
        self.text = text
    }

    /// Whether a password can match it, and checking that has a bearable cost.
    ///
    /// Source: crypt(5), where each method's form is a regular expression.
    private static func isWhole(_ text: String) -> Bool {
        let fields = text.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count >= 4, fields[0].isEmpty else { return false }
        switch fields[1] {
        case "y", "gy":
            // Flavour, memory (D is 256 MiB) and block size.
            let cost = Array(fields[2].utf8)
            return fields.count == 5 && cost.count == 3 && cost[0] == UInt8(ascii: "j") && cost[1] <= UInt8(ascii: "D")
                && cost[2] <= UInt8(ascii: "T") && isCoded(fields[3], count: 0...86)
                && isCoded(fields[4], count: 43...43)
        case "2b", "2y":
            return fields.count == 4 && isCoded(fields[3], count: 53...53)
                && (4...14).contains { fields[2] == ($0 < 10 ? "0\($0)" : "\($0)") }
        case "6":
            let hasRounds = fields[2].hasPrefix("rounds=")
            guard fields.count == (hasRounds ? 5 : 4), !hasRounds || isBearable(rounds: fields[2].dropFirst(7)) else {
                return false
            }
            // What a salt has beyond 16 octets is not in the result, which then is another text.
            return fields[fields.count - 2].utf8.count <= 16 && isCoded(fields[fields.count - 1], count: 86...86)
        default: return false
        }
    }

    private static func isBearable(rounds text: Substring) -> Bool {
        guard let rounds = Int(text), (1_000...1_000_000).contains(rounds) else { return false }
        return text == "\(rounds)"
    }

    /// Whether it is so many characters of crypt's own base64.
    private static func isCoded(_ text: Substring, count: ClosedRange<Int>) -> Bool {
        count.contains(text.utf8.count)
            && text.utf8.allSatisfy { octet in
                (UInt8(ascii: ".")...UInt8(ascii: "9")).contains(octet)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet | 0x20)
            }
    }

    /// Hashes a password with yescrypt. `cost` is libcrypt's (1 to 11), 0 its default: about 40 ms, 16 MiB.
    ///
    /// Nil for a password that cannot be one: empty, too long, or with a NUL.
    package static func make(_ password: [UInt8], cost: UInt = 0) -> PasswordHash? {
        var setting = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        guard crypt_gensalt_rn("$y$", cost, nil, 0, &setting, Int32(setting.count)) != nil else { return nil }
        return setting.withUnsafeBufferPointer { setting in
            setting.baseAddress.flatMap { crypt(password, setting: $0) }
        }.flatMap { PasswordHash(String(decoding: $0, as: UTF8.self)) }
    }

    /// Whether this is the password; takes as long as the setting wants, whatever the answer.
    package func verify(_ password: [UInt8]) -> Bool {
        guard let made = PasswordHash.crypt(password, setting: text) else { return false }
        return equalInConstantTime(made, Array(text.utf8))
    }

    /// Checked for a login that does not exist, so that its answer takes as long: the password was random and forgotten.
    package static let dummy = PasswordHash(
        unchecked: "$y$j9T$bXRSZHSfJozMHjoPOlOdP.$nSMWVgT3rC7bnueJ9ORNvu8EnuoaE.wnEW7Ic/OY5Q3")

    private init(unchecked text: String) { self.text = text }

    private static func crypt(_ password: [UInt8], setting: UnsafePointer<CChar>) -> [UInt8]? {
        guard !password.isEmpty, password.count <= passwordOctetsMax, !password.contains(0) else { return nil }
        // 32 KiB, too much for a thread's stack.
        let size = MemoryLayout<crypt_data>.size
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<crypt_data>.alignment)
        scratch.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        var phrase = password + [0]
        defer {
            cleanse(&phrase)
            OPENSSL_cleanse(scratch, size)
            scratch.deallocate()
        }
        let result = phrase.withUnsafeBytes { phrase in
            crypt_rn(phrase.baseAddress?.assumingMemoryBound(to: CChar.self), setting, scratch, Int32(size))
        }
        guard let result else { return nil }
        return Array(String(cString: result).utf8)
    }
}
