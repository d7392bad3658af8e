/// A network: an address whose host bits are zero, and the length of its prefix in bits of its own family.
package struct CIDR: Hashable, Sendable {
    package let network: IPAddress
    package let length: Int

    /// The network of this length round an address; host bits are cleared, the length is held within the family's.
    package init(containing address: IPAddress, length: Int) {
        self.network = address.masked(to: length)
        self.length = min(max(length, 0), address.bits)
    }

    /// Whether the address is of the same family and within the network.
    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == network.isIPv4 && address.masked(to: length) == network
    }
}

extension CIDR: Comparable {
    /// By family and address; of two at one address, the wider first.
    package static func < (left: CIDR, right: CIDR) -> Bool {
        left.network == right.network ? left.length < right.length : left.network < right.network
    }
}

/// Why a text is no network.
package enum CIDRError: Error, Equatable {
    case malformed
    /// The prefix is longer than the family's addresses.
    case lengthOutOfRange(bits: Int)
    /// Host bits are set; the network that was probably meant.
    case hostBits(network: CIDR)
}

extension CIDR: CustomStringConvertible {
    /// Reads `address "/" length`; a lone address is the network of that address alone.
    package init(parsing text: some StringProtocol) throws(CIDRError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { throw .malformed }
        var length = address.bits
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1])
            else { throw .malformed }
            // ::ffff:a.b.c.d/120 is a.b.c.d/24, as its address is a.b.c.d.
            length = address.isIPv4 && first.contains(":") ? number - 96 : number
        }
        guard (0...address.bits).contains(length) else { throw .lengthOutOfRange(bits: address.bits) }
        self.init(containing: address, length: length)
        guard network == address else { throw .hostBits(network: self) }
    }

    package var description: String { "\(network)/\(length)" }
}
