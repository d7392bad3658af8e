/// Stands for an address or a name where the evidence needs to know it again, but not what it was.
///
/// With a key of the installation, evidence that leaks names nobody, and nobody can choose names that collide.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; SipHash-2-4.
package struct KeyedHash: Sendable {
    private let key: (UInt64, UInt64)

    package init(key: (UInt64, UInt64)) { self.key = key }

    package func callAsFunction(_ octets: Span<UInt8>) -> UInt64 {
        var state = SipState(key)
        var offset = 0
        while octets.count - offset >= 8 {
            let word = unsafe octets.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            state.absorb(UInt64(littleEndian: word))
            offset += 8
        }
        var last = UInt64(truncatingIfNeeded: octets.count) << 56
        for place in offset..<octets.count { last |= UInt64(octets[place]) << UInt64(8 * (place - offset)) }
        state.absorb(last)
        return state.finish()
    }

    package func callAsFunction(_ text: some StringProtocol) -> UInt64 { self(Array(text.utf8).span) }
}

private struct SipState {
    private var v0, v1, v2, v3: UInt64

    init(_ key: (UInt64, UInt64)) {
        v0 = key.0 ^ 0x736f_6d65_7073_6575
        v1 = key.1 ^ 0x646f_7261_6e64_6f6d
        v2 = key.0 ^ 0x6c79_6765_6e65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    mutating func finish() -> UInt64 {
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
        v0 &+= v1
        v1 = v1.rotatedLeft(13) ^ v0
        v0 = v0.rotatedLeft(32)
        v2 &+= v3
        v3 = v3.rotatedLeft(16) ^ v2
        v0 &+= v3
        v3 = v3.rotatedLeft(21) ^ v0
        v2 &+= v1
        v1 = v1.rotatedLeft(17) ^ v2
        v2 = v2.rotatedLeft(32)
    }
}

extension UInt64 {
    func rotatedLeft(_ places: UInt64) -> UInt64 { self << places | self >> (64 - places) }

    /// Spreads every bit over the whole word.
    ///
    /// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014; Stafford's mix 13.
    var mixed: UInt64 {
        var word = self
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
