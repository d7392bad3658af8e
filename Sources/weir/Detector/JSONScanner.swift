/// Reads one line of JSON as far as a trace needs it: members in any order, whole numbers and decimals, plain text.
struct JSONScanner {
    static let depthMax = 16

    private let line: ArraySlice<UInt8>
    private var offset: Int
    private var depth = 0
    /// Nothing was read of the innermost object or array yet.
    private var isFirst = true

    init(_ line: ArraySlice<UInt8>) {
        self.line = line
        offset = line.startIndex
    }

    mutating func beginObject() throws(TraceError) { try enter("{") }
    mutating func beginArray() throws(TraceError) { try enter("[") }

    /// The next member's name; its value must be read before the next call. Nil where the object ends.
    mutating func nextMember() throws(TraceError) -> String? {
        guard try nextItem(before: "}") else { return nil }
        let name = try text()
        skipSpace()
        try expect(":")
        return name
    }

    /// Whether an element follows, which must be read before the next call, or the array ends.
    mutating func nextElement() throws(TraceError) -> Bool { try nextItem(before: "]") }

    /// The octets between the quotes, escapes as they stand.
    mutating func octets() throws(TraceError) -> ArraySlice<UInt8> {
        try expect("\"")
        let start = offset
        while offset < line.endIndex, line[offset] != UInt8(ascii: "\"") {
            offset += line[offset] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard offset < line.endIndex else { throw error("a text does not end") }
        defer { offset += 1 }
        return line[start..<offset]
    }

    mutating func text() throws(TraceError) -> String { String(decoding: try octets(), as: UTF8.self) }

    /// A number, times ten to the `places`; further places are cut off.
    mutating func decimal(places: Int) throws(TraceError) -> Int64 {
        skipSpace()
        let isNegative = take("-")
        var value: Int64 = 0
        var left: Int?
        var digits = 0
        while offset < line.endIndex {
            let octet = line[offset]
            if octet == UInt8(ascii: "."), left == nil {
                left = places
            } else if octet >= 0x30, octet <= 0x39 {
                digits += 1
                if left != 0 { value = try appending(octet, to: value) }
                if let rest = left, rest > 0 { left = rest - 1 }
            } else {
                break
            }
            offset += 1
        }
        guard digits > 0 else { throw error("a number was expected") }
        for _ in 0..<(left ?? places) { value = try appending(0x30, to: value) }
        value = try applyExponent(to: value)
        return isNegative ? -value : value
    }

    private mutating func applyExponent(to value: Int64) throws(TraceError) -> Int64 {
        guard take("e") || take("E") else { return value }
        let isNegative = take("-")
        if !isNegative { _ = take("+") }
        var exponent = 0
        while offset < line.endIndex, line[offset] >= 0x30, line[offset] <= 0x39 {
            exponent = min(exponent * 10 + Int(line[offset] - 0x30), 100)
            offset += 1
        }
        var value = value
        for _ in 0..<exponent where value != 0 { value = isNegative ? value / 10 : try appending(0x30, to: value) }
        return value
    }

    mutating func skip() throws(TraceError) {
        skipSpace()
        guard offset < line.endIndex else { throw error("a value was expected") }
        switch line[offset] {
        case UInt8(ascii: "{"):
            try beginObject()
            while try nextMember() != nil { try skip() }
        case UInt8(ascii: "["):
            try beginArray()
            while try nextElement() { try skip() }
        case UInt8(ascii: "\""): _ = try octets()
        default:
            let start = offset
            while offset < line.endIndex, !",}] ".utf8.contains(line[offset]) { offset += 1 }
            guard offset > start else { throw error("a value was expected") }
        }
    }

    // MARK: - Steps

    private func appending(_ octet: UInt8, to value: Int64) throws(TraceError) -> Int64 {
        let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, further) = tens.addingReportingOverflow(Int64(octet - 0x30))
        guard !overflow, !further else { throw error("a number is too great") }
        return sum
    }

    private mutating func enter(_ bracket: Unicode.Scalar) throws(TraceError) {
        try expect(bracket)
        depth += 1
        isFirst = true
        guard depth <= Self.depthMax else { throw error("nested too deeply") }
    }

    private mutating func nextItem(before bracket: Unicode.Scalar) throws(TraceError) -> Bool {
        skipSpace()
        if take(bracket) {
            depth -= 1
            isFirst = false
            return false
        }
        if !isFirst { try expect(",") }
        isFirst = false
        return true
    }

    private mutating func expect(_ scalar: Unicode.Scalar) throws(TraceError) {
        skipSpace()
        guard take(scalar) else { throw error("\"\(scalar)\" was expected") }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard offset < line.endIndex, UInt32(line[offset]) == scalar.value else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while offset < line.endIndex, line[offset] == 0x20 || line[offset] == 0x09 { offset += 1 }
    }

    /// At the place that was read to.
    func error(_ reason: String) -> TraceError {
        TraceError(reason: reason, offset: offset - line.startIndex)
    }
}
