import Glibc

/// An IPv4 or IPv6 network: what a source address is looked up in.
///
/// `::ffff:a.b.c.d` is the IPv4 address a.b.c.d.
package struct NetworkPrefix: Hashable, Sendable {
    package enum Family: Int64, CaseIterable, Sendable {
        case v4 = 4
        case v6 = 6

        package var bits: Int { self == .v4 ? 32 : 128 }
    }

    package let family: Family
    /// How many leading bits count.
    package let length: Int
    /// The address, right-aligned; bits beyond the length are 0.
    private let address: UInt128

    private init(_ family: Family, _ address: UInt128, length: Int) {
        self.family = family
        self.length = length
        let host = family.bits - length
        self.address = host == 128 ? 0 : (address >> UInt128(host)) << UInt128(host)
    }

    /// A single host, from the 4 or 16 octets of its address; nil for any other number of octets.
    package init?(address octets: [UInt8]) {
        var value: UInt128 = 0
        for octet in octets.prefix(16) { value = value << 8 | UInt128(octet) }
        switch octets.count {
        case 4: self.init(.v4, value, length: 32)
        case 16 where value >> 32 == 0xFFFF: self.init(.v4, value & 0xFFFF_FFFF, length: 32)
        case 16: self.init(.v6, value, length: 128)
        default: return nil
        }
    }

    /// `192.0.2.0/24`, `2001:db8::/32`, or an address alone; nil for anything else, set bits beyond the length included.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = NetworkPrefix(host: String(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self = host
            return
        }
        let digits = parts[1]
        guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            var length = Int(digits)
        else { return nil }
        if host.family == .v4, parts[0].utf8.contains(UInt8(ascii: ":")) { length -= 96 }
        guard (0...host.family.bits).contains(length) else { return nil }
        self.init(host.family, host.address, length: length)
        guard address == host.address else { return nil }
    }

    private init?(host text: String) {
        var octets = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &octets) == 1 {
            self.init(address: Array(octets.prefix(4)))
        } else if inet_pton(AF_INET6, text, &octets) == 1 {
            self.init(address: octets)
        } else {
            return nil
        }
    }

    /// The network of another length that this one's first address is in.
    package func widened(to length: Int) -> NetworkPrefix {
        NetworkPrefix(family, address, length: max(0, min(length, self.length)))
    }

    /// The address in network order, 4 or 16 octets.
    package var octets: [UInt8] {
        stride(from: family.bits - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: address >> UInt128($0)) }
    }
}

extension NetworkPrefix: CustomStringConvertible {
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let octets = octets
        guard inet_ntop(family == .v4 ? AF_INET : AF_INET6, octets, &text, socklen_t(text.count)) != nil else {
            return ""
        }
        let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(name)/\(length)"
    }
}
