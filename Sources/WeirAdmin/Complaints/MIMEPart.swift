import FoundationEssentials

/// A message or a part of one, taken apart as far as a report of a complaint needs it.
///
/// Source: RFC 5322; RFC 2045; RFC 2046, section 5.1.
struct MIMEPart {
    struct Field {
        /// In lower case.
        let name: String
        /// Unfolded.
        let value: String
    }

    /// Fields of one header, and parts of one body: what is more is passed over.
    static let fieldsMax = 1_000
    static let partsMax = 50

    let fields: [Field]
    /// As it stands, still encoded.
    let body: ArraySlice<UInt8>

    /// Takes the header off; lines end in LF or CRLF. What is no field ends the header, as RFC 5322 has an empty line do; but for the
    /// line that a mailbox file has before it.
    init(_ octets: ArraySlice<UInt8>) {
        var fields: [Field] = []
        var rest = octets
        if let (line, next) = MIMEPart.line(rest),
            ["From ", ">From "].contains(where: { line.starts(with: Array($0.utf8)) })
        {
            rest = next
        }
        var name = ""
        var value = ""
        func keep() {
            if !name.isEmpty, fields.count < MIMEPart.fieldsMax { fields.append(Field(name: name, value: value)) }
        }
        while let (line, next) = MIMEPart.line(rest) {
            if line.isEmpty {
                rest = next
                break
            }
            let text = String(decoding: line, as: UTF8.self)
            if text.first == " " || text.first == "\t" {
                value += " " + text.drop { $0 == " " || $0 == "\t" }
            } else {
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                    line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
                else { break }
                keep()
                name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
                value = String(decoding: line[(colon + 1)...], as: UTF8.self).trimmed
            }
            rest = next
        }
        keep()
        self.fields = fields
        body = rest
    }

    /// The value of the first field of this name, which is given in lower case.
    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// In lower case and without parameters.
    var contentType: String {
        (self["content-type"] ?? "text/plain").prefix { $0 != ";" }.description.trimmed.lowercased()
    }

    /// A parameter of the Content-Type.
    func parameter(_ name: String) -> String? {
        for part in (self["content-type"] ?? "").split(separator: ";").dropFirst() {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, String(halves[0]).trimmed.lowercased() == name else { continue }
            let value = String(halves[1]).trimmed
            return value.count > 1 && value.first == "\"" && value.last == "\""
                ? String(value.dropFirst().dropLast()) : value
        }
        return nil
    }

    /// The parts between the boundaries; none where there is no boundary.
    var parts: [MIMEPart] {
        guard let boundary = parameter("boundary"), (1...70).contains(boundary.utf8.count) else { return [] }
        let delimiter = Array("--\(boundary)".utf8)
        var parts: [MIMEPart] = []
        var start: Int?
        var rest = body
        while let (line, next) = MIMEPart.line(rest), parts.count < MIMEPart.partsMax {
            if line.starts(with: delimiter) {
                let tail = line.dropFirst(delimiter.count).drop { $0 == 0x2D }
                if tail.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
                    if let start { parts.append(MIMEPart(body[start..<rest.startIndex])) }
                    let isLast = line.dropFirst(delimiter.count).starts(with: Array("--".utf8))
                    start = isLast ? nil : next.startIndex
                    if isLast { return parts }
                }
            }
            rest = next
        }
        return parts
    }

    /// The body as it was before its transfer encoding; nil where that is damaged or unknown.
    var content: [UInt8]? {
        switch (self["content-transfer-encoding"] ?? "7bit").lowercased() {
        case "7bit", "8bit", "binary": Array(body)
        case "base64": MIMEPart.base64(body)
        case "quoted-printable": MIMEPart.quotedPrintable(body)
        default: nil
        }
    }

    /// Line ends and spaces are passed over.
    static func base64(_ body: some Sequence<UInt8>) -> [UInt8]? {
        Data(base64Encoded: Data(body.filter { $0 > 0x20 })).map { Array($0) }
    }

    private static func quotedPrintable(_ body: ArraySlice<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        var rest = body
        while let (line, next) = line(rest) {
            var index = line.startIndex
            var isSoft = false
            while index < line.endIndex {
                guard line[index] == UInt8(ascii: "=") else {
                    decoded.append(line[index])
                    index += 1
                    continue
                }
                if line[(index + 1)...].allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
                    isSoft = true
                    break
                }
                guard index + 2 < line.endIndex,
                    let octet = UInt8(String(decoding: line[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
                else { return nil }
                decoded.append(octet)
                index += 3
            }
            if !isSoft { decoded += [0x0D, 0x0A] }
            rest = next
        }
        return decoded
    }

    /// The first line without its end, and what follows; nil at the end.
    private static func line(_ octets: ArraySlice<UInt8>) -> (line: ArraySlice<UInt8>, next: ArraySlice<UInt8>)? {
        guard !octets.isEmpty else { return nil }
        let end = octets.firstIndex(of: 0x0A) ?? octets.endIndex
        var line = octets[..<end]
        if line.last == 0x0D { line.removeLast() }
        return (line, octets[min(end + 1, octets.endIndex)...])
    }
}

extension String {
    /// Without spaces and tabs at both ends.
    fileprivate var trimmed: String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        var text = self[...].drop(while: isSpace)
        while text.last.map(isSpace) == true { text.removeLast() }
        return String(text)
    }
}
