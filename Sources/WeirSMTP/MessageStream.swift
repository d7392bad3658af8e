/// The way of a message's octets from the client to the relay: decoded by us, written anew by us.
///
/// What goes out is built from what was understood, never copied raw: CRLF ends every line, every dot that begins one
/// is doubled, and the dot that ends the message is not in it, for that is the driver's to send. Input may be torn
/// anywhere; no octet is looked at twice but in the header's names.
///
/// Source: RFC 5321, sections 2.3.8, 4.1.1.4 and 4.5.2; RFC 5321, section 6.3 for loops.
package struct MessageStream: ~Copyable {
    /// Of fields named Received.
    package static let hopsMax = 50

    /// The end of data: what the driver sends once the message may be released.
    package static let dot: StaticString = ".\r\n"

    /// What becomes of a LF without its CR.
    package enum BareNewline: Equatable, Sendable {
        /// It ends a line, and so becomes CRLF; but it never is a part of the end of data.
        case normalize
        /// It is a fault.
        case reject
    }

    /// Why a message may not go on. Its rest is read to the end of data all the same.
    package enum Fault: Equatable, Sendable {
        case bareCarriageReturn, bareLineFeed, nul
        /// More fields named Received than the limit.
        case loop

        /// What the client is told at the end of data.
        package var reply: Reply {
            switch self {
            case .bareCarriageReturn, .bareLineFeed, .nul: .badContent
            case .loop: .tooManyHops
            }
        }
    }

    /// How far a call came.
    package struct Progress: Equatable, Sendable {
        /// Octets of the input; what is behind the end of data stays.
        package var consumed: Int
        /// The end of data was read; what was written before it ends with CRLF.
        package var ended: Bool
    }

    /// Where in a line the decoder stands.
    private enum State {
        /// Behind CRLF, or at the very start. Left by any octet.
        case lineStart
        /// Behind a LF that stood for a CRLF. Left by any octet.
        case bareLineStart
        /// Behind the dot that begins a line, of which nothing is written yet. Left by any octet.
        case dot
        /// Behind such a dot and a CR. Left by any octet.
        case dotCR
        /// Behind a dot after a bare LF; it is written. A second one says the same. Left by any octet.
        case bareDot
        /// Left by CR, and by a LF that is normalised.
        case text
        /// Behind a CR that is not yet written. Left by any octet.
        case cr
        /// Never left.
        case ended
    }

    private let bareNewline: BareNewline
    private let hopsMax: Int
    private var state = State.lineStart
    private var preface: [UInt8]
    private var header = HeaderScanner()
    private var isDiscarding = false

    /// Why nothing more is written; the first cause stays.
    package private(set) var fault: Fault?
    /// Of the message as the client has it: lines ended by CRLF, no dots doubled, what we add left out, fields we
    /// drop included; what is thrown away counts too.
    package private(set) var octets: UInt64 = 0
    /// Fields named Received that the client's message has.
    package var hops: Int { header.hops }

    /// Both fields end with CRLF and go before the message, `received` first; either may be empty.
    package init(
        received: [UInt8], account: [UInt8], bareNewline: BareNewline, hopsMax: Int = Self.hopsMax
    ) {
        preface = received + account
        self.bareNewline = bareNewline
        self.hopsMax = hopsMax
    }

    /// Writes nothing more, and reads to the end of data: the message is refused by others.
    package mutating func discard() { isDiscarding = true }

    /// Takes what was received, appends what goes to the relay.
    ///
    /// Appends at most twice the input, and what was held back and put in front.
    package mutating func consume(_ input: Span<UInt8>, into output: inout [UInt8]) -> Progress {
        if !preface.isEmpty {
            output.append(contentsOf: preface)
            preface = []
        }
        var offset = 0
        while offset < input.count, state != .ended {
            offset = isDiscarding ? skip(input, offset) : step(input, offset, &output)
        }
        return Progress(consumed: offset, ended: state == .ended)
    }
}

