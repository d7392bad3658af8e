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
    private(set) var octets: [UInt8] = []

    /// `capacity` is what it likely takes.
    init(version: UInt8, capacity: Int = 1024) {
        octets.reserveCapacity(capacity)
        octets.append(version)
    }

    init(octets: [UInt8]) { self.octets = octets }

    mutating func put(_ value: some FixedWidthInteger) {
        for place in stride(from: 0, to: value.bitWidth, by: 8) {
            octets.append(UInt8(truncatingIfNeeded: value >> place))
        }
    }

    mutating func put(_ value: Double) { put(value.bitPattern) }

    /// One octet tells whether there is a value.
    mutating func put(option value: UInt64?) {
        put(UInt8(value == nil ? 0 : 1))
        if let value { put(value) }
    }

    /// All, and a checksum behind it.
    mutating func finish() -> [UInt8] {
        put(Self.checksum(octets[...]))
        return octets
    }

    /// Finds damage, not malice: its key is known.
    static func checksum(_ octets: ArraySlice<UInt8>) -> UInt64 { KeyedHash(key: (0x5765_6972, 1))(octets.span) }
}

/// Reads what ``BlobWriter`` wrote; anything else throws.
struct BlobReader {
    private var rest: ArraySlice<UInt8>

    init(_ octets: [UInt8], version: UInt8) throws(EvidenceError) {
        guard let first = octets.first, octets.count > 9 else { throw .damaged }
        rest = octets[1..<(octets.count - 8)]
        var tail = BlobReader(rest: octets[(octets.count - 8)...])
        guard try tail.integer(UInt64.self) == BlobWriter.checksum(octets[..<(octets.count - 8)]) else {
            throw .damaged
        }
        guard first == version else { throw .version(first) }
    }

    private init(rest: ArraySlice<UInt8>) { self.rest = rest }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(EvidenceError) -> Value {
        guard rest.count >= Value.bitWidth / 8 else { throw .damaged }
        var value: Value = 0
        for place in stride(from: 0, to: Value.bitWidth, by: 8) {
            value |= Value(truncatingIfNeeded: rest[rest.startIndex]) << place
            rest = rest.dropFirst()
        }
        return value
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

    func end() throws(EvidenceError) { guard rest.isEmpty else { throw .damaged } }
}
