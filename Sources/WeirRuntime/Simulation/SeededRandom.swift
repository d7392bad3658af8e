/// Random numbers that a seed decides: the same seed gives the same numbers on every machine.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// A generator of its own for another purpose, so that draws of the one do not shift the other's.
    package mutating func fork() -> SeededRandom { SeededRandom(seed: next()) }

    /// A number from 0 up to, but not including, `bound`, which is positive.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "there is no number below \(bound)")
        return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// True once in `1 / probability` times.
    package mutating func chance(_ probability: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < probability
    }

    package mutating func within(_ range: ClosedRange<UInt64>) -> UInt64 {
        let width = range.upperBound - range.lowerBound
        guard width < .max else { return next() }
        return range.lowerBound + next().multipliedFullWidth(by: width + 1).high
    }

    package mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(within(0...UInt64(range.upperBound - range.lowerBound)))
    }
}
