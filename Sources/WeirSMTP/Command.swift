/// One command of a client; ranges are octet offsets into its line.
///
/// Source: RFC 5321, section 4.1.1; RFC 3207; RFC 4954.
package enum Command: Equatable, Sendable {
    case helo(name: Range<Int>)
    case ehlo(name: Range<Int>)
    case mail(MailParameters)
    case rcpt(RecipientParameters)
    case data, rset, noop, quit, vrfy, help, startTLS
    /// The initial response is as it was sent: base64, or `=` for one of no octets.
    case auth(SASLMechanism?, initialResponse: Range<Int>?)
    /// EXPN, BDAT, ETRN, TURN and their like: well known, and not for us.
    case unimplemented
    /// XCLIENT and XFORWARD, by which a client says who it is.
    case forbidden
    /// A web browser was made to speak to us: close.
    case http
    case unknown
}

/// Why a line was refused; every case has exactly one reply.
package enum CommandError: Error, Equatable, Sendable {
    case controlOctet(offset: Int)
    /// Said by the ``LineFramer``.
    case lineTooLong
    /// A known verb with an argument it does not take, or without the one it takes.
    case malformedArgument
    case malformedSender
    case malformedRecipient
    /// A sender with octets beyond ASCII, and no SMTPUTF8.
    case internationalSender
    case unknownParameter
    /// A SIZE beyond ``MailParameters/sizeOctetsMax``.
    case messageTooBig

    /// The one answer to this refusal.
    package var reply: Reply {
        switch self {
        case .controlOctet: .badSyntax
        case .lineTooLong: .lineTooLong
        case .malformedArgument: .badArgument
        case .malformedSender: .badSender
        case .malformedRecipient: .badRecipient
        case .internationalSender: .internationalAddress
        case .unknownParameter: .unknownParameter
        case .messageTooBig: .messageTooBig
        }
    }
}

extension Command {
    /// Decodes one line, its CRLF removed, without allocating.
    ///
    /// Lenient where clients are known to be: any case, spaces at the end and behind `FROM:` and `TO:`.
    package init(_ line: Span<UInt8>) throws(CommandError) {
        let control = line.firstControl
        guard control == line.count else { throw .controlOctet(offset: control) }
        var end = line.count
        while end > 0, line[end - 1] == .space { end -= 1 }
        var verbEnd = 0
        while verbEnd < end, line[verbEnd] != .space { verbEnd += 1 }
        var start = verbEnd
        while start < end, line[start] == .space { start += 1 }
        let argument = start..<end

        switch Verb(rawValue: line.word(0..<verbEnd)) {
        case .rcpt: self = .rcpt(try RecipientParameters(line, argument))
        case .mail: self = .mail(try MailParameters(line, argument))
        case .data: self = try Self.bare(.data, argument)
        case .rset: self = try Self.bare(.rset, argument)
        case .quit: self = try Self.bare(.quit, argument)
        case .startTLS: self = try Self.bare(.startTLS, argument)
        case .ehlo where !argument.isEmpty: self = .ehlo(name: argument)
        case .helo where !argument.isEmpty: self = .helo(name: argument)
        case .ehlo, .helo: throw .malformedArgument
        case .auth: self = try Self.auth(line, argument)
        case .noop: self = .noop
        case .help: self = .help
        case .vrfy where !argument.isEmpty: self = .vrfy
        case .vrfy: throw .malformedArgument
        case .bdat, .etrn, .expn, .saml, .send, .soml, .turn: self = .unimplemented
        case .xclient, .xforward: self = .forbidden
        case .connect, .delete, .get, .head, .options, .patch, .post, .pri, .put, .trace: self = .http
        case nil: self = .unknown
        }
    }

    private static func bare(_ command: Command, _ argument: Range<Int>) throws(CommandError) -> Command {
        guard argument.isEmpty else { throw .malformedArgument }
        return command
    }

    /// `"AUTH" SP sasl-mech [ SP ( base64 / "=" ) ]`
    private static func auth(_ line: Span<UInt8>, _ argument: Range<Int>) throws(CommandError) -> Command {
        guard !argument.isEmpty else { throw .malformedArgument }
        var offset = argument.lowerBound
        while offset < argument.upperBound, line[offset] != .space { offset += 1 }
        let mechanism = SASLMechanism(line, argument.lowerBound..<offset)
        while offset < argument.upperBound, line[offset] == .space { offset += 1 }
        let response = offset..<argument.upperBound
        for offset in response where line[offset] == .space { throw .malformedArgument }
        return .auth(mechanism, initialResponse: response.isEmpty ? nil : response)
    }
}

/// A verb's letters as ``Swift/Span/word(_:)`` packs them.
private enum Verb: UInt64 {
    case auth = 0x4155_5448
    case bdat = 0x4244_4154
    case data = 0x4441_5441
    case ehlo = 0x4548_4C4F
    case etrn = 0x4554_524E
    case expn = 0x4558_504E
    case helo = 0x4845_4C4F
    case help = 0x4845_4C50
    case mail = 0x4D41_494C
    case noop = 0x4E4F_4F50
    case quit = 0x5155_4954
    case rcpt = 0x5243_5054
    case rset = 0x5253_4554
    case saml = 0x5341_4D4C
    case send = 0x5345_4E44
    case soml = 0x534F_4D4C
    case startTLS = 0x5354_4152_5454_4C53
    case turn = 0x5455_524E
    case vrfy = 0x5652_4659
    case xclient = 0x0058_434C_4945_4E54
    case xforward = 0x5846_4F52_5741_5244
    // The methods of HTTP, and the first word of its version 2.
    case connect = 0x0043_4F4E_4E45_4354
    case delete = 0x4445_4C45_5445
    case get = 0x0047_4554
    case head = 0x4845_4144
    case options = 0x004F_5054_494F_4E53
    case patch = 0x0050_4154_4348
    case post = 0x504F_5354
    case pri = 0x0050_5249
    case put = 0x0050_5554
    case trace = 0x0054_5241_4345
}
