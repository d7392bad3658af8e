/// Lets a message's header through, but for fields that only we may write, and counts its hops.
///
/// Takes lines as they are decoded, in any pieces. Its memory is the name it is comparing; a header may be as long as
/// it likes.
///
/// Source: RFC 5322, section 2.2 and, for the space before the colon, section 4.5.
struct HeaderScanner {
    private enum Line {
        /// Nothing of it is read. Left by its first octet.
        case start
        /// All that was read is the beginning of ``accountName``, and held. Left by the octet that decides.
        case account
        /// The same of ``receivedName``, and written. Left by the octet that decides.
        case received(matched: Int)
        /// Left by the line's end.
        case passing, dropping
    }

    private static let accountName: StaticString = "X-WEIR-ACCOUNT"
    private static let receivedName: StaticString = "RECEIVED"

    private var line = Line.start
    private var held: [UInt8] = []
    private var isFirst = true
    /// Whether the field is dropped that a continuation line would continue.
    private var isDropping = false

    /// Until the empty line.
    private(set) var isOpen = true
    private(set) var hops = 0

    mutating func take(_ input: Span<UInt8>, _ range: Range<Int>, into output: inout [UInt8]) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            switch line {
            case .passing: return output.append(input, offset..<range.upperBound)
            case .dropping: return
            case .start: begin(input[offset], into: &output)
            case .account:
                if compareAccount(input[offset], into: &output) { offset += 1 }
            case .received(let matched):
                if compareReceived(input[offset], matched, into: &output) { offset += 1 }
            }
        }
    }

    /// A dot begins no name; the caller writes it.
    mutating func takeDot(into output: inout [UInt8]) { line = .passing }

    mutating func endLine(into output: inout [UInt8]) {
        switch line {
        case .start:
            isOpen = false
            output.append("\r\n")
        case .account where held.count < Self.accountName.utf8CodeUnitCount:
            release(into: &output)
            output.append("\r\n")
            isDropping = false
        case .account, .dropping:
            held.removeAll(keepingCapacity: true)
            isDropping = true
        case .passing, .received:
            output.append("\r\n")
            isDropping = false
        }
        (line, isFirst) = (.start, false)
    }

    /// Decides by a line's first octet.
    private mutating func begin(_ octet: UInt8, into output: inout [UInt8]) {
        switch octet.uppercased {
        case UInt8(ascii: "X"): line = .account
        case UInt8(ascii: "R"): line = .received(matched: 0)
        case .space, .tab:
            // A first line that continues nothing would continue our field: the header is empty, this is text.
            if isFirst {
                output.append("\r\n")
                isOpen = false
            }
            line = isDropping ? .dropping : .passing
        default: line = .passing
        }
    }

    /// Returns whether the octet was taken; else the line's fate is decided.
    private mutating func compareAccount(_ octet: UInt8, into output: inout [UInt8]) -> Bool {
        let matched = held.count
        if matched < Self.accountName.utf8CodeUnitCount, octet.uppercased == Self.octet(matched, of: Self.accountName) {
            held.append(octet)
            return true
        }
        if matched == Self.accountName.utf8CodeUnitCount, !octet.isFieldName {
            held.removeAll(keepingCapacity: true)
            line = .dropping
        } else {
            release(into: &output)
            line = .passing
        }
        return false
    }

    private mutating func compareReceived(_ octet: UInt8, _ matched: Int, into output: inout [UInt8]) -> Bool {
        if matched < Self.receivedName.utf8CodeUnitCount, octet.uppercased == Self.octet(matched, of: Self.receivedName)
        {
            output.append(octet)
            line = .received(matched: matched + 1)
            return true
        }
        if matched == Self.receivedName.utf8CodeUnitCount, !octet.isFieldName { hops += 1 }
        line = .passing
        return false
    }

    private mutating func release(into output: inout [UInt8]) {
        output.append(contentsOf: held)
        held.removeAll(keepingCapacity: true)
    }

    private static func octet(_ offset: Int, of name: StaticString) -> UInt8 {
        unsafe name.utf8Start[offset]
    }
}

extension UInt8 {
    /// `ftext = %d33-57 / %d59-126`
    fileprivate var isFieldName: Bool { self > .space && self < 0x7F && self != UInt8(ascii: ":") }
}
