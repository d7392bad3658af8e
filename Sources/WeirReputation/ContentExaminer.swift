/// Looks at a message while it streams by, in one bounded pass.
///
/// It is given the message's octets as the client sent them, header and body, in any pieces: dots at the start of a line doubled, and the
/// final dot included. It follows parts
/// one behind another and undoes their transfer encodings, but understands no deeper structure: what it yields is
/// evidence, never a reason to change the message. After ``lookedAtMax`` octets of the body it only counts.
///
/// Source: RFC 2045, section 6, and RFC 2046, section 5.1, as far as a sketch of the text needs them.
package struct ContentExaminer {
    /// Octets looked at of the header, and of the body.
    package static let lookedAtMax = 64 * 1024

    private enum Place {
        /// In a header, of the message or of a part. Left by an empty line.
        case header
        /// Behind a line that may begin a part: so much of "content-" was read. Left by what differs.
        case partStart(matched: Int)
        case body
        /// At the beginning of a body's line, behind one dash of two.
        case dash
        /// In a line that begins with two dashes. Left by its end.
        case boundary
        /// Never left.
        case ended
    }

    private enum Coding { case plain, quotedPrintable, base64, skipped }

    private var place = Place.header
    private var isAtLineStart = true
    private var isTop = true
    private var isMultipart = false
    private var isPartHTML = false
    private var coding = Coding.plain
    private var decoder = TransferDecoder()
    private var field = FieldReader()
    private var sketch: TextSketch
    private var lookedAt = 0
    private let hash: KeyedHash

    /// As received.
    package private(set) var octets: UInt64 = 0
    private var isHTML = false
    private var hasAttachment = false
    private var hasUnsubscribe = false
    private var headerFrom: UInt64?

    package init(hash: KeyedHash) {
        self.hash = hash
        sketch = TextSketch(hash: hash)
    }

    package mutating func consume(_ input: Span<UInt8>) {
        octets &+= UInt64(input.count)
        var offset = 0
        while offset < input.count {
            if case .ended = place { return }
            step(input[offset])
            offset += 1
        }
    }

    /// What was seen, the message being complete.
    package mutating func finish() -> ContentFacts {
        if case .header = place { endField() }
        sketch.pause()
        var facts = ContentFacts(fingerprint: sketch.fingerprint(octets: octets))
        facts.octets = octets
        facts.links = sketch.links
        facts.linkDomains = sketch.linkDomains
        facts.isHTML = isHTML
        facts.hasAttachment = hasAttachment
        facts.hasUnsubscribe = hasUnsubscribe || sketch.hasUnsubscribe
        facts.headerFrom = headerFrom
        return facts
    }

    private mutating func step(_ octet: UInt8) {
        lookedAt += 1
        switch place {
        case .header: readHeader(octet)
        case .partStart(let matched): readPartStart(octet, matched)
        case .body: readBody(octet)
        case .dash:
            place = .body
            if octet == UInt8(ascii: "-") {
                place = .boundary
            } else {
                decode(UInt8(ascii: "-"))
                readBody(octet)
            }
        case .boundary: if octet == 0x0A { place = .partStart(matched: 0) }
        case .ended: break
        }
        // A header without end is read on for its end alone; a body is not read on.
        if !isTop, lookedAt >= Self.lookedAtMax { place = .ended }
    }

    // MARK: - Headers

    private mutating func readHeader(_ octet: UInt8) {
        if octet == 0x0D { return }
        if octet == 0x0A {
            if isAtLineStart { return endHeader() }
            isAtLineStart = true
            return
        }
        if isAtLineStart, octet != 0x20, octet != 0x09 { endField() }
        isAtLineStart = false
        if lookedAt <= Self.lookedAtMax { field.append(octet) }
    }

    private mutating func endHeader() {
        endField()
        place = .body
        isAtLineStart = true
        decoder = TransferDecoder()
        sketch.pause()
        if isTop { (isTop, lookedAt) = (false, 0) }
    }

    private mutating func endField() {
        defer { field.clear() }
        guard field.count > 0 else { return }
        if let value = field.value(of: "content-type") {
            readType(value)
        } else if let value = field.value(of: "content-transfer-encoding") {
            guard coding != .skipped else { return }
            coding =
                field.begins(at: value, with: "base64")
                ? .base64 : field.begins(at: value, with: "quoted-printable") ? .quotedPrintable : .plain
        } else if let value = field.value(of: "content-disposition") {
            guard field.begins(at: value, with: "attachment") else { return }
            hasAttachment = true
            coding = .skipped
        } else if isTop {
            readTopField()
        }
    }

    private mutating func readTopField() {
        if let value = field.value(of: "subject") {
            for offset in value..<field.count { sketch.take(field[offset], isHTML: false) }
            sketch.pause()
        } else if let value = field.value(of: "from"), headerFrom == nil {
            headerFrom = field.address(from: value).map { hash($0.span) }
        } else if field.value(of: "list-unsubscribe") != nil {
            hasUnsubscribe = true
        }
    }

    private mutating func readType(_ value: Int) {
        isPartHTML = field.begins(at: value, with: "text/html")
        if isPartHTML { isHTML = true }
        if field.begins(at: value, with: "multipart/") {
            isMultipart = true
        } else if !field.begins(at: value, with: "text/"), !field.begins(at: value, with: "message/") {
            hasAttachment = true
            coding = .skipped
        }
    }

    // MARK: - Bodies

    private static let content: StaticString = "content-"

    private mutating func readPartStart(_ octet: UInt8, _ matched: Int) {
        if matched < 8, octet.lowercased == Self.content.octet(matched) {
            guard matched == 7 else {
                place = .partStart(matched: matched + 1)
                return
            }
            beginPart()
            for offset in 0..<8 { field.append(Self.content.octet(offset)) }
            isAtLineStart = false
        } else if matched == 0, octet == 0x0D {
            return
        } else if matched == 0, octet == 0x0A {
            beginPart()
            endHeader()
        } else {
            // No part: a line of dashes in a text.
            place = .body
            isAtLineStart = true
            for offset in 0..<matched { readBody(Self.content.octet(offset)) }
            readBody(octet)
        }
    }

    private mutating func beginPart() {
        place = .header
        coding = .plain
        isPartHTML = false
        field.clear()
        sketch.pause()
    }

    private mutating func readBody(_ octet: UInt8) {
        if isAtLineStart, isMultipart, octet == UInt8(ascii: "-") {
            isAtLineStart = false
            place = .dash
            return
        }
        isAtLineStart = octet == 0x0A
        decode(octet)
    }

    private mutating func decode(_ octet: UInt8) {
        switch coding {
        case .skipped: return
        case .plain: sketch.take(octet, isHTML: isPartHTML)
        case .quotedPrintable:
            if let plain = decoder.quotedPrintable(octet) { sketch.take(plain, isHTML: isPartHTML) }
        case .base64: if let plain = decoder.base64(octet) { sketch.take(plain, isHTML: isPartHTML) }
        }
    }
}

