/// The words of MAIL and RCPT, as ``Swift/Span/word(_:)`` packs their letters.
enum Word: UInt64 {
    case from = 0x0046_524F_4D3A
    case to = 0x0054_4F3A  // With their colons.
    case auth = 0x4155_5448
    case body = 0x424F_4459
    case envid = 0x0045_4E56_4944
    case notify = 0x4E4F_5449_4659
    case orcpt = 0x004F_5243_5054
    case ret = 0x0052_4554
    case size = 0x5349_5A45
    case smtpUTF8 = 0x534D_5450_5554_4638
    case eightBitMIME = 0x3842_4954_4D49_4D45
    case sevenBit = 0x3742_4954
    case full = 0x4655_4C4C
    case headers = 0x4844_5253
    case never = 0x004E_4556_4552
    case success = 0x0053_5543_4345_5353
    case failure = 0x0046_4149_4C55_5245
    case delay = 0x0044_454C_4159

    /// Nil for any other word, and where there is none.
    init?(_ line: Span<UInt8>, _ range: Range<Int>?) {
        guard let range else { return nil }
        self.init(rawValue: line.word(range))
    }
}

/// `esmtp-param = esmtp-keyword ["=" esmtp-value]` of MAIL and RCPT. Source: RFC 5321, section 4.1.2.
struct Parameter {
    var keyword: Range<Int>
    var value: Range<Int>?

    /// The next one behind `offset`, which moves behind it; nil at the end of the argument.
    static func next(
        _ line: Span<UInt8>, at offset: inout Int, until end: Int
    ) throws(CommandError) -> Parameter? {
        guard offset < end else { return nil }
        guard line[offset] == .space else { throw .malformedArgument }
        while line[offset] == .space { offset += 1 }  // The argument does not end with a space.
        let start = offset
        while offset < end, line[offset].isKeywordText { offset += 1 }
        let keyword = start..<offset
        guard !keyword.isEmpty, line[start] != UInt8(ascii: "-") else { throw .malformedArgument }
        guard offset < end, line[offset] == UInt8(ascii: "=") else { return Parameter(keyword: keyword, value: nil) }
        offset += 1
        let valueStart = offset
        while offset < end, line[offset] != .space { offset += 1 }
        guard offset > valueStart else { throw .malformedArgument }
        return Parameter(keyword: keyword, value: valueStart..<offset)
    }
}

extension UInt8 {
    /// Letters, digits and the hyphen.
    var isKeywordText: Bool { isLetter || isDigit || self == UInt8(ascii: "-") }
}

extension Span<UInt8> {
    /// `xtext = *( xchar / "+" 2HEXDIG )` that is not empty and decodes to printable ASCII.
    ///
    /// Controls are refused in their coded form too, for whoever decodes them may write them into a file of lines.
    /// Source: RFC 3461, section 4.
    func isXtext(_ range: Range<Int>) -> Bool {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let octet = self[offset]
            guard octet > .space, octet < 0x7F, octet != UInt8(ascii: "=") else { return false }
            offset += 1
            guard octet == UInt8(ascii: "+") else { continue }
            guard offset + 1 < range.upperBound, let high = self[offset].hexValue, let low = self[offset + 1].hexValue,
                0x20..<0x7F ~= high << 4 | low
            else { return false }
            offset += 2
        }
        return !range.isEmpty
    }
}

extension UInt8 {
    /// Upper case only, as xtext has it.
    fileprivate var hexValue: UInt8? {
        if isDigit { return self - 0x30 }
        return self &- 0x41 < 6 ? self - 0x37 : nil
    }
}
