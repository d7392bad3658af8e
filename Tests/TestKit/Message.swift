import Foundation

/// A message as a mail program would make it, and what became of it.
package struct MailMessage: Sendable {
    /// Stands in its subject and Message-ID.
    package let marker: String
    /// Lines end in CRLF, the last one too.
    package let octets: [UInt8]

    /// A multipart message with non-Latin text, lines that begin with dots or "From", a line of the longest length, and an
    /// attachment of random octets.
    package init(marker: String, attachment count: Int = 20_000, seed: UInt64 = 1) {
        var random = Seeded(seed)
        let attachment = Data((0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        let text = """
            From: =?UTF-8?B?0JDQvdC90LA=?= <sender@client.example>
            To: receiver@target.example
            Subject: =?UTF-8?B?0J/RgNC40LLQtdGC?= \(marker)
            Date: Sun, 22 Nov 2026 10:00:00 +0000
            Message-ID: <\(marker)@client.example>
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="=_part"

            --=_part
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 8bit

            Привет, мир. 你好，世界。 مرحبا بالعالم
            .
            .. two dots
            .\tdot and tab
            From the start of a line
            \(String(repeating: "x", count: 998))

            --=_part
            Content-Type: application/octet-stream; name="attachment.bin"
            Content-Transfer-Encoding: base64
            Content-Disposition: attachment; filename="attachment.bin"

            \(attachment.base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed]))
            --=_part--

            """
        self.marker = marker
        octets = Array(text.replacingOccurrences(of: "\n", with: "\r\n").utf8)
    }

    /// With lines as files have them.
    package static func unix(_ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(octets.count)
        for (index, octet) in octets.enumerated() {
            if octet == 0x0D, index + 1 < octets.count, octets[index + 1] == 0x0A { continue }
            result.append(octet)
        }
        return result
    }

    /// Where two messages, compared from their ends, begin to differ: for people.
    package static func difference(_ delivered: [UInt8], _ original: [UInt8]) -> String {
        let (delivered, original) = (unix(delivered), unix(original))
        let same = zip(delivered.reversed(), original.reversed()).prefix { $0 == $1 }.count
        let near = { (octets: [UInt8]) in
            String(decoding: octets.dropLast(max(0, same - 40)).suffix(160), as: UTF8.self).debugDescription
        }
        return "\(same) octets before the end: \(near(delivered)) in place of \(near(original))"
    }

    /// The names of the fields that stand before `original` in `delivered`; nil when it does not end with it, octet for octet.
    package static func addedFields(of delivered: [UInt8], over original: [UInt8]) -> [String]? {
        let (delivered, original) = (unix(delivered), unix(original))
        guard delivered.count >= original.count, delivered.suffix(original.count).elementsEqual(original) else {
            return nil
        }
        let added = String(decoding: delivered.dropLast(original.count), as: UTF8.self)
        return added.split(separator: "\n").filter { !$0.hasPrefix("\t") && !$0.hasPrefix(" ") }
            .map { String($0.prefix { $0 != ":" }).lowercased() }
    }
}
