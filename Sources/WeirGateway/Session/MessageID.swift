package import WeirBase

/// A message's id: in replies, in Received, on its log line, and in the ledger.
///
/// 44 bits of milliseconds since 1970, then 20 random ones, written in 13 letters and digits that sort by time.
package struct MessageID: Hashable, Sendable, CustomStringConvertible {
    package let number: UInt64

    package init(number: UInt64) { self.number = number }

    package init(at now: Instant, random: UInt64) {
        number = (now.nanoseconds / .millisecond) << 20 | (random & 0xF_FFFF)
    }

    /// Reads an id as ``description`` writes it, in either case.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 13 else { return nil }
        var number: UInt64 = 0
        for octet in text.utf8 {
            let letter = octet & 0xDF
            let isDigit = (0x30...0x39).contains(octet)
            guard let value = MessageID.alphabet.firstIndex(of: isDigit ? octet : letter) else { return nil }
            guard number >> 59 == 0 else { return nil }
            number = number << 5 | UInt64(value)
        }
        self.number = number
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 13) { text in
            for place in 0..<13 { text[place] = MessageID.alphabet[Int(number >> UInt64(60 - 5 * place) & 31)] }
            return 13
        }
    }

    /// Crockford's: no letter that looks like a digit.
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
}
