/// The form of a host name.
package enum HostName {
    /// The name in lower case and without a final dot; nil where it is none: letters, digits and inner hyphens in labels of
    /// up to 63, 253 in all, and a last label that is not a number, so that no name looks like an address.
    ///
    /// Whatever comes from a peer or the DNS passes here before it is used, sent or written anywhere.
    ///
    /// Source: RFC 1123, section 2.1; RFC 1035, section 2.3.4.
    package static func canonical(_ text: some StringProtocol) -> String? {
        var octets = Array(text.utf8.prefix(255))
        if octets.last == UInt8(ascii: ".") { octets.removeLast() }
        guard octets.count <= 253 else { return nil }
        let labels = octets.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let hyphen = UInt8(ascii: "-")
        for label in labels {
            guard (1...63).contains(label.count), label.first != hyphen, label.last != hyphen,
                label.allSatisfy({ isLetter($0) || isDigit($0) || $0 == hyphen })
            else { return nil }
        }
        guard let last = labels.last, !last.allSatisfy(isDigit) else { return nil }
        return String(decoding: octets.map { isLetter($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(octet | 0x20) }
    private static func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }
}
