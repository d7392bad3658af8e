/// Cuts what a relay sent into replies, and reads their codes.
///
/// The caller owns the octets, hands them over from the first not yet consumed, and consumes
/// ``RelayReply/length``. No octet is looked at twice.
///
/// Source: RFC 5321, section 4.2.1.
package struct ReplyParser: Sendable {
    /// Of one reply.
    package static let linesMax = 64
    /// Of one line, CRLF included.
    package static let lineOctetsMax = 1_024

    /// What the octets begin with.
    package enum Outcome: Equatable, Sendable {
        case reply(RelayReply)
        /// Read more; nothing is to be consumed.
        case incomplete
        /// No SMTP, or beyond a limit: nothing on this connection can be trusted any more.
        case malformed
    }

    /// Where the line begins that is not yet read.
    private var lineStart = 0
    private var searched = 0
    private var lines = 0
    private var code: UInt16 = 0
    private var enhanced: EnhancedCode?

    package init() {}

    /// Looks for the next reply in octets that begin where the last one ended.
    package mutating func next(in octets: Span<UInt8>) -> Outcome {
        while let end = octets.firstLineEnd(from: searched) {
            guard end + 2 - lineStart <= Self.lineOctetsMax, lines < Self.linesMax,
                let isLast = takeLine(octets, lineStart..<end)
            else { return .malformed }
            (lineStart, searched) = (end + 2, end + 2)
            if isLast {
                let reply = RelayReply(code: code, enhanced: enhanced, length: end + 2)
                self = ReplyParser()
                return .reply(reply)
            }
        }
        let count = octets.count
        searched = count > searched && octets[count - 1] == .carriageReturn ? count - 1 : max(count, searched)
        return searched + 2 - lineStart > Self.lineOctetsMax || lines == Self.linesMax && count > lineStart
            ? .malformed : .incomplete
    }

    /// `Reply-code [ ( SP / "-" ) textstring ]`; nil if it is no such line, else whether it is the last.
    ///
    /// Wider than the RFC in the second digit, for replies like 471 are in use.
    private mutating func takeLine(_ octets: Span<UInt8>, _ line: Range<Int>) -> Bool? {
        let start = line.lowerBound
        guard line.count >= 3, 0x32...0x35 ~= octets[start], octets[start + 1].isDigit, octets[start + 2].isDigit
        else { return nil }
        let number =
            UInt16(octets[start] - 0x30) * 100 + UInt16(octets[start + 1] - 0x30) * 10
            + UInt16(octets[start + 2] - 0x30)
        guard lines == 0 || number == code else { return nil }
        if lines == 0 {
            code = number
            enhanced = EnhancedCode.scan(octets, min(start + 4, line.upperBound)..<line.upperBound)?.code
        }
        lines += 1
        guard line.count > 3 else { return true }
        switch octets[start + 3] {
        case .space: return true
        case UInt8(ascii: "-"): return false
        default: return nil
        }
    }
}
