extension [UInt8] {
    /// The octets that hexadecimal digits spell, two digits an octet; nil for anything else.
    package init?(hexadecimal text: some Collection<UInt8>) {
        self = []
        reserveCapacity(text.count / 2)
        var high: UInt8?
        for character in text {
            guard let digit = UInt8(hexadecimalDigit: character) else { return nil }
            if let first = high { append(first << 4 | digit) }
            high = high == nil ? digit : nil
        }
        guard high == nil else { return nil }
    }
}

extension UInt8 {
    /// The value of an ASCII digit, of either case.
    fileprivate init?(hexadecimalDigit character: UInt8) {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self = character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self = character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self = character - UInt8(ascii: "A") + 10
        default: return nil
        }
    }
}
