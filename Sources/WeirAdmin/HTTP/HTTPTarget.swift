/// A request's target: path and query, percent-decoded after they were taken apart, so `%2F` is part of a name.
package struct HTTPTarget: Hashable, Sendable {
    package struct Parameter: Hashable, Sendable {
        package var name: String
        package var value: String
    }

    /// The path's segments: none for `/`.
    package var segments: [String]
    package var query: [Parameter]

    /// Nil for what is no path, holds a `%` without its digits, or decodes to what is not UTF-8 or holds a NUL.
    package init?(_ text: String) {
        guard text.utf8.first == UInt8(ascii: "/") else { return nil }
        let halves = text.dropFirst().split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        segments = []
        query = []
        for part in halves[0].split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = HTTPTarget.decoded(part.utf8, plusIsSpace: false) else { return nil }
            segments.append(segment)
        }
        if segments == [""] { segments = [] }
        guard halves.count > 1 else { return }
        for part in halves[1].split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = HTTPTarget.decoded(pair[0].utf8, plusIsSpace: true),
                let value = HTTPTarget.decoded((pair.count > 1 ? pair[1] : "").utf8, plusIsSpace: true)
            else { return nil }
            query.append(Parameter(name: name, value: value))
        }
    }

    /// The first value of a query parameter.
    package subscript(_ name: String) -> String? { query.first { $0.name == name }?.value }

    private static func decoded(_ text: Substring.UTF8View, plusIsSpace: Bool) -> String? {
        var octets: [UInt8] = []
        var rest = text[...]
        while let octet = rest.popFirst() {
            switch octet {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal)
                else { return nil }
                octets.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: octets.append(UInt8(ascii: " "))
            default: octets.append(octet)
            }
        }
        guard !octets.contains(0) else { return nil }
        return String(validating: octets, as: UTF8.self)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// `text` as one segment of a path or one part of a query.
    package static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { result, octet in
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "@"):
                result.append(Character(UnicodeScalar(octet)))
            default:
                result.append("%")
                result.append(digits[Int(octet >> 4)])
                result.append(digits[Int(octet & 15)])
            }
        }
    }
}
