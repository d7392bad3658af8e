/// Why octets are no evidence.
package enum EvidenceError: Error, Equatable {
    /// Of a layout that this version does not know.
    case version(UInt8)
    /// Cut short, longer than it says, or changed.
    case damaged
}

/// What holds for all stored octets.
package enum Blob {
    /// The octets and their checksum.
    package static func sealed(_ octets: [UInt8]) -> [UInt8] {
        var blob = BlobWriter(octets: octets)
        return blob.finish()
    }
}

/// Writes numbers one behind the other, the least significant octet first.
struct BlobWriter {
    /// Zeros behind the first ``count``, so that a word is stored in one piece.
    private var octets: [UInt8]
    private var count = 0

    /// `capacity` is what it likely takes.
    init(version: UInt8, capacity: Int = 2048) {
        octets = [UInt8](repeating: 0, count: capacity)
        put(version)
    }

    init(octets: [UInt8]) {
        self.octets = octets
        count = octets.count
    }

    mutating func put<Word: FixedWidthInteger & BitwiseCopyable>(_ value: Word) {
        let place = count
        let next = place + Word.bitWidth / 8
        if next > octets.count { octets += repeatElement(0, count: next) }
        var span = octets.mutableSpan
        var bytes = unsafe span.mutableBytes
        bytes.storeBytes(of: value.littleEndian, toByteOffset: place, as: Word.self)
        count = next
    }

    mutating func put(_ value: Double) { put(value.bitPattern) }

    /// One octet tells whether there is a value.
    mutating func put(option value: UInt64?) {
        put(UInt8(value == nil ? 0 : 1))
        if let value { put(value) }
    }

    /// All, and a checksum behind it.
    mutating func finish() -> [UInt8] {
        put(Self.checksum(octets[..<count]))
        octets.removeLast(octets.count - count)
        return octets
    }

    /// Finds damage, not malice: its key is known.
    static func checksum(_ octets: ArraySlice<UInt8>) -> UInt64 { KeyedHash(key: (0x5765_6972, 1))(octets.span) }
}

/// Reads what ``BlobWriter`` wrote; anything else throws.
struct BlobReader {
    private let octets: [UInt8]
    /// Of the next octet, and behind the last one.
    private var place = 1
    private let end: Int

    init(_ octets: [UInt8], version: UInt8) throws(EvidenceError) {
        guard let first = octets.first, octets.count > 9 else { throw .damaged }
        self.octets = octets
        end = octets.count - 8
        guard word(at: end, UInt64.self) == BlobWriter.checksum(octets[..<end]) else { throw .damaged }
        guard first == version else { throw .version(first) }
    }

    /// `place` and all octets of the word are within ``octets``; if not, it traps.
    private func word<Word: FixedWidthInteger & BitwiseCopyable>(at place: Int, _ type: Word.Type) -> Word {
        unsafe Word(littleEndian: octets.span.bytes.unsafeLoadUnaligned(fromByteOffset: place, as: Word.self))
    }

    mutating func integer<Word: FixedWidthInteger & BitwiseCopyable>(_ type: Word.Type) throws(EvidenceError) -> Word {
        let next = place + Word.bitWidth / 8
        guard next <= end else { throw .damaged }
        defer { place = next }
        return word(at: place, type)
    }

    /// A finite number; what adds up to others must never be none.
    mutating func double() throws(EvidenceError) -> Double {
        let value = Double(bitPattern: try integer(UInt64.self))
        guard value.isFinite else { throw .damaged }
        return value
    }

    mutating func float() throws(EvidenceError) -> Float {
        let value = Float(bitPattern: try integer(UInt32.self))
        guard value.isFinite else { throw .damaged }
        return value
    }

    mutating func option() throws(EvidenceError) -> UInt64? {
        try integer(UInt8.self) == 0 ? nil : try integer(UInt64.self)
    }

    mutating func doubleOption() throws(EvidenceError) -> Double? {
        try integer(UInt8.self) == 0 ? nil : try double()
    }

    /// How many of something follow.
    mutating func count(max: Int) throws(EvidenceError) -> Int {
        let count = Int(try integer(UInt16.self))
        guard count <= max else { throw .damaged }
        return count
    }

    func finish() throws(EvidenceError) { guard place == end else { throw .damaged } }
}
