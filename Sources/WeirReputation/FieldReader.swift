/// Gathers a header's fields, their folded lines joined, each to ``octetsMax`` octets; the rest is let go.
struct FieldReader {
    static let octetsMax = 256

    private var buffer = InlineArray<256, UInt8>(repeating: 0)
    private(set) var count = 0
    private(set) var isCut = false

    mutating func append(_ octet: UInt8) {
        guard count < Self.octetsMax else {
            isCut = true
            return
        }
        buffer[count] = octet
        count += 1
    }

    mutating func clear() { (count, isCut) = (0, false) }

    /// Where the value begins if the field has this name, given in lower case.
    func value(of name: StaticString) -> Int? {
        let length = name.utf8CodeUnitCount
        guard count > length else { return nil }
        for offset in 0..<length where buffer[offset].lowercased != name.octet(offset) { return nil }
        var offset = length
        while offset < count, buffer[offset] == 0x20 || buffer[offset] == 0x09 { offset += 1 }
        return offset < count && buffer[offset] == UInt8(ascii: ":") ? offset + 1 : nil
    }

    /// Whether `text`, in lower case, stands at `start`, space before it left out.
    func begins(at start: Int, with text: StaticString) -> Bool {
        var start = start
        while start < count, buffer[start] <= 0x20 { start += 1 }
        let length = text.utf8CodeUnitCount
        guard count - start >= length else { return false }
        for offset in 0..<length where buffer[start + offset].lowercased != text.octet(offset) {
            return false
        }
        return true
    }

    subscript(_ offset: Int) -> UInt8 { buffer[offset] }

    /// The address of a From field in lower case: what stands in the last angle brackets, else the word with an @.
    func address(from start: Int) -> [UInt8]? {
        guard !isCut else { return nil }
        var best: [UInt8] = []
        var current: [UInt8] = []
        var isQuoted = false
        var isAngled = false
        for offset in start..<count {
            let octet = buffer[offset]
            switch octet {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case _ where isQuoted: break
            case UInt8(ascii: "<"):
                current = []
                isAngled = true
            case UInt8(ascii: ">"), UInt8(ascii: ","), 0...0x20:
                if current.contains(UInt8(ascii: "@")) { best = current }
                if isAngled, octet == UInt8(ascii: ">"), !best.isEmpty { return best }
                current = []
            default: current.append(octet.lowercased)
            }
        }
        if current.contains(UInt8(ascii: "@")) { best = current }
        return best.isEmpty ? nil : best
    }
}

extension StaticString {
    /// `offset` is below ``utf8CodeUnitCount``.
    func octet(_ offset: Int) -> UInt8 { unsafe utf8Start[offset] }
}
