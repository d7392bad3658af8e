/// The form of a host name.
package enum HostName {
    /// The name in lower case and without a final dot; nil unless it is made of letters, digits and hyphens in labels.
    ///
    /// Whatever comes from a peer or the DNS passes here before it is used, sent or written anywhere.
    ///
    /// Source: RFC 1123, section 2.1; RFC 1035, section 2.3.4.
    package static func canonical(_ name: String) -> String? {
        var octets = Array(name.utf8)
        if octets.last == UInt8(ascii: ".") { octets.removeLast() }
        guard !octets.isEmpty, octets.count <= 253 else { return nil }
        var label = 0
        var previous = UInt8(ascii: "-")
        for index in octets.indices {
            switch octets[index] {
            case UInt8(ascii: "."):
                guard label > 0, previous != UInt8(ascii: "-") else { return nil }
                label = 0
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                octets[index] |= 0x20
                label += 1
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): label += 1
            case UInt8(ascii: "-") where label > 0: label += 1
            default: return nil
            }
            guard label <= 63 else { return nil }
            previous = octets[index]
        }
        guard label > 0, previous != UInt8(ascii: "-") else { return nil }
        return String(decoding: octets, as: UTF8.self)
    }
}
