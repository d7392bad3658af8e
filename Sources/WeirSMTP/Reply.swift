/// A reply of ours, kept as the octets that go out.
///
/// Source: RFC 5321, section 4.2; RFC 2034.
package struct Reply: Equatable, Sendable {
    /// Of the text in one line, so that the line keeps to RFC 5321's 512 octets (section 4.5.3.1.5).
    package static let textOctetsMax = 490

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

    package var isPositive: Bool { code < 400 }
    /// 4xx: the client should try again.
    package var isTransient: Bool { 400...499 ~= code }
    package var isPermanent: Bool { code >= 500 }

    package func append(to output: inout [UInt8]) { output.append(contentsOf: octets) }
}

extension Reply: CustomStringConvertible {
    package var description: String { String(decoding: octets.dropLast(2), as: UTF8.self) }
}

/// What goes well.
extension Reply {
    package static let ok = Reply(250, EnhancedCode(2, 0, 0), "Ok")
    package static let senderOk = Reply(250, EnhancedCode(2, 1, 0), "Sender ok")
    package static let goodbye = Reply(221, EnhancedCode(2, 0, 0), "Goodbye")
    package static let startTLS = Reply(220, EnhancedCode(2, 0, 0), "Ready to start TLS")
    package static let authenticated = Reply(235, EnhancedCode(2, 7, 0), "Authenticated")
    package static let startData = Reply(354, nil, "End data with <CR><LF>.<CR><LF>")
    package static let cannotVerify = Reply(252, EnhancedCode(2, 0, 0), "Cannot verify, but will take mail and try")
    package static let help = Reply(214, EnhancedCode(2, 0, 0), "See RFC 5321")

    package static func greeting(hostname: String) -> Reply { Reply(220, nil, "\(hostname) ESMTP Weir") }
}

/// Later: what time or another try cures.
extension Reply {
    package static let shuttingDown = Reply(421, EnhancedCode(4, 3, 2), "Shutting down, try again soon")
    package static let idleTooLong = Reply(421, EnhancedCode(4, 4, 2), "Waited too long for you")
    package static let tooManyConnections = Reply(421, EnhancedCode(4, 7, 0), "Too many connections")
    package static let tooManyErrors = Reply(421, EnhancedCode(4, 7, 0), "Too many errors")
    package static let tooManyRefusals = Reply(421, EnhancedCode(4, 7, 0), "Too many recipients were refused")
    package static let tooManyFailures = Reply(421, EnhancedCode(4, 7, 0), "Too many failed authentications")
    package static let notMail = Reply(421, EnhancedCode(4, 7, 0), "This is a mail server")
    package static let storeBusy = Reply(451, EnhancedCode(4, 3, 0), "Temporary failure here, try again")
    package static let noRelay = Reply(451, EnhancedCode(4, 4, 1), "No relay can be reached, try again")
    package static let relayLost = Reply(451, EnhancedCode(4, 4, 2), "The relay was lost, try again")
    package static let noRecipientYet = Reply(451, EnhancedCode(4, 7, 1), "No recipient could be taken now, try again")
    package static let diskFull = Reply(452, EnhancedCode(4, 3, 1), "No room, try again")
    package static let authenticationBusy = Reply(454, EnhancedCode(4, 7, 0), "Cannot check passwords now, try again")
    package static let tlsUnavailable = Reply(454, EnhancedCode(4, 7, 0), "TLS is not available now")
}

/// Never: what the client has to change.
extension Reply {
    package static let badSyntax = Reply(500, EnhancedCode(5, 5, 2), "Syntax error")
    package static let lineTooLong = Reply(500, EnhancedCode(5, 5, 2), "Line too long")
    package static let unknownCommand = Reply(500, EnhancedCode(5, 5, 1), "Unknown command")
    package static let badArgument = Reply(501, EnhancedCode(5, 5, 4), "Syntax error in the argument")
    package static let badSender = Reply(501, EnhancedCode(5, 1, 7), "Syntax error in the sender's address")
    package static let badRecipient = Reply(501, EnhancedCode(5, 1, 3), "Syntax error in the recipient's address")
    package static let badBase64 = Reply(501, EnhancedCode(5, 5, 2), "Cannot decode the answer")
    package static let authenticationCancelled = Reply(501, EnhancedCode(5, 7, 0), "Authentication cancelled")
    package static let notImplemented = Reply(502, EnhancedCode(5, 5, 1), "Command not implemented")
    package static let badSequence = Reply(503, EnhancedCode(5, 5, 1), "Bad sequence of commands")
    package static let unknownMechanism = Reply(504, EnhancedCode(5, 5, 4), "Unknown authentication mechanism")
    package static let authenticationRequired = Reply(530, EnhancedCode(5, 7, 0), "Authentication required")
    package static let tlsRequired = Reply(530, EnhancedCode(5, 7, 0), "Issue STARTTLS first")
    package static let authenticationFailed = Reply(535, EnhancedCode(5, 7, 8), "Authentication failed")
    package static let forbiddenCommand = Reply(550, EnhancedCode(5, 7, 0), "Not permitted")
    package static let relayingDenied = Reply(550, EnhancedCode(5, 7, 1), "Relaying denied")
    package static let messageTooBig = Reply(552, EnhancedCode(5, 3, 4), "Message too big")
    package static let internationalAddress = Reply(553, EnhancedCode(5, 6, 7), "This address needs SMTPUTF8")
    package static let noValidRecipients = Reply(554, EnhancedCode(5, 5, 1), "No valid recipients")
    package static let octetsBehindStartTLS = Reply(554, EnhancedCode(5, 5, 1), "Octets behind STARTTLS")
    package static let badContent = Reply(554, EnhancedCode(5, 6, 0), "The message holds a bare CR, a bare LF or a NUL")
    package static let tooManyHops = Reply(554, EnhancedCode(5, 4, 6), "Too many hops, this mail loops")
    package static let unknownParameter = Reply(555, EnhancedCode(5, 5, 4), "Unknown parameter")
}
