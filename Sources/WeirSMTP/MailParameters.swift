/// What a MAIL says; ranges are octet offsets into its line.
///
/// Source: RFC 5321, section 4.1.1.2; SIZE: RFC 1870; BODY: RFC 6152; SMTPUTF8: RFC 6531; RET, ENVID: RFC 3461.
package struct MailParameters: Equatable, Sendable {
    /// Far beyond any message, and far from where sums overflow.
    package static let sizeOctetsMax: UInt64 = 1 << 50
    /// Source: RFC 3461, section 4.4.
    package static let envelopeIDOctetsMax = 100

    package enum Body: Equatable, Sendable { case sevenBit, eightBitMIME }
    package enum Returns: Equatable, Sendable { case full, headers }

    package var path: Path
    /// As declared; at most ``sizeOctetsMax``.
    package var size: UInt64?
    package var body: Body?
    package var isSMTPUTF8 = false
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
        guard argument.count > 5, line.word(argument.prefix(5)) == 0x0046_524F_4D3A /* FROM: */ else {
            throw .malformedArgument
        }
        var offset = argument.lowerBound + 5
        while line[offset] == .space { offset += 1 }
        guard let path = Path.scan(line, at: &offset), path.at != nil || path.isEmpty else { throw .malformedSender }
        self.init(path: path)
        var seen: Set = []
        while let parameter = try Parameter.next(line, at: &offset, until: argument.upperBound) {
            guard seen.insert(try take(parameter, line)) else { throw .malformedArgument }
        }
        if !path.isASCII, !isSMTPUTF8 { throw .internationalSender }
    }

    /// The keywords already seen, for each may stand once.
    private struct Set: OptionSet {
        let rawValue: UInt8
        static let size = Set(rawValue: 1)
        static let body = Set(rawValue: 2)
        static let smtpUTF8 = Set(rawValue: 4)
        static let returns = Set(rawValue: 8)
        static let envelopeID = Set(rawValue: 16)
        static let auth = Set(rawValue: 32)

        mutating func insert(_ one: Set) -> Bool {
            defer { formUnion(one) }
            return isDisjoint(with: one)
        }
    }

    private mutating func take(_ parameter: Parameter, _ line: Span<UInt8>) throws(CommandError) -> Set {
        let value = parameter.value
        switch line.word(parameter.keyword) {
        case 0x5349_5A45:  // SIZE
            size = try Self.size(line, value)
            return .size
        case 0x424F_4459:  // BODY
            body = try Self.body(line, value)
            return .body
        case 0x534D_5450_5554_4638:  // SMTPUTF8
            guard value == nil else { throw .malformedArgument }
            isSMTPUTF8 = true
            return .smtpUTF8
        case 0x0052_4554:  // RET
            returns = try Self.returns(line, value)
            return .returns
        case 0x0045_4E56_4944:  // ENVID
            guard let value, value.count <= Self.envelopeIDOctetsMax, line.isXtext(value) else {
                throw .malformedArgument
            }
            envelopeID = value
            return .envelopeID
        case 0x4155_5448:  // AUTH: who submitted it first, which nobody believes; never passed on.
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
        switch line.word(value ?? 0..<0) {
        case 0x3742_4954: return .sevenBit  // 7BIT
        case 0x3842_4954_4D49_4D45: return .eightBitMIME  // 8BITMIME
        default: throw .unknownParameter
        }
    }

    private static func returns(_ line: Span<UInt8>, _ value: Range<Int>?) throws(CommandError) -> Returns {
        switch line.word(value ?? 0..<0) {
        case 0x4655_4C4C: return .full  // FULL
        case 0x4844_5253: return .headers  // HDRS
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
