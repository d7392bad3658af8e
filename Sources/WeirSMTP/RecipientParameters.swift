/// What a RCPT says; ranges are octet offsets into its line.
///
/// Source: RFC 5321, section 4.1.1.3; NOTIFY, ORCPT: RFC 3461.
package struct RecipientParameters: Equatable, Sendable {
    /// Source: RFC 3461, section 4.2.
    package static let originalRecipientOctetsMax = 500

    /// When the sender wants to hear of it. Not at all is the empty set.
    package struct Notify: OptionSet, Equatable, Sendable {
        /// One bit an event.
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// It was delivered.
        package static let success = Notify(rawValue: 1)
        /// It was not.
        package static let failure = Notify(rawValue: 2)
        /// It waits.
        package static let delay = Notify(rawValue: 4)
    }

    /// The recipient.
    package var path: Path
    /// Nil: nothing was said; empty: NEVER.
    package var notify: Notify?
    /// As sent: an address type, `;`, and xtext.
    package var originalRecipient: Range<Int>?
    /// Whether the envelope's MAIL must have said SMTPUTF8.
    package var isASCII: Bool

    /// What a relay must offer to be told all of this.
    package var requires: Extensions.Keywords {
        var keywords: Extensions.Keywords = []
        if !isASCII { keywords.insert(.smtpUTF8) }
        if notify != nil || originalRecipient != nil { keywords.insert(.dsn) }
        return keywords
    }
}

extension RecipientParameters {
    /// `"TO:" Forward-path [SP Rcpt-parameters]`, where `argument` ends without a space.
    init(_ line: Span<UInt8>, _ argument: Range<Int>) throws(CommandError) {
        guard argument.count > 3, Word(line, argument.prefix(3)) == .to else { throw .malformedArgument }
        var offset = argument.lowerBound + 3
        while line[offset] == .space { offset += 1 }
        guard let path = Path.scan(line, at: &offset), !path.isEmpty else { throw .malformedRecipient }
        self.init(path: path, isASCII: path.isASCII)
        while let parameter = try Parameter.next(line, at: &offset, until: argument.upperBound) {
            try take(parameter, line)
        }
    }

    private mutating func take(_ parameter: Parameter, _ line: Span<UInt8>) throws(CommandError) {
        switch Word(line, parameter.keyword) {
        case .notify:
            guard let value = parameter.value, notify == nil else { throw .malformedArgument }
            notify = try Self.notify(line, value)
        case .orcpt:
            guard let value = parameter.value, originalRecipient == nil, Self.isTypedAddress(line, value) else {
                throw .malformedArgument
            }
            originalRecipient = value
            for offset in value where line[offset] >= 0x80 { isASCII = false }
        default: throw .unknownParameter
        }
    }

    /// `notify-esmtp-value = "NEVER" / 1#notify-list-element`
    private static func notify(_ line: Span<UInt8>, _ value: Range<Int>) throws(CommandError) -> Notify {
        if Word(line, value) == .never { return [] }
        var notify: Notify = []
        var start = value.lowerBound
        while start <= value.upperBound {
            var end = start
            while end < value.upperBound, line[end] != UInt8(ascii: ",") { end += 1 }
            switch Word(line, start..<end) {
            case .success: notify.insert(.success)
            case .failure: notify.insert(.failure)
            case .delay: notify.insert(.delay)
            default: throw .malformedArgument
            }
            start = end + 1
        }
        return notify
    }

    /// `original-recipient-address = addr-type ";" xtext`, or with the type `utf-8` what RFC 6533 has, section 3.
    private static func isTypedAddress(_ line: Span<UInt8>, _ value: Range<Int>) -> Bool {
        var end = value.lowerBound
        while end < value.upperBound, line[end].isKeywordText { end += 1 }
        guard end > value.lowerBound, end < value.upperBound, line[end] == UInt8(ascii: ";"),
            value.count <= originalRecipientOctetsMax
        else { return false }
        let address = end + 1..<value.upperBound
        guard line.spells("UTF-8", in: value.lowerBound..<end) else { return line.isXtext(address) }
        for offset in address where line[offset] == UInt8(ascii: "=") { return false }
        return !address.isEmpty && line.isText(address)
    }
}

extension RecipientParameters {
    /// Writes the command anew, with what the relay offers, CRLF included; see ``requires`` for what it may lack.
    package func append(from line: Span<UInt8>, offering keywords: Extensions.Keywords, to output: inout [UInt8]) {
        output.append("RCPT TO:<")
        output.append(line, path.mailbox)
        output.append(">")
        if keywords.contains(.dsn) {
            appendNotify(to: &output)
            if let originalRecipient {
                output.append(" ORCPT=")
                output.append(line, originalRecipient)
            }
        }
        output.append("\r\n")
    }

    private func appendNotify(to output: inout [UInt8]) {
        guard let notify else { return }
        output.append(" NOTIFY=")
        if notify.isEmpty { output.append("NEVER,") }
        if notify.contains(.success) { output.append("SUCCESS,") }
        if notify.contains(.failure) { output.append("FAILURE,") }
        if notify.contains(.delay) { output.append("DELAY,") }
        output.removeLast()
    }
}
