import Foundation
import Testing
import WeirReputation

@Suite("Logarithm and exponential")
struct LogarithmTests {
    @Test("agree with the C library to twelve places")
    func agreement() {
        var value = 1e-300
        while value < 1e300 {
            let expected = log(value)
            #expect(abs(Logarithm.ln(value) - expected) <= 1e-12 * max(1, abs(expected)), "ln \(value)")
            value *= 1.37
        }
        for step in -6_900...6_900 {
            let value = Double(step) / 10
            #expect(abs(Logarithm.exp(value) / exp(value) - 1) <= 1e-12, "e^\(value)")
        }
    }

    static let hostile: [Double] = [
        0, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
    ]

    @Test(
        "have a value for every number",
        arguments: Self.hostile)
    func extremes(value: Double) {
        #expect(Logarithm.ln(value).isFinite)
        #expect(Logarithm.exp(min(value, 1e308)).isFinite || value.isNaN)
    }

    @Test("halve in a half-life")
    func halfLife() {
        #expect(Logarithm.remaining(after: 0, halfLife: 5) == 1)
        #expect(abs(Logarithm.remaining(after: 5, halfLife: 5) - 0.5) < 1e-15)
        #expect(Logarithm.remaining(after: .max, halfLife: 1) == 0)
    }
}
