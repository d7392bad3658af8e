/// What rspamd says of a message.
///
/// Source: rspamd's protocol, the reply to `POST /checkv2`: an object of JSON with `action`, `score` and `required_score`.
package struct ScannerReply: Equatable, Sendable {
    package enum Action: Equatable, Sendable {
        /// Nothing, or nothing that concerns a gateway.
        case pass
        /// It is spam, and the recipient decides.
        case mark
        /// It asks to be shown the message again later.
        case `defer`
        /// Nobody shall get it.
        case reject
    }

    package let action: Action
    /// From the scanner's own scale to the detector's: 0 is neutral, from 6 on it is spam.
    package let score: Double

    /// Arrays and objects within each other that a reply may have.
    static let depthMax = 32
    /// The score at which a scanner rejects, on the detector's scale: rspamd's own, where nobody changed it.
    static let rejected = 15.0
    /// The same at which it marks.
    static let marked = 6.0

    /// Reads a reply's body; nil: it is none.
    package init?(_ body: [UInt8]) {
        var reader = JSONReader(body)
        guard let fields = reader.topLevel(), case .text(let word)? = fields["action"],
            case .number(let score)? = fields["score"]
        else { return nil }
        var required = Self.rejected
        if case .number(let number)? = fields["required_score"], number >= 0.1 { required = number }
        let scaled = min(max(score * Self.rejected / required, -100), 100)
        switch word {
        case "reject", "discard": (action, self.score) = (.reject, max(scaled, Self.rejected))
        case "add header", "rewrite subject", "quarantine": (action, self.score) = (.mark, max(scaled, Self.marked))
        case "soft reject", "greylist": (action, self.score) = (.defer, scaled)
        // An action of the operator's own making concerns others.
        default: (action, self.score) = (.pass, scaled)
        }
    }
}

/// Reads the texts and numbers of an object of JSON, and passes over whatever else is in it.
///
/// Source: RFC 8259.
private struct JSONReader {
    enum Value {
        case text(String)
        case number(Double)
        case other
    }

    private let octets: [UInt8]
    private var offset = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    /// The members of the object that is the whole text; nil: it is none, or is torn. Of a name that comes twice, the first counts.
    mutating func topLevel() -> [String: Value]? {
        var fields: [String: Value] = [:]
        guard take(UInt8(ascii: "{")), members({ name, value in if fields[name] == nil { fields[name] = value } }, 1)
        else { return nil }
        skipSpace()
        return offset == octets.count ? fields : nil
    }

    /// Reads an object's members and its end, what opens it being read.
    private mutating func members(_ note: (String, Value) -> Void, _ depth: Int) -> Bool {
        if take(UInt8(ascii: "}")) { return true }
        repeat {
            skipSpace()
            guard let name = text(), take(UInt8(ascii: ":")), let value = value(depth) else { return false }
            note(name, value)
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}"))
    }

    private mutating func value(_ depth: Int) -> Value? {
        skipSpace()
        guard depth < ScannerReply.depthMax, offset < octets.count else { return nil }
        switch octets[offset] {
        case UInt8(ascii: "{"):
            offset += 1
            return members({ _, _ in }, depth + 1) ? .other : nil
        case UInt8(ascii: "["):
            offset += 1
            if take(UInt8(ascii: "]")) { return .other }
            repeat { guard value(depth + 1) != nil else { return nil } } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "]")) ? .other : nil
        case UInt8(ascii: "\""): return text().map { .text($0) }
        default: return word()
        }
    }

    /// A number, or one of the three names.
    private mutating func word() -> Value? {
        let start = offset
        while offset < octets.count, octets[offset].isWordOctet { offset += 1 }
        let word = String(decoding: octets[start..<offset], as: UTF8.self)
        if ["true", "false", "null"].contains(word) { return .other }
        guard let first = word.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
            let number = Double(word), number.isFinite
        else { return nil }
        return .number(number)
    }

    /// A text in quotation marks; an escape in it stands as it came, for no word of ours has one.
    private mutating func text() -> String? {
        guard offset < octets.count, octets[offset] == UInt8(ascii: "\"") else { return nil }
        let start = offset + 1
        offset = start
        while offset < octets.count, octets[offset] != UInt8(ascii: "\"") {
            offset += octets[offset] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard offset < octets.count else { return nil }
        defer { offset += 1 }
        return String(decoding: octets[start..<offset], as: UTF8.self)
    }

    private mutating func take(_ octet: UInt8) -> Bool {
        skipSpace()
        guard offset < octets.count, octets[offset] == octet else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while offset < octets.count, [0x20, 0x09, 0x0A, 0x0D].contains(octets[offset]) { offset += 1 }
    }
}

extension UInt8 {
    /// Of a number or a name.
    fileprivate var isWordOctet: Bool {
        (0x30...0x39).contains(self) || (0x61...0x7A).contains(self | 0x20) || "+-.".utf8.contains(self)
    }
}
