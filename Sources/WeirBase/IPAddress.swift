/// An IPv4 or IPv6 address, sixteen octets in two words.
///
/// An IPv4 address is kept as the IPv6 address ::ffff:a.b.c.d, and that is what makes the two spellings one address:
/// they compare, hash and print alike, as a.b.c.d.
///
/// Source: RFC 4291, section 2.2 (what is read); RFC 5952, section 4 (what is written).
package struct IPAddress: Hashable, Sendable {
    /// The first eight octets, the first one highest.
    package let high: UInt64
    /// The last eight octets.
    package let low: UInt64

    /// The address of these sixteen octets.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The IPv4 address of these four octets, the first one highest.
    package init(v4 word: UInt32) { self.init(high: 0, low: 0xFFFF << 32 | UInt64(word)) }

    /// The address of four or sixteen octets in network order, `nil` for any other number.
    package init?(octets: some Collection<UInt8>) {
        switch octets.count {
        case 4: self.init(v4: octets.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self.init(
                high: octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: octets.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    /// The octets in network order: four for IPv4, sixteen for IPv6.
    package var octets: [UInt8] {
        if let word = v4 { return (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
        return (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (56 - 8 * ($0 % 8))) }
    }

    /// The four octets of an IPv4 address, the first one highest; `nil` for IPv6.
    package var v4: UInt32? { isIPv4 ? UInt32(truncatingIfNeeded: low) : nil }

    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The number of bits in an address of this family: 32 or 128.
    package var bits: Int { isIPv4 ? 32 : 128 }

    /// Whether it is in 127.0.0.0/8, or ::1.
    package var isLoopback: Bool { isIPv4 ? low >> 24 == 0xFF_FF7F : high == 0 && low == 1 }

    /// 0.0.0.0 or ::, "any address" of its family.
    package var isUnspecified: Bool { isIPv4 ? low == 0xFFFF << 32 : high == 0 && low == 0 }

    /// The address with all bits behind the first `length` cleared.
    ///
    /// `length` counts in the address's own family; what lies outside it is taken as the nearest end.
    package func masked(to length: Int) -> IPAddress {
        let kept = min(max(length, 0), bits) + (128 - bits)
        // Swift's smart shifts give 0 for a shift by 64 or more, so both words need no special case.
        return IPAddress(
            high: high & ~(UInt64.max >> UInt64(min(kept, 64))), low: low & ~(UInt64.max >> UInt64(max(kept - 64, 0))))
    }
}

extension IPAddress: Comparable {
    package static func < (left: IPAddress, right: IPAddress) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

// MARK: Text

extension IPAddress: CustomStringConvertible {
    /// Reads an address as people write it; neither brackets, nor a port, nor a zone.
    package init?(_ text: some StringProtocol) {
        let octets = Array(text.utf8.prefix(IPAddress.textOctetsMax + 1))
        guard octets.count <= IPAddress.textOctetsMax else { return nil }
        if octets.contains(UInt8(ascii: ":")) {
            guard let words = IPAddress.words(octets[...]) else { return nil }
            self.init(
                high: words[..<4].reduce(0) { $0 << 16 | UInt64($1) },
                low: words[4...].reduce(0) { $0 << 16 | UInt64($1) })
        } else {
            guard let word = IPAddress.dotted(octets[...]) else { return nil }
            self.init(v4: word)
        }
    }

    /// The longest text there is: six groups of four digits, their colons, and a dotted quad.
    private static let textOctetsMax = 45

    /// `IPv4address = dec-octet "." dec-octet "." dec-octet "." dec-octet`, no leading zeros.
    private static func dotted(_ text: ArraySlice<UInt8>) -> UInt32? {
        var (word, value): (UInt32, UInt32) = (0, 0)
        var (dots, digits) = (0, 0)
        for octet in text {
            if octet == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                word = word << 8 | value
                (value, digits, dots) = (0, 0, dots + 1)
            } else {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet), digits == 0 || value > 0 else {
                    return nil
                }
                value = value * 10 + UInt32(octet - UInt8(ascii: "0"))
                digits += 1
                guard value <= 255 else { return nil }
            }
        }
        return dots == 3 && digits > 0 ? word << 8 | value : nil
    }

    /// The eight groups of an IPv6 address, "::" filled up.
    private static func words(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
        guard let gap else {
            guard let all = groups(text), all.count == 8 else { return nil }
            return all
        }
        guard let left = groups(text[..<gap]), let right = groups(text[(gap + 2)...]), left.count + right.count <= 7,
            // A dotted quad stands at the end of an address, so never to the left of the gap.
            !text[..<gap].contains(UInt8(ascii: "."))
        else { return nil }
        return left + Array(repeating: 0, count: 8 - left.count - right.count) + right
    }

    /// `h16 *( ":" h16 )`, the last of which may be a dotted quad, which gives two; none for empty text.
    private static func groups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, let word = dotted(part) {
                groups += [UInt16(truncatingIfNeeded: word >> 16), UInt16(truncatingIfNeeded: word)]
            } else {
                guard (1...4).contains(part.count), !part.contains(UInt8(ascii: "+")),
                    let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups.count <= 8 ? groups : nil
    }

    /// The one spelling of RFC 5952: lower case, the longest run of two or more zero groups as "::".
    package var description: String {
        if isIPv4 { return octets.map(String.init).joined(separator: ".") }
        let words = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> (48 - 16 * UInt64($0 % 4))) }
        let hex = words.map { String($0, radix: 16) }
        guard let run = IPAddress.longestZeroRun(words) else { return hex.joined(separator: ":") }
        return hex[..<run.lowerBound].joined(separator: ":") + "::" + hex[run.upperBound...].joined(separator: ":")
    }

    /// The first of the longest runs of zero groups, at least two long.
    private static func longestZeroRun(_ words: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        for index in 0...words.count where index == words.count || words[index] != 0 {
            if index - start >= max(2, (best?.count ?? 0) + 1) { best = start..<index }
            start = index + 1
        }
        return best
    }
}
