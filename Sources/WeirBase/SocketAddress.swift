/// An address with a port.
package struct SocketAddress: Hashable, Sendable {
    package let ip: IPAddress
    package let port: UInt16

    package init(_ ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    package init(ipv4 word: UInt32, port: UInt16) { self.init(IPAddress(v4: word), port: port) }

    package static let unspecified = SocketAddress(ipv4: 0, port: 0)

    /// Whether one that listens here leaves no room for one there: 0.0.0.0 takes every IPv4 address, and :: takes all.
    ///
    /// Port 0 is a new port every time.
    package func overlaps(_ other: SocketAddress) -> Bool {
        guard port == other.port, port != 0 else { return false }
        return ip == other.ip || covers(other.ip) || other.covers(ip)
    }

    private func covers(_ other: IPAddress) -> Bool { ip.isUnspecified && (!ip.isIPv4 || other.isIPv4) }
}

extension SocketAddress: CustomStringConvertible {
    /// `192.0.2.1:25` or `[2001:db8::1]:25`.
    package var description: String { ip.isIPv4 ? "\(ip):\(port)" : "[\(ip)]:\(port)" }
}
