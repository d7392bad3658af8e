/// A mailbox as people write it: the part of RFC 5321's `Mailbox` that needs neither quotes nor SMTPUTF8.
package enum MailAddress {
    private static let localOctetsMax = 64

    /// Whether a text is one, such as `abuse@isp.example`: up to 64 octets, `@`, and a host name.
    package static func isPlain(_ text: String) -> Bool {
        guard let at = text.lastIndex(of: "@"), HostName.canonical(text[text.index(after: at)...]) != nil else {
            return false
        }
        let local = text[..<at].utf8
        return (1...localOctetsMax).contains(local.count)
            && local.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"@<>()[]\\,;:\"".utf8.contains($0) }
    }
}
