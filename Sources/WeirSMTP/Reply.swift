/// A reply of ours, kept as the octets that go out.
///
/// Source: RFC 5321, section 4.2; RFC 2034.
package struct Reply: Equatable, Sendable {
    /// Of the text in one line, so that the line keeps to RFC 5321's 512 octets (section 4.5.3.1.5).
    package static let textOctetsMax = 490

    /// Of three digits.
    package let code: UInt16
    /// Absent from greetings, from the answer to EHLO, and from 3xx.
    package let enhanced: EnhancedCode?
    /// Whole lines, CRLF included.
    package let octets: [UInt8]

    /// A reply of one line for each line of `text`; what is not printable ASCII becomes a question mark.
    ///
    /// `code` must have three digits.
    package init(_ code: UInt16, _ enhanced: EnhancedCode?, _ text: String) {
        precondition(200...599 ~= code, "A reply's code is of three digits.")
        var octets: [UInt8] = []
        let lines = text.utf8.split(separator: .lineFeed, omittingEmptySubsequences: false)
        for (ordinal, line) in lines.enumerated() {
            octets.append(decimal: UInt64(code))
            octets.append(ordinal + 1 < lines.count ? UInt8(ascii: "-") : .space)
            if let enhanced {
                enhanced.append(to: &octets)
                octets.append(.space)
            }
            octets.append(printable: Array(line).span, octetsMax: Self.textOctetsMax)
            octets.append("\r\n")
        }
        (self.code, self.enhanced, self.octets) = (code, enhanced, octets)
    }

    /// 2xx or 3xx.
    package var isPositive: Bool { code < 400 }
    /// 4xx: the client should try again.
    package var isTransient: Bool { 400...499 ~= code }
    /// 5xx: the same again would be refused again.
    package var isPermanent: Bool { code >= 500 }

    /// Writes the whole reply.
    package func append(to output: inout [UInt8]) { output.append(contentsOf: octets) }
}

extension Reply: CustomStringConvertible {
    /// For logs.
    package var description: String { String(decoding: octets.dropLast(2), as: UTF8.self) }
}

/// What goes well.
extension Reply {
    /// To RSET and NOOP.
    package static let ok = Reply(250, EnhancedCode(2, 0, 0), "Ok")
    /// To MAIL.
    package static let senderOk = Reply(250, EnhancedCode(2, 1, 0), "Sender ok")
    /// To QUIT.
    package static let goodbye = Reply(221, EnhancedCode(2, 0, 0), "Goodbye")
    /// To STARTTLS; the handshake follows.
    package static let startTLS = Reply(220, EnhancedCode(2, 0, 0), "Ready to start TLS")
    /// To the end of an AUTH exchange.
    package static let authenticated = Reply(235, EnhancedCode(2, 7, 0), "Authenticated")
    /// To DATA, where the relay's own is not at hand.
    package static let startData = Reply(354, nil, "End data with <CR><LF>.<CR><LF>")
    /// To VRFY, which tells nobody who exists.
    package static let cannotVerify = Reply(252, EnhancedCode(2, 0, 0), "Cannot verify, but will take mail and try")
    /// To HELP.
    package static let help = Reply(214, EnhancedCode(2, 0, 0), "See RFC 5321")

    /// The first line of a connection.
    package static func greeting(hostname: String) -> Reply { Reply(220, nil, "\(hostname) ESMTP Weir") }
}

/// Later: what time or another try cures.
extension Reply {
    /// At shutdown, between commands.
    package static let shuttingDown = Reply(421, EnhancedCode(4, 3, 2), "Shutting down, try again soon")
    /// At the command deadline.
    package static let idleTooLong = Reply(421, EnhancedCode(4, 4, 2), "Waited too long for you")
    /// In place of a greeting.
    package static let tooManyConnections = Reply(421, EnhancedCode(4, 7, 0), "Too many connections")
    /// What told the session's account, a credential or the source address, does so no longer.
    package static let accessEnded = Reply(421, EnhancedCode(4, 7, 0), "What let you in has changed, connect again")
    /// Beyond ``ServerDialogue/errorsMax``.
    package static let tooManyErrors = Reply(421, EnhancedCode(4, 7, 0), "Too many errors")
    /// At ``ServerDialogue/refusalsMax``.
    package static let tooManyRefusals = Reply(421, EnhancedCode(4, 7, 0), "Too many recipients were refused")
    /// At ``ServerDialogue/failuresMax``.
    package static let tooManyFailures = Reply(421, EnhancedCode(4, 7, 0), "Too many failed authentications")
    /// To the first word of HTTP.
    package static let notMail = Reply(421, EnhancedCode(4, 7, 0), "This is a mail server")
    /// A charge was not durable in time, or a fault of our own.
    package static let storeBusy = Reply(451, EnhancedCode(4, 3, 0), "Temporary failure here, try again")
    /// To a recipient or a message when no relay is left to try.
    package static let noRelay = Reply(451, EnhancedCode(4, 4, 1), "No relay can be reached, try again")
    /// To a recipient for whom no connection came free: all are in use, or as many as one account may hold.
    package static let relaysBusy = Reply(
        451, EnhancedCode(4, 4, 1), "All relay connections that this account may use are in use, try again")
    /// To a recipient that asks for more than the relay offers that the message's first recipient found.
    package static let notOfferedHere = Reply(
        451, EnhancedCode(4, 4, 1),
        "The relay of this message does not offer what this recipient asks for, send it in another message")
    /// The relay closed or fell silent.
    package static let relayLost = Reply(451, EnhancedCode(4, 4, 2), "The relay was lost, try again")
    /// To DATA when every recipient was refused and one of them for now.
    package static let noRecipientYet = Reply(451, EnhancedCode(4, 7, 1), "No recipient could be taken now, try again")
    /// The store has no room for another message.
    package static let diskFull = Reply(452, EnhancedCode(4, 3, 1), "No room, try again")
    /// Too many passwords wait to be checked.
    package static let authenticationBusy = Reply(454, EnhancedCode(4, 7, 0), "Cannot check passwords now, try again")
    /// To STARTTLS when there is no certificate.
    package static let tlsUnavailable = Reply(454, EnhancedCode(4, 7, 0), "TLS is not available now")
}

