/// A page of metrics being written, in Prometheus' text exposition format 0.0.4.
package struct ExpositionPage: Sendable {
    package private(set) var octets: [UInt8]

    package init() {
        octets = []
        octets.reserveCapacity(64 * 1024)
    }

    /// The value of the Content-Type field.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Writes what stands above a family's series.
    package mutating func header(_ name: String, help: String, type: String) {
        put("# HELP \(name) \(ExpositionPage.escaped(help, quotes: false))\n# TYPE \(name) \(type)\n")
    }

    /// Writes one series: `magnitude / scale`, exactly, in decimals.
    package mutating func line(
        _ name: String, labels: String, negative: Bool = false, magnitude: UInt64, scale: UInt64
    ) {
        put(name)
        if !labels.isEmpty {
            put("{")
            put(labels)
            put("}")
        }
        put(negative ? " -" : " ")
        put(ExpositionPage.decimal(magnitude, scale: scale))
        put("\n")
    }

    private mutating func put(_ text: String) { octets.append(contentsOf: text.utf8) }

    /// `name="value"` pairs joined by commas, values escaped.
    package static func labels(_ names: [String], _ values: [String]) -> String {
        zip(names, values).map { "\($0)=\"\(escaped($1, quotes: true))\"" }.joined(separator: ",")
    }

    /// `number / scale` in decimals without trailing zeros; `scale` is a power of ten.
    package static func decimal(_ number: UInt64, scale: UInt64) -> String {
        let (whole, rest) = number.quotientAndRemainder(dividingBy: max(scale, 1))
        guard rest > 0 else { return String(whole) }
        var digits = String(scale + rest).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == 0x0A || $0 == UInt8(ascii: "\"") }) else {
            return text
        }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
