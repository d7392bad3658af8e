/// The octets of the protocol that have a name.
extension UInt8 {
    static let nul: UInt8 = 0x00
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let dot = UInt8(ascii: ".")

    /// C0 controls and DEL.
    var isControl: Bool { self < 0x20 || self == 0x7F }
    var isDigit: Bool { self &- 0x30 < 10 }
    var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
    var isHexDigit: Bool { isDigit || (self | 0x20) &- 0x61 < 6 }
    var uppercased: UInt8 { self &- 0x61 < 26 ? self & 0xDF : self }
}

extension Span<UInt8> {
    /// The first offset from `start` on of an octet below 0x0E (NUL, TAB, LF and CR are there); `count` if none is.
    func firstLowControl(from start: Int) -> Int {
        firstMark(from: start) { word in word.marksBelow(0x0E) }
    }

    /// The first offset of a C0 control or DEL; `count` if none is.
    var firstControl: Int {
        firstMark(from: 0) { word in word.marksBelow(0x20) | (word ^ 0x7F7F_7F7F_7F7F_7F7F).marksBelow(1) }
    }

    /// The first offset from `start` on of an octet that `marks` marks, which sees eight octets a step.
    @inline(__always)
    private func firstMark(from start: Int, _ marks: (UInt64) -> UInt64) -> Int {
        unsafe withUnsafeBytes { octets in
            var offset = start
            while octets.count - offset >= 8 {
                let word = unsafe UInt64(littleEndian: octets.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let found = marks(word)
                if found != 0 { return offset + found.trailingZeroBitCount / 8 }
                offset += 8
            }
            while offset < octets.count {
                // Padded with what no one marks.
                if unsafe marks(UInt64(octets[offset]) | 0x8080_8080_8080_8080 << 8) != 0 { return offset }
                offset += 1
            }
            return octets.count
        }
    }

    /// The first offset from `start` on of a CRLF, or nil.
    func firstLineEnd(from start: Int) -> Int? {
        var offset = firstLowControl(from: start)
        while offset + 1 < count {
            if self[offset] == .carriageReturn, self[offset + 1] == .lineFeed { return offset }
            offset = firstLowControl(from: offset + 1)
        }
        return nil
    }

    /// Up to eight octets, upper-cased, as one big-endian number; 0 when there are none or more.
    func word(_ range: Range<Int>) -> UInt64 {
        guard range.count <= 8 else { return 0 }
        var word: UInt64 = 0
        for offset in range { word = word << 8 | UInt64(self[offset].uppercased) }
        return word
    }

    /// Whether the octets are `text`, in any case.
    func spells(_ text: String, in range: Range<Int>) -> Bool {
        guard range.count == text.utf8.count else { return false }
        var offset = range.lowerBound
        for octet in text.utf8 {
            guard self[offset].uppercased == octet.uppercased else { return false }
            offset += 1
        }
        return true
    }

    /// Whether a whole range is UTF-8 without C1 controls.
    func isText(_ range: Range<Int>) -> Bool {
        for offset in range where self[offset] == 0xC2 && offset + 1 < range.upperBound && self[offset + 1] < 0xA0 {
            return false
        }
        do {
            _ = try UTF8Span(validating: extracting(range))
            return true
        } catch {
            return false
        }
    }
}

extension UInt64 {
    /// The highest bit of each of eight octets that is below `limit`, which is at most 0x80.
    ///
    /// A borrow can only mark octets above the lowest that is really below, so the lowest mark is exact.
    fileprivate func marksBelow(_ limit: UInt64) -> UInt64 {
        (self &- limit &* 0x0101_0101_0101_0101) & ~self & 0x8080_8080_8080_8080
    }
}

extension [UInt8] {
    mutating func append(_ octets: Span<UInt8>, _ range: Range<Int>) {
        unsafe octets.extracting(range).withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    }

    mutating func append(decimal number: UInt64) {
        let start = count
        var rest = number
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }

    /// Appends what may stand in a reply or a trace field: printable ASCII. A tab becomes a space, all else
    /// a question mark.
    mutating func append(printable text: Span<UInt8>, octetsMax: Int = .max) {
        let start = count
        append(text, 0..<Swift.min(text.count, octetsMax))
        for offset in start..<count where self[offset].isControl || self[offset] >= 0x80 {
            self[offset] = self[offset] == .tab ? .space : UInt8(ascii: "?")
        }
    }
}