/// Never: what the client has to change.
extension Reply {
    /// To a line with a control octet.
    package static let badSyntax = Reply(500, EnhancedCode(5, 5, 2), "Syntax error")
    /// To a line beyond ``LineFramer/octetsMax``.
    package static let lineTooLong = Reply(500, EnhancedCode(5, 5, 2), "Line too long")
    /// To a verb that is none.
    package static let unknownCommand = Reply(500, EnhancedCode(5, 5, 1), "Unknown command")
    /// To a known verb with an argument it does not take.
    package static let badArgument = Reply(501, EnhancedCode(5, 5, 4), "Syntax error in the argument")
    /// To MAIL without a path.
    package static let badSender = Reply(501, EnhancedCode(5, 1, 7), "Syntax error in the sender's address")
    /// To RCPT without a path.
    package static let badRecipient = Reply(501, EnhancedCode(5, 1, 3), "Syntax error in the recipient's address")
    /// To an answer in an AUTH exchange that is no base64 or has not its parts.
    package static let badBase64 = Reply(501, EnhancedCode(5, 5, 2), "Cannot decode the answer")
    /// To `*` in an AUTH exchange.
    package static let authenticationCancelled = Reply(501, EnhancedCode(5, 7, 0), "Authentication cancelled")
    /// To a verb that we know and do not offer.
    package static let notImplemented = Reply(502, EnhancedCode(5, 5, 1), "Command not implemented")
    /// To a command out of turn.
    package static let badSequence = Reply(503, EnhancedCode(5, 5, 1), "Bad sequence of commands")
    /// To AUTH with a mechanism we do not offer.
    package static let unknownMechanism = Reply(504, EnhancedCode(5, 5, 4), "Unknown authentication mechanism")
    /// To MAIL where a login is asked for.
    package static let authenticationRequired = Reply(530, EnhancedCode(5, 7, 0), "Authentication required")
    /// To AUTH and MAIL in the clear.
    package static let tlsRequired = Reply(530, EnhancedCode(5, 7, 0), "Issue STARTTLS first")
    /// To a login that is unknown or a password that is wrong.
    package static let authenticationFailed = Reply(535, EnhancedCode(5, 7, 8), "Authentication failed")
    /// To XCLIENT and XFORWARD.
    package static let forbiddenCommand = Reply(550, EnhancedCode(5, 7, 0), "Not permitted")
    /// To MAIL from an address that belongs to no account.
    package static let relayingDenied = Reply(550, EnhancedCode(5, 7, 1), "Relaying denied")
    /// To a SIZE, or at the end of a message, beyond what is taken.
    package static let messageTooBig = Reply(552, EnhancedCode(5, 3, 4), "Message too big")
    /// To a path beyond ASCII without SMTPUTF8.
    package static let internationalAddress = Reply(553, EnhancedCode(5, 6, 7), "This address needs SMTPUTF8")
    /// To DATA when every recipient was refused for good.
    package static let noValidRecipients = Reply(554, EnhancedCode(5, 5, 1), "No valid recipients")
    /// To octets that came in the clear behind STARTTLS; close.
    package static let octetsBehindStartTLS = Reply(554, EnhancedCode(5, 5, 1), "Octets behind STARTTLS")
    /// To a message with a ``MessageStream/Fault``.
    package static let badContent = Reply(554, EnhancedCode(5, 6, 0), "The message holds a bare CR, a bare LF or a NUL")
    /// To a message that was relayed too often.
    package static let tooManyHops = Reply(554, EnhancedCode(5, 4, 6), "Too many hops, this mail loops")
    /// To a recipient of mail that needs what no relay offers, and what EHLO has not offered.
    package static let notOffered = Reply(
        555, EnhancedCode(5, 5, 4), "No relay offers what this mail asks for: 8BITMIME, SMTPUTF8 or DSN")
    /// To a parameter of MAIL or RCPT that we do not offer.
    package static let unknownParameter = Reply(555, EnhancedCode(5, 5, 4), "Unknown parameter")
}
