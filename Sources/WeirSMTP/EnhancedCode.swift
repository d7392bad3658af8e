/// The class, subject and detail of a reply. Source: RFC 3463.
package struct EnhancedCode: Equatable, Sendable, CustomStringConvertible {
    /// 2, 4 or 5.
    package var category: UInt8
    /// At most 999.
    package var subject: UInt16
    /// At most 999.
    package var detail: UInt16

    package init(_ category: UInt8, _ subject: UInt16, _ detail: UInt16) {
        (self.category, self.subject, self.detail) = (category, subject, detail)
    }

    /// As on the wire.
    package var description: String { "\(category).\(subject).\(detail)" }

    func append(to output: inout [UInt8]) {
        output.append(decimal: UInt64(category))
        output.append(.dot)
        output.append(decimal: UInt64(subject))
        output.append(.dot)
        output.append(decimal: UInt64(detail))
    }

    /// Reads a code at the start of `range`; `length` is what it takes, the space behind it included.
    ///
    ///     status-code = ("2"/"4"/"5") "." 1*3digit "." 1*3digit
    static func scan(_ line: Span<UInt8>, _ range: Range<Int>) -> (code: EnhancedCode, length: Int)? {
        guard range.count >= 5, line[range.lowerBound + 1] == .dot else { return nil }
        let category = line[range.lowerBound]
        guard category == 0x32 || category == 0x34 || category == 0x35 else { return nil }
        var offset = range.lowerBound + 2
        guard let subject = number(line, &offset, range.upperBound), offset < range.upperBound, line[offset] == .dot
        else { return nil }
        offset += 1
        guard let detail = number(line, &offset, range.upperBound) else { return nil }
        if offset < range.upperBound {
            guard line[offset] == .space else { return nil }
            offset += 1
        }
        return (EnhancedCode(category - 0x30, subject, detail), offset - range.lowerBound)
    }

    private static func number(_ line: Span<UInt8>, _ offset: inout Int, _ end: Int) -> UInt16? {
        let start = offset
        var number: UInt16 = 0
        while offset < end, offset - start < 3, line[offset].isDigit {
            number = number * 10 + UInt16(line[offset] - 0x30)
            offset += 1
        }
        return offset > start ? number : nil
    }
}
