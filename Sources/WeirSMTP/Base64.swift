/// Base64 as RFC 4648 has it, strictly: padded, canonical, nothing in between.
package enum Base64 {
    /// Decodes a whole range; nil if it is anything but base64.
    package static func decode(_ octets: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
        guard range.count % 4 == 0 else { return nil }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count / 4 * 3)
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
            guard let first = value(octets[start]), let second = value(octets[start + 1]) else { return nil }
            decoded.append(first << 2 | second >> 4)
            let isFinal = start + 4 == range.upperBound
            if isFinal, octets[start + 3] == padding {
                if octets[start + 2] == padding { return second & 15 == 0 ? decoded : nil }
                guard let third = value(octets[start + 2]), third & 3 == 0 else { return nil }
                decoded.append(second << 4 | third >> 2)
                return decoded
            }
            guard let third = value(octets[start + 2]), let fourth = value(octets[start + 3]) else { return nil }
            decoded.append(second << 4 | third >> 2)
            decoded.append(third << 6 | fourth)
        }
        return decoded
    }

    /// Encodes all of `octets`, with padding and without line breaks.
    package static func append(_ octets: Span<UInt8>, to output: inout [UInt8]) {
        var offset = 0
        while offset < octets.count {
            let first = octets[offset]
            let second = offset + 1 < octets.count ? octets[offset + 1] : 0
            let third = offset + 2 < octets.count ? octets[offset + 2] : 0
            output.append(letter(first >> 2))
            output.append(letter((first & 3) << 4 | second >> 4))
            output.append(offset + 1 < octets.count ? letter((second & 15) << 2 | third >> 6) : padding)
            output.append(offset + 2 < octets.count ? letter(third & 63) : padding)
            offset += 3
        }
    }

    private static let padding = UInt8(ascii: "=")

    private static func value(_ octet: UInt8) -> UInt8? {
        switch octet {
        case 0x41...0x5A: octet - 0x41  // A-Z
        case 0x61...0x7A: octet - 0x61 + 26  // a-z
        case 0x30...0x39: octet - 0x30 + 52  // 0-9
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    private static func letter(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }
}
