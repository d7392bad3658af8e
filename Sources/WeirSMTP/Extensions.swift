/// What a relay offered in its answer to EHLO.
package struct Extensions: Equatable, Sendable {
    /// The extensions that matter to us.
    package struct Keywords: OptionSet, Equatable, Sendable {
        /// One bit an extension.
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Source: RFC 2920.
        package static let pipelining = Keywords(rawValue: 1 << 0)
        /// Source: RFC 1870.
        package static let size = Keywords(rawValue: 1 << 1)
        /// Source: RFC 6152.
        package static let eightBitMIME = Keywords(rawValue: 1 << 2)
        /// Source: RFC 6531.
        package static let smtpUTF8 = Keywords(rawValue: 1 << 3)
        /// Source: RFC 3461.
        package static let dsn = Keywords(rawValue: 1 << 4)
        /// Source: RFC 2034.
        package static let enhancedStatusCodes = Keywords(rawValue: 1 << 5)
        /// Source: RFC 3207.
        package static let startTLS = Keywords(rawValue: 1 << 6)

        /// What passes from the client to the relay, and so needs the relay's word.
        package static let passedOn: Keywords = [.size, .eightBitMIME, .smtpUTF8, .dsn]
    }

    /// What was offered, without arguments.
    package var keywords: Keywords = []
    /// Octets of a message; nil: no limit was said. Meaningful with ``Keywords/size``.
    package var sizeMax: UInt64?
    /// Of AUTH, those we can use.
    package var mechanisms: SASLMechanisms = []
    /// Recipients of a message; nil: no limit was said. Source: RFC 9422.
    package var recipientsMax: UInt64?

    package init(
        _ keywords: Keywords = [], sizeMax: UInt64? = nil, mechanisms: SASLMechanisms = [],
        recipientsMax: UInt64? = nil
    ) {
        (self.keywords, self.sizeMax) = (keywords, sizeMax)
        (self.mechanisms, self.recipientsMax) = (mechanisms, recipientsMax)
    }

    /// What both offer, within the limits of both.
    package func common(with other: Extensions) -> Extensions {
        Extensions(
            keywords.intersection(other.keywords), sizeMax: Self.least(sizeMax, other.sizeMax),
            mechanisms: mechanisms.intersection(other.mechanisms),
            recipientsMax: Self.least(recipientsMax, other.recipientsMax))
    }

    /// Whether a transaction that needs `required` may go this way.
    package func offers(_ required: Keywords) -> Bool { keywords.isSuperset(of: required) }

    private static func least(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left, let right else { return left ?? right }
        return min(left, right)
    }
}

extension Extensions {
    /// Reads a relay's answer to EHLO, which `octets` begins with; its first line is a greeting.
    ///
    /// What is not understood is passed over; a number that is none, or 0, is no limit.
    ///
    /// Source: RFC 5321, section 4.1.1.1.
    package init(_ reply: RelayReply, in octets: Span<UInt8>) {
        self.init()
        var isFirst = true
        reply.forEachLine(in: octets) { line in
            if !isFirst { take(octets, line) }
            isFirst = false
        }
    }

    private mutating func take(_ octets: Span<UInt8>, _ line: Range<Int>) {
        var words = Words(rest: line)
        guard let keyword = words.next(octets) else { return }
        if let plain = Self.plain.first(where: { octets.spells($0.keyword, in: keyword) }) {
            keywords.insert(plain.flag)
        }
        if octets.spells("SIZE", in: keyword), let argument = words.next(octets) {
            sizeMax = octets.number(argument)
        } else if octets.spells("AUTH", in: keyword) {
            while let word = words.next(octets) {
                if let mechanism = SASLMechanism(octets, word) { mechanisms.insert(mechanism.flag) }
            }
        } else if octets.spells("LIMITS", in: keyword) {
            while let word = words.next(octets) {
                guard word.count > 8, octets.spells("RCPTMAX=", in: word.prefix(8)) else { continue }
                recipientsMax = octets.number(word.dropFirst(8))
            }
        }
    }

    private static let plain: [(keyword: String, flag: Keywords)] = [
        ("PIPELINING", .pipelining), ("SIZE", .size), ("8BITMIME", .eightBitMIME), ("SMTPUTF8", .smtpUTF8),
        ("DSN", .dsn), ("ENHANCEDSTATUSCODES", .enhancedStatusCodes), ("STARTTLS", .startTLS),
    ]

    /// The words of a line, which spaces part.
    private struct Words {
        var rest: Range<Int>

        mutating func next(_ octets: Span<UInt8>) -> Range<Int>? {
            var start = rest.lowerBound
            while start < rest.upperBound, octets[start] == .space { start += 1 }
            var end = start
            while end < rest.upperBound, octets[end] != .space { end += 1 }
            rest = end..<rest.upperBound
            return start < end ? start..<end : nil
        }
    }
}

extension Span<UInt8> {
    /// A decimal number above 0; nil also when it is too large to be a limit.
    fileprivate func number(_ range: Range<Int>) -> UInt64? {
        guard 1...18 ~= range.count else { return nil }
        var number: UInt64 = 0
        for offset in range {
            guard self[offset].isDigit else { return nil }
            number = number * 10 + UInt64(self[offset] - 0x30)
        }
        return number > 0 ? number : nil
    }
}
