/// An address to listen on: of this machine, with a port; port 0 lets the system choose one.
package struct IPEndpoint: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// Where to connect to: a name or an address, with a port.
package struct Endpoint: Hashable, Sendable {
    package enum Host: Hashable, Sendable {
        case name(String)
        case address(IPAddress)
    }

    package var host: Host
    package var port: UInt16

    package init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Whether nobody but this machine can listen in on what is said to it.
    package var isLoopback: Bool {
        switch host {
        case .name(let name): name == "localhost"
        case .address(let address): address.isLoopback
        }
    }
}

extension IPEndpoint: CustomStringConvertible {
    package var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

extension Endpoint: CustomStringConvertible {
    package var description: String {
        switch host {
        case .name(let name): "\(name):\(port)"
        case .address(let address): "\(IPEndpoint(address: address, port: port))"
        }
    }

    /// Reads `name:port`, `a.b.c.d:port` or `[v6]:port`; a port of 0 too.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Endpoint.port(text[text.index(after: colon)...]) else {
            return nil
        }
        let host = text[..<colon]
        if host.first == "[", host.last == "]" {
            guard let address = IPAddress(host.dropFirst().dropLast()), host.contains(":") else { return nil }
            self.init(host: .address(address), port: port)
        } else if let address = IPAddress(host) {
            // An IPv6 address without brackets does not tell where its port begins.
            guard !host.contains(":") else { return nil }
            self.init(host: .address(address), port: port)
        } else {
            guard let name = HostName.canonical(host) else { return nil }
            self.init(host: .name(name), port: port)
        }
    }

    private static func port(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } && text.utf8.count <= 5 ? UInt16(text) : nil
    }
}

/// The rule for names of hosts.
package enum HostName {
    /// The name in lower case, `nil` where it is none: letters, digits and inner hyphens in labels of up to 63, 253 in all,
    /// and a last label that is not a number, so that no name looks like an address.
    ///
    /// Source: RFC 1123, section 2.1.
    package static func canonical(_ text: some StringProtocol) -> String? {
        let octets = Array(text.utf8.prefix(254))
        guard (1...253).contains(octets.count) else { return nil }
        let labels = octets.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let hyphen = UInt8(ascii: "-")
        for label in labels {
            guard (1...63).contains(label.count), label.first != hyphen, label.last != hyphen,
                label.allSatisfy({ isLetter($0) || isDigit($0) || $0 == hyphen })
            else { return nil }
        }
        guard let last = labels.last, !last.allSatisfy(isDigit) else { return nil }
        return text.lowercased()
    }

    private static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(octet | 0x20) }
    private static func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }
}
