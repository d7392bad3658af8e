internal import CAres
internal import Glibc

/// An IPv4 or IPv6 address with a port; an IPv4-mapped IPv6 address is the IPv4 address.
package struct SocketAddress: Hashable, Sendable {
    /// The 16 octets in network order, as two big-endian words; IPv4 as ::ffff:a.b.c.d.
    package let high: UInt64
    package let low: UInt64
    package let port: UInt16

    package init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    package init(ipv4 address: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(address), port: port)
    }

    package static let unspecified = SocketAddress(ipv4: 0, port: 0)

    /// The address in network order, 4 or 16 octets.
    package var octets: [UInt8] {
        let all = [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
        return isIPv4 ? Array(all[12...]) : all
    }

    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// Reads a numeric address without port, such as `192.0.2.1` or `2001:db8::1`.
    package init?(numeric host: String, port: UInt16) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, host, &four) == 1 {
            self.init(ipv4: UInt32(bigEndian: four.s_addr), port: port)
        } else if inet_pton(AF_INET6, host, &six) == 1 {
            self.init(six, port: port)
        } else {
            return nil
        }
    }

    private init(_ address: in6_addr, port: UInt16) {
        let words = withUnsafeBytes(of: address) {
            ($0.load(as: UInt64.self), $0.load(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), port: port)
    }

    /// Asks a system call for an address; nil if the call fails or tells no internet address.
    init?(_ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
        guard result >= 0 else { return nil }
        self.init(storage)
    }

    init?(_ storage: sockaddr_storage) {
        let address: SocketAddress? = withUnsafeBytes(of: storage) { octets in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let four = octets.load(as: sockaddr_in.self)
                return SocketAddress(
                    ipv4: UInt32(bigEndian: four.sin_addr.s_addr), port: UInt16(bigEndian: four.sin_port))
            case AF_INET6:
                let six = octets.load(as: sockaddr_in6.self)
                return SocketAddress(six.sin6_addr, port: UInt16(bigEndian: six.sin6_port))
            default: return nil
            }
        }
        guard let address else { return nil }
        self = address
    }

    /// Lends the address in the form system calls take.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length: Int
        if isIPv4 {
            var four = sockaddr_in()
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            four.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
            length = MemoryLayout<sockaddr_in>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: four, as: sockaddr_in.self) }
        } else {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &six.sin6_addr) {
                $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            length = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: six, as: sockaddr_in6.self) }
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// The address alone, as RFC 5952 writes it.
    package var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        withSockaddr { address, _ in
            UnsafeRawPointer(address).withMemoryRebound(to: UInt8.self, capacity: 28) { octets in
                let family = isIPv4 ? AF_INET : AF_INET6
                _ = inet_ntop(family, octets + (isIPv4 ? 4 : 8), &text, socklen_t(text.count))
            }
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// `192.0.2.1:25` or `[2001:db8::1]:25`.
    package var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}
