/// MAIL and the recipients so far, kept so that they can go again over another connection.
package struct Envelope: Equatable, Sendable {
    /// The commands as we write them, but for SIZE and the CRLF of MAIL, one after the other.
    private var octets: [UInt8] = []
    private var mailEnd = 0
    private var lastStart = 0
    private var size: UInt64?

    /// How many were added.
    package private(set) var recipients = 0
    /// What a relay must offer to be given all of it.
    package private(set) var requires: Extensions.Keywords

    package init(_ mail: MailParameters, from line: Span<UInt8>) {
        requires = mail.requires
        size = mail.size
        mail.appendCommand(from: line, offering: .passedOn, to: &octets)
        mailEnd = octets.count
    }

    /// Takes a recipient that was admitted, in the order of the client.
    package mutating func add(_ recipient: RecipientParameters, from line: Span<UInt8>) {
        recipients += 1
        requires.formUnion(recipient.requires)
        lastStart = octets.count
        recipient.append(from: line, offering: .passedOn, to: &octets)
    }

    /// The paths without their brackets: the sender's, and those of the first recipients, at most so many.
    package func paths(recipientsMax: Int) -> (sender: [UInt8], recipients: [[UInt8]]) {
        var recipients: [[UInt8]] = []
        var start = mailEnd
        while recipients.count < recipientsMax, let end = octets[start...].firstIndex(of: .lineFeed) {
            recipients.append(path(in: octets[start..<end]))
            start = end + 1
        }
        return (path(in: octets[..<mailEnd]), recipients)
    }

    /// What stands between the brackets of a command's path; a quoted local part may have brackets of its own.
    private func path(in command: ArraySlice<UInt8>) -> [UInt8] {
        guard let bracket = command.firstIndex(of: UInt8(ascii: "<")) else { return [] }
        let start = bracket + 1
        var isQuoted = false
        var end = start
        while end < command.endIndex, isQuoted || command[end] != UInt8(ascii: ">") {
            if command[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
            end += isQuoted && command[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        return Array(command[start..<min(end, command.endIndex)])
    }

    /// Writes the recipient added last, for a relay that has all before it and offers all of ``requires``.
    package func appendLast(to output: inout [UInt8]) { output.append(contentsOf: octets[lastStart...]) }

    /// Writes MAIL and every recipient, for a relay that offers all of ``requires``.
    package func append(offering: Extensions, to output: inout [UInt8]) {
        precondition(offering.offers(requires), "This relay cannot take this envelope.")
        output.append(contentsOf: octets[..<mailEnd])
        MailParameters.append(size: size, offering: offering.keywords, to: &output)
        output.append("\r\n")
        output.append(contentsOf: octets[mailEnd...])
    }
}
