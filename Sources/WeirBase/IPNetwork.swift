/// A network: an address whose host bits are zero, and the length of its prefix in bits of its own family.
package struct IPNetwork: Hashable, Sendable {
    /// The first address of the network.
    package let address: IPAddress
    package let length: Int

    /// The network of this length round an address; host bits are cleared, the length is held within the family's.
    package init(containing address: IPAddress, length: Int) {
        self.address = address.masked(to: length)
        self.length = min(max(length, 0), address.bits)
    }

    /// Whether the address is of the same family and within the network.
    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == self.address.isIPv4 && address.masked(to: length) == self.address
    }
}

extension IPNetwork: Comparable {
    /// By family and address; of two at one address, the wider first.
    package static func < (left: IPNetwork, right: IPNetwork) -> Bool {
        left.address == right.address ? left.length < right.length : left.address < right.address
    }
}

/// Why a text is no network.
package enum IPNetworkError: Error, Equatable {
    case malformed
    /// The prefix is longer than the family's addresses.
    case lengthOutOfRange(bits: Int)
    /// Host bits are set; the network that was probably meant.
    case hostBits(network: IPNetwork)
}

extension IPNetwork: CustomStringConvertible {
    /// Reads `address "/" length`; a lone address is the network of that address alone.
    package init(parsing text: some StringProtocol) throws(IPNetworkError) {
        let slash = text.utf8.firstIndex(of: UInt8(ascii: "/"))
        let host = text[..<(slash ?? text.endIndex)]
        guard let address = IPAddress(host) else { throw .malformed }
        var length = address.bits
        if let slash {
            let digits = text[text.utf8.index(after: slash)...]
            guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(digits)
            else { throw .malformed }
            // ::ffff:a.b.c.d/120 is a.b.c.d/24, as its address is a.b.c.d.
            length = address.isIPv4 && host.utf8.contains(UInt8(ascii: ":")) ? number - 96 : number
        }
        guard (0...address.bits).contains(length) else { throw .lengthOutOfRange(bits: address.bits) }
        self.init(containing: address, length: length)
        guard self.address == address else { throw .hostBits(network: self) }
    }

    package var description: String { "\(address)/\(length)" }
}
