/// Where an HTTP request goes: `http://host[:port][/path][?query]`, or the same with `https`.
package struct WebAddress: Hashable, Sendable {
    /// Whether it is https.
    package var isSecure: Bool
    package var endpoint: Endpoint
    /// The path with the query, as the request line has it; begins with `/`.
    package var target: String

    /// Octets of a path with its query.
    package static let targetOctetsMax = 2_000

    /// Nil if it is none, or carries a login or a fragment.
    package init?(_ text: String) {
        guard let (scheme, rest) = WebAddress.split(text) else { return nil }
        isSecure = scheme == "https"
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest[authority.endIndex...]
        target = tail.first == "/" ? String(tail) : "/" + tail
        // Visible ASCII only: what ends a line, or means another place to another reader, is refused.
        guard target.utf8.count <= WebAddress.targetOctetsMax,
            target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") })
        else { return nil }
        let standard = isSecure ? ":443" : ":80"
        let isBare = authority.last == "]" || !authority.contains(":")
        guard let endpoint = Endpoint(String(authority) + (isBare ? standard : "")), endpoint.port != 0 else {
            return nil
        }
        self.endpoint = endpoint
    }

    private static func split(_ text: String) -> (scheme: String, rest: Substring)? {
        for scheme in ["http", "https"] where text.lowercased().hasPrefix(scheme + "://") {
            return (scheme, text.dropFirst(scheme.count + 3))
        }
        return nil
    }

    /// The Host field's value: without the port where it is the scheme's own.
    package var authority: String {
        let isStandard = endpoint.port == (isSecure ? 443 : 80)
        let text = endpoint.description
        return isStandard ? String(text.prefix(upTo: text.lastIndex(of: ":") ?? text.endIndex)) : text
    }
}

extension WebAddress: CustomStringConvertible {
    package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }
}
