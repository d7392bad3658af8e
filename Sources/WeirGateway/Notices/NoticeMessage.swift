import WeirBase
import WeirConfiguration
import WeirSMTP

/// A notice as a message, ready for DATA but for the dot.
///
/// Source: RFC 5322; RFC 3834, section 5 for Auto-Submitted; RFC 2047 for what is not ASCII in the header.
struct NoticeMessage {
    /// Octets of a subject that are kept.
    static let subjectOctetsMax = 300

    let octets: [UInt8]

    /// Fills the template; what the facts hold cannot begin a line of the header.
    init(
        _ template: NoticeTemplate, _ facts: [NoticeFact: String], from: Mailbox, to recipient: String, id: String,
        at wall: WallTime
    ) {
        let (subject, body) = template.fill(facts.mapValues(NoticeMessage.oneLine))
        var octets: [UInt8] = []
        func field(_ name: String, _ value: String) { octets += Array("\(name): \(value)\r\n".utf8) }
        let name = from.name.map { NoticeMessage.phrase($0) + " " } ?? ""
        field("From", "\(name)<\(from.address)>")
        field("To", "<\(recipient)>")
        field("Subject", NoticeMessage.text(subject))
        var date: [UInt8] = []
        MessageDate(seconds: wall.seconds).append(to: &date)
        field("Date", String(decoding: date, as: UTF8.self))
        field("Message-ID", "<\(id)>")
        field("Auto-Submitted", "auto-generated")
        for given in template.fields { field(given.name, given.value) }
        field("MIME-Version", "1.0")
        field("Content-Type", "text/plain; charset=utf-8")
        NoticeMessage.append(body, to: &octets)
        self.octets = octets
    }

    /// Control characters, line ends with them, become spaces.
    private static func oneLine(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: result.append(" ")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    // MARK: - The header

    private static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }

    /// A display name: quoted, or encoded.
    private static func phrase(_ name: String) -> String {
        guard isPlain(name) else { return text(name) }
        return "\"" + name.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] } + "\""
    }

    /// Unstructured text: as it is, or in encoded words of whole characters, a line each.
    private static func text(_ text: String) -> String {
        var left = subjectOctetsMax
        let kept = text.prefix { character in
            left -= character.utf8.count
            return left >= 0
        }
        // What looks like an encoded word, and what is too long for a line, is encoded too.
        if isPlain(String(kept)), !kept.contains("=?"), kept.utf8.count <= 900 { return String(kept) }
        var words: [[UInt8]] = [[]]
        for scalar in kept.unicodeScalars {
            let octets = Array(String(scalar).utf8)
            if words[words.count - 1].count + octets.count > 42 { words.append([]) }
            words[words.count - 1] += octets
        }
        return words.map { word in
            var encoded: [UInt8] = []
            Base64.append(word.span, to: &encoded)
            return "=?UTF-8?B?\(String(decoding: encoded, as: UTF8.self))?="
        }.joined(separator: "\r\n ")
    }

    // MARK: - The text

    /// As it is where that is ASCII in lines of a bearable length, else in base64.
    private static func append(_ body: String, to octets: inout [UInt8]) {
        let lines = body.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.last == "\r" ? line.dropLast() : line
        }
        let isSevenBit = lines.allSatisfy { line in
            line.utf8.count <= 900 && line.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x09 }
        }
        guard !isSevenBit else {
            octets += Array("Content-Transfer-Encoding: 7bit\r\n\r\n".utf8)
            for line in lines.last?.isEmpty == true ? lines.dropLast() : lines[...] {
                // Source: RFC 5321, section 4.5.2.
                if line.first == "." { octets.append(UInt8(ascii: ".")) }
                octets += Array(line.utf8) + [0x0D, 0x0A]
            }
            return
        }
        octets += Array("Content-Transfer-Encoding: base64\r\n\r\n".utf8)
        let text = Array(lines.joined(separator: "\r\n").utf8)
        for start in stride(from: 0, to: text.count, by: 57) {
            let piece = Array(text[start..<min(start + 57, text.count)])
            Base64.append(piece.span, to: &octets)
            octets += [0x0D, 0x0A]
        }
    }
}
