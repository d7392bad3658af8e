package import WeirBase

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

extension Endpoint: CustomStringConvertible {
    package var description: String {
        switch host {
        case .name(let name): "\(name):\(port)"
        case .address(let address): "\(SocketAddress(address, port: port))"
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
