/// What a MAIL says; ranges are octet offsets into its line.
///
/// Source: RFC 5321, section 4.1.1.2; SIZE: RFC 1870; BODY: RFC 6152; SMTPUTF8: RFC 6531; RET, ENVID: RFC 3461.
package struct MailParameters: Equatable, Sendable {
    /// Far beyond any message, and far from where sums overflow.
    package static let sizeOctetsMax: UInt64 = 1 << 50
    /// Source: RFC 3461, section 4.4.
    package static let envelopeIDOctetsMax = 100

    /// What BODY says of the message's octets.
    package enum Body: Equatable, Sendable { case sevenBit, eightBitMIME }
    /// What RET says a delivery report should hold.
    package enum Returns: Equatable, Sendable { case full, headers }

    /// The sender, to whom reports go.
    package var path: Path
    /// As declared; at most ``sizeOctetsMax``.
    package var size: UInt64?
    /// Nil: nothing was said.
    package var body: Body?
    /// Whether addresses and header may hold UTF-8.
    package var isSMTPUTF8 = false
    /// Nil: nothing was said.
    package var returns: Returns?
    /// As sent, in xtext.
    package var envelopeID: Range<Int>?

    /// What a relay must offer to be told all of this. SIZE is left out where it is not offered.
    package var requires: Extensions.Keywords {
        var keywords: Extensions.Keywords = []
        if body == .eightBitMIME { keywords.insert(.eightBitMIME) }
        if isSMTPUTF8 { keywords.insert(.smtpUTF8) }
        if returns != nil || envelopeID != nil { keywords.insert(.dsn) }
        return keywords
    }
}

extension MailParameters {
    /// `"FROM:" Reverse-path [SP Mail-parameters]`, where `argument` ends without a space.
    init(_ line: Span<UInt8>, _ argument: Range<Int>) throws(CommandError) {
        guard argument.count > 5, Word(line, argument.prefix(5)) == .from else { throw .malformedArgument }
        var offset = argument.lowerBound + 5
        while line[offset] == .space { offset += 1 }
        guard let path = Path.scan(line, at: &offset), path.at != nil || path.isEmpty else { throw .malformedSender }
        self.init(path: path)
        var seen: Seen = []
        while let parameter = try Parameter.next(line, at: &offset, until: argument.upperBound) {
            guard seen.insert(try take(parameter, line)) else { throw .malformedArgument }
        }
        if !path.isASCII, !isSMTPUTF8 { throw .internationalSender }
    }

    /// The keywords already seen, for each may stand once.
    private struct Seen: OptionSet {
        let rawValue: UInt8
        static let size = Seen(rawValue: 1)
        static let body = Seen(rawValue: 2)
        static let smtpUTF8 = Seen(rawValue: 4)
        static let returns = Seen(rawValue: 8)
        static let envelopeID = Seen(rawValue: 16)
        static let auth = Seen(rawValue: 32)

        mutating func insert(_ one: Seen) -> Bool {
            defer { formUnion(one) }
            return isDisjoint(with: one)
        }
    }

    private mutating func take(_ parameter: Parameter, _ line: Span<UInt8>) throws(CommandError) -> Seen {
        let value = parameter.value
        switch Word(line, parameter.keyword) {
        case .size:
            size = try Self.size(line, value)
            return .size
        case .body:
            body = try Self.body(line, value)
            return .body
        case .smtpUTF8:
            guard value == nil else { throw .malformedArgument }
            isSMTPUTF8 = true
            return .smtpUTF8
        case .ret:
            returns = try Self.returns(line, value)
            return .returns
        case .envid:
            guard let value, value.count <= Self.envelopeIDOctetsMax, line.isXtext(value) else {
                throw .malformedArgument
            }
            envelopeID = value
            return .envelopeID
        case .auth:  // Who submitted it first, which nobody believes; never passed on.
            guard let value, line.spells("<>", in: value) || line.isXtext(value) else { throw .malformedArgument }
            return .auth
        default: throw .unknownParameter
        }
    }

    /// `size-value = 1*20DIGIT`
    private static func size(_ line: Span<UInt8>, _ value: Range<Int>?) throws(CommandError) -> UInt64 {
        guard let value else { throw .malformedArgument }
        var size: UInt64 = 0
        for offset in value {
            guard line[offset].isDigit else { throw .malformedArgument }
            size = min(size * 10 + UInt64(line[offset] - 0x30), sizeOctetsMax + 1)
        }
        guard size <= sizeOctetsMax else { throw .messageTooBig }
        return size
    }

    private static func body(_ line: Span<UInt8>, _ value: Range<Int>?) throws(CommandError) -> Body {
        switch Word(line, value) {
        case .sevenBit: return .sevenBit
        case .eightBitMIME: return .eightBitMIME
        default: throw .unknownParameter
        }
    }

    private static func returns(_ line: Span<UInt8>, _ value: Range<Int>?) throws(CommandError) -> Returns {
        switch Word(line, value) {
        case .full: return .full
        case .headers: return .headers
        default: throw .malformedArgument
        }
    }
}

extension MailParameters {
    /// Writes the command anew, with what the relay offers, CRLF included; see ``requires`` for what it may lack.
    package func append(from line: Span<UInt8>, offering: Extensions, to output: inout [UInt8]) {
        appendCommand(from: line, offering: offering.keywords, to: &output)
        Self.append(size: size, offering: offering.keywords, to: &output)
        output.append("\r\n")
    }

    /// All but SIZE and CRLF.
    func appendCommand(from line: Span<UInt8>, offering keywords: Extensions.Keywords, to output: inout [UInt8]) {
        output.append("MAIL FROM:<")
        output.append(line, path.mailbox)
        output.append(">")
        if keywords.contains(.eightBitMIME) {
            switch body {
            case .sevenBit: output.append(" BODY=7BIT")
            case .eightBitMIME: output.append(" BODY=8BITMIME")
            case nil: break
            }
        }
        if isSMTPUTF8, keywords.contains(.smtpUTF8) { output.append(" SMTPUTF8") }
        guard keywords.contains(.dsn) else { return }
        switch returns {
        case .full: output.append(" RET=FULL")
        case .headers: output.append(" RET=HDRS")
        case nil: break
        }
        if let envelopeID {
            output.append(" ENVID=")
            output.append(line, envelopeID)
        }
    }

    static func append(size: UInt64?, offering keywords: Extensions.Keywords, to output: inout [UInt8]) {
        guard let size, keywords.contains(.size) else { return }
        output.append(" SIZE=")
        output.append(decimal: size)
    }
}
