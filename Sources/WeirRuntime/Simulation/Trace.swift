/// A running hash over everything a simulation decided: two runs of one seed must end with the same.
///
/// Source: Fowler, Noll, Vo, FNV-1a with 64 bits, over words for numbers and over octets for what was written.
package struct Trace: Hashable, Sendable {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    /// How many words and octets went in.
    package private(set) var count: UInt64 = 0

    package init() {}

    package mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x0000_0100_0000_01B3
        count += 1
    }

    mutating func mix(_ octets: UnsafeRawBufferPointer) {
        for octet in octets { mix(UInt64(octet)) }
    }
}

extension Trace: CustomStringConvertible {
    package var description: String { String(hash, radix: 16) + "/\(count)" }
}
