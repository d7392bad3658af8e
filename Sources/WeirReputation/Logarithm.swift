/// Natural logarithm and exponential from the four operations alone, so that every machine decides the same.
///
/// IEEE 754 fixes the result of each operation used; a C library's own `log` may differ in the last bit.
package enum Logarithm {
    private static let ln2High = 0.693147180369123816490
    private static let ln2Low = 1.90821492927058770002e-10

    /// ln `value`, to within a few units in the last place; 0 and below count as the smallest normal number.
    package static func ln(_ value: Double) -> Double {
        guard value.isFinite else { return value > 0 ? 709.782712893384 : 0 }
        let value = max(value, Double.leastNormalMagnitude)
        var exponent = Double(value.exponent)
        var fraction = value.significand
        if fraction > 1.4142135623730951 {
            fraction /= 2
            exponent += 1
        }
        // ln f = 2 artanh s, |s| <= 0.172: its series is below half a unit after eleven terms.
        let s = (fraction - 1) / (fraction + 1)
        let square = s * s
        var sum = 0.0
        for term in 0..<10 { sum = (sum + 1 / Double(21 - 2 * term)) * square }
        return exponent * ln2High + (2 * s + 2 * s * sum + exponent * ln2Low)
    }

    /// e to the power of `value`; 0 below -700, and no more than e^700.
    package static func exp(_ value: Double) -> Double {
        guard value > -700 else { return 0 }
        guard value < 700 else { return exp(699.999) }
        let exponent = (value / (ln2High + ln2Low)).rounded()
        let rest = (value - exponent * ln2High) - exponent * ln2Low
        // |rest| <= 0.347: thirteen terms of the series.
        var sum = 1.0
        for term in 0..<13 { sum = 1 + sum * rest / Double(13 - term) }
        return sum * Double(sign: .plus, exponent: Int(exponent), significand: 1)
    }

    /// What is left of one after `elapsed` where half is left after `halfLife`, both in nanoseconds.
    package static func remaining(after elapsed: UInt64, halfLife: UInt64) -> Double {
        elapsed == 0 ? 1 : exp(-0.6931471805599453 * (Double(elapsed) / Double(halfLife)))
    }
}