/// Undoes a transfer encoding octet by octet; what is malformed is passed over.
struct TransferDecoder {
    private var bits: UInt32 = 0
    private var count = 0
    private var escape = 0
    private var high: UInt8 = 0

    mutating func base64(_ octet: UInt8) -> UInt8? {
        let value: UInt8
        switch octet {
        case 0x41...0x5A: value = octet - 0x41
        case 0x61...0x7A: value = octet - 0x61 + 26
        case 0x30...0x39: value = octet - 0x30 + 52
        case 0x2B: value = 62
        case 0x2F: value = 63
        case 0x3D:
            (bits, count) = (0, 0)
            return nil
        default: return nil
        }
        bits = bits << 6 | UInt32(value)
        count += 6
        guard count >= 8 else { return nil }
        count -= 8
        return UInt8(truncatingIfNeeded: bits >> UInt32(count))
    }

    mutating func quotedPrintable(_ octet: UInt8) -> UInt8? {
        switch escape {
        case 1:
            guard let digit = octet.hexadecimal else {
                // A soft line break: its CR, then its LF, or only one of them.
                escape = octet == 0x0D ? 3 : 0
                return octet == 0x0D || octet == 0x0A ? nil : octet
            }
            (high, escape) = (digit, 2)
            return nil
        case 2:
            escape = 0
            return octet.hexadecimal.map { high << 4 | $0 }
        case 3:
            escape = 0
            return octet == 0x0A ? nil : octet
        default:
            guard octet == UInt8(ascii: "=") else { return octet }
            escape = 1
            return nil
        }
    }
}

extension UInt8 {
    fileprivate var hexadecimal: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}
