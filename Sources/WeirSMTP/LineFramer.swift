/// Cuts what was received into lines; only CRLF ends one.
///
/// The caller owns the octets, hands them over from the first not yet consumed, and consumes what it is told. No
/// octet is looked at twice, however torn the line arrives. A line beyond the limit is thrown away as it comes in,
/// so that it costs no memory, and is reported once, in its place among the others.
///
/// Source: RFC 5321, sections 2.3.8 and 4.5.3.1.
package struct LineFramer: Sendable {
    /// Of a command, CRLF included; RFC 5321 asks for 512, the parameters of its extensions for more.
    package static let commandOctetsMax = 2_048
    /// Of a line within an AUTH exchange, CRLF included. Source: RFC 4954, section 4.
    package static let authenticationOctetsMax = 12_288

    /// What the octets begin with.
    package enum Outcome: Equatable, Sendable {
        /// A line of so many octets; consume two more, its CRLF.
        case line(length: Int)
        /// Read more; nothing is to be consumed.
        case incomplete
        /// A part of a line that is too long: consume it, and ask again.
        case discard(octets: Int)
        /// The end of such a line: consume it, and answer ``CommandError/lineTooLong`` once.
        case overlong(octets: Int)
    }

    /// The longest line, CRLF included. May change between lines.
    package var octetsMax: Int

    private var searched = 0
    private var isDiscarding = false

    package init(octetsMax: Int = Self.commandOctetsMax) { self.octetsMax = octetsMax }

    /// Looks for the next line in octets that begin where the last one ended.
    package mutating func next(in octets: Span<UInt8>) -> Outcome {
        if let length = octets.firstLineEnd(from: searched) {
            let isOverlong = isDiscarding || length + 2 > octetsMax
            (searched, isDiscarding) = (0, false)
            return isOverlong ? .overlong(octets: length + 2) : .line(length: length)
        }
        // A CR at the end may be half of a line's end.
        let known = octets.count > 0 && octets[octets.count - 1] == .carriageReturn ? octets.count - 1 : octets.count
        guard isDiscarding || known + 2 > octetsMax else {
            searched = known
            return .incomplete
        }
        (searched, isDiscarding) = (0, true)
        return known > 0 ? .discard(octets: known) : .incomplete
    }
}