/// The decoder.
extension MessageStream {
    /// Takes the octet at `offset`, or in text all up to one that matters; returns where to go on.
    private mutating func step(_ input: Span<UInt8>, _ offset: Int, _ output: inout [UInt8]) -> Int {
        switch (state, input[offset]) {
        case (.text, _): return text(input, offset, &output)
        case (.lineStart, .dot): state = .dot
        case (.bareLineStart, .dot):
            putDot(&output)
            state = .bareDot
        case (.dot, .dot):
            putDot(&output)
            state = .text
        case (.dot, .carriageReturn): state = .dotCR
        case (.dot, .lineFeed):
            putDot(&output)
            state = .text
            return offset
        case (.bareDot, .dot): state = .text
        case (.lineStart, _), (.bareLineStart, _), (.bareDot, _), (.dot, _):
            state = .text
            return offset
        case (.dotCR, .lineFeed): state = .ended
        case (.cr, .lineFeed):
            putLineEnd(&output)
            state = .lineStart
        case (.dotCR, _), (.cr, _):
            state = .cr
            fail(.bareCarriageReturn)
            return offset
        case (.ended, _): preconditionFailure("The message has ended.")
        }
        return offset + 1
    }

    private mutating func text(_ input: Span<UInt8>, _ start: Int, _ output: inout [UInt8]) -> Int {
        let stop = header.isOpen ? input.firstLowControl(from: start) : Self.endOfPlain(input, from: start)
        put(input, start..<stop, &output)
        guard stop < input.count else { return stop }
        switch input[stop] {
        case .carriageReturn: state = .cr
        case .lineFeed where bareNewline == .normalize:
            putLineEnd(&output)
            state = .bareLineStart
        case .lineFeed: fail(.bareLineFeed)
        case .nul: fail(.nul)
        default: put(input, stop..<stop + 1, &output)
        }
        return stop + 1
    }

    /// Where text ends that goes out as it came in: lines and all, but for a last CRLF and those before a dot.
    private static func endOfPlain(_ input: Span<UInt8>, from start: Int) -> Int {
        var offset = input.firstLowControl(from: start)
        while offset < input.count {
            switch input[offset] {
            case .carriageReturn:
                guard input.count - offset > 2, input[offset + 1] == .lineFeed, input[offset + 2] != .dot else {
                    return offset
                }
                offset += 2
            case .lineFeed, .nul: return offset
            default: offset += 1
            }
            offset = input.firstLowControl(from: offset)
        }
        return offset
    }

    /// Follows the lines of what is thrown away, as strictly.
    private mutating func skip(_ input: Span<UInt8>, _ offset: Int) -> Int {
        switch (state, input[offset]) {
        case (.lineStart, .dot): state = .dot
        case (.dot, .carriageReturn): state = .dotCR
        case (.dotCR, .lineFeed): state = .ended
        case (.cr, .lineFeed):
            octets += 2
            state = .lineStart
        case (.lineStart, .carriageReturn), (.bareLineStart, .carriageReturn), (.dotCR, .carriageReturn),
            (.bareDot, .carriageReturn), (.text, .carriageReturn), (.cr, .carriageReturn):
            state = .cr
        case (.lineStart, _), (.bareLineStart, _), (.dot, _), (.dotCR, _), (.bareDot, _), (.text, _), (.cr, _):
            octets += input[offset] == .lineFeed ? 2 : 1
            state = .text
        case (.ended, _): preconditionFailure("The message has ended.")
        }
        return offset + 1
    }

    private mutating func fail(_ cause: Fault) {
        fault = fault ?? cause
        isDiscarding = true
    }
}

/// The encoder.
extension MessageStream {
    private mutating func put(_ input: Span<UInt8>, _ range: Range<Int>, _ output: inout [UInt8]) {
        octets += UInt64(range.count)
        guard header.isOpen else { return output.append(input, range) }
        header.take(input, range, into: &output)
        if header.hops > hopsMax { fail(.loop) }
    }

    /// A dot of the text that begins a line.
    private mutating func putDot(_ output: inout [UInt8]) {
        octets += 1
        if header.isOpen { header.takeDot(into: &output) }
        output.append("..")
    }

    private mutating func putLineEnd(_ output: inout [UInt8]) {
        octets += 2
        guard header.isOpen else { return output.append("\r\n") }
        header.endLine(into: &output)
    }
}
