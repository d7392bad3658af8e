/// Whom a MAIL or RCPT names; ranges are octet offsets into the command's line.
///
/// Source: RFC 5321, section 4.1.2; RFC 6531, section 3.3.
package struct Path: Equatable, Sendable {
    /// Of the local part, its quotes included. Source: RFC 5321, section 4.5.3.1.1.
    package static let localPartOctetsMax = 64
    /// Source: RFC 5321, section 4.5.3.1.2.
    package static let domainOctetsMax = 255
    /// Of the mailbox: a path's 256 octets less its angle brackets.
    package static let mailboxOctetsMax = 254

    /// The mailbox without angle brackets and source route; empty for `<>`.
    package var mailbox: Range<Int>
    /// Where its `@` stands; nil for `<>`, and for `<postmaster>`.
    package var at: Int?
    /// Whether SMTPUTF8 is needed to say it.
    package var isASCII: Bool

    /// The null sender.
    package var isEmpty: Bool { mailbox.isEmpty }
    /// All before the `@`; all there is in `<postmaster>`.
    package var localPart: Range<Int> { mailbox.lowerBound..<(at ?? mailbox.upperBound) }
    /// The domain or address literal; nil for `<>`, and for `<postmaster>`.
    package var domain: Range<Int>? {
        guard let at else { return nil }
        return at + 1..<mailbox.upperBound
    }

    /// Whether this is the mailbox `address`, in any case.
    package func isMailbox(_ address: String, in line: Span<UInt8>) -> Bool { line.spells(address, in: mailbox) }

    /// Whether the local part is `name` (postmaster, abuse), in any case, at whatever domain.
    package func hasLocalPart(_ name: String, in line: Span<UInt8>) -> Bool { line.spells(name, in: localPart) }
}

extension Path {
    /// Reads a path and moves `offset` behind it; nil if there is none.
    ///
    ///     Path          = "<" [ A-d-l ":" ] Mailbox ">"
    ///     A-d-l         = "@" Domain *( "," "@" Domain )
    ///     Mailbox       = Local-part "@" ( Domain / address-literal )
    ///     Reverse-path  = Path / "<>"
    ///     Forward-path  = Path / "<Postmaster>"
    ///
    /// The source route is read and left out, as RFC 5321 asks for in appendix C.
    static func scan(_ line: Span<UInt8>, at offset: inout Int) -> Path? {
        var scanner = PathScanner(offset: offset)
        guard scanner.take("<", line) else { return nil }
        if scanner.take(">", line) {
            let end = scanner.offset - 1
            offset = scanner.offset
            return Path(mailbox: end..<end, at: nil, isASCII: true)
        }
        guard scanner.takeRoute(line) else { return nil }
        let start = scanner.offset
        guard scanner.takeLocalPart(line), scanner.offset - start <= localPartOctetsMax else { return nil }
        let at = scanner.offset
        if line.spells("POSTMASTER", in: start..<at), scanner.take(">", line) {
            offset = scanner.offset
            return Path(mailbox: start..<at, at: nil, isASCII: true)
        }
        guard scanner.take("@", line), scanner.takeHost(line) else { return nil }
        let mailbox = start..<scanner.offset
        guard scanner.take(">", line), mailbox.upperBound - at - 1 <= domainOctetsMax,
            mailbox.count <= mailboxOctetsMax,
            scanner.isASCII || line.isText(mailbox)
        else { return nil }
        offset = scanner.offset
        return Path(mailbox: mailbox, at: at, isASCII: scanner.isASCII)
    }
}

/// The productions of a path, one function each; each says whether it matched, and then stands behind it.
private struct PathScanner {
    var offset: Int
    var isASCII = true

    /// The octet here, or NUL, which no production takes, at the end.
    func octet(_ line: Span<UInt8>) -> UInt8 { offset < line.count ? line[offset] : .nul }

    mutating func take(_ scalar: Unicode.Scalar, _ line: Span<UInt8>) -> Bool {
        guard octet(line) == UInt8(ascii: scalar) else { return false }
        offset += 1
        return true
    }

    /// `[ A-d-l ":" ]`
    mutating func takeRoute(_ line: Span<UInt8>) -> Bool {
        guard octet(line) == UInt8(ascii: "@") else { return true }
        repeat {
            guard take("@", line), takeDomain(line) else { return false }
        } while take(",", line)
        isASCII = true
        return take(":", line)
    }

    /// `Local-part = Dot-string / Quoted-string`
    mutating func takeLocalPart(_ line: Span<UInt8>) -> Bool {
        if take("\"", line) { return takeQuoted(line) }
        repeat {
            guard takeAtom(line) else { return false }
        } while take(".", line)
        return true
    }

    /// `Atom = 1*atext`, where `atext` takes UTF-8 too.
    mutating func takeAtom(_ line: Span<UInt8>) -> Bool {
        let start = offset
        while octet(line).isAtomText {
            if line[offset] >= 0x80 { isASCII = false }
            offset += 1
        }
        return offset > start
    }

    /// `*QcontentSMTP DQUOTE`, where `QcontentSMTP = qtextSMTP / "\" %d32-126`.
    mutating func takeQuoted(_ line: Span<UInt8>) -> Bool {
        while offset < line.count {
            if take("\"", line) { return true }
            if take("\\", line), octet(line) >= 0x80 { return false }
            guard !octet(line).isControl else { return false }
            if octet(line) >= 0x80 { isASCII = false }
            offset += 1
        }
        return false
    }

    /// `Domain / address-literal`
    mutating func takeHost(_ line: Span<UInt8>) -> Bool {
        guard take("[", line) else { return takeDomain(line) }
        let start = offset
        while octet(line).isHexDigit || octet(line).isAddressText { offset += 1 }
        let address = start..<offset
        guard take("]", line) else { return false }
        if address.count > 5, line.spells("IPV6:", in: start..<start + 5) {
            return isIPv6(line, start + 5..<address.upperBound)
        }
        return isIPv4(line, address)
    }

    /// `Domain = sub-domain *("." sub-domain)`; an underscore passes, for hosts are named with it.
    mutating func takeDomain(_ line: Span<UInt8>) -> Bool {
        repeat {
            let start = offset
            while octet(line).isDomainText {
                if line[offset] >= 0x80 { isASCII = false }
                offset += 1
            }
            guard 1...63 ~= offset - start || !isASCII && offset > start, line[start] != UInt8(ascii: "-"),
                line[offset - 1] != UInt8(ascii: "-")
            else { return false }
        } while take(".", line)
        return true
    }

    /// `Snum 3("." Snum)`
    func isIPv4(_ line: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var (parts, digits, number) = (1, 0, 0)
        for offset in range {
            if line[offset] == .dot {
                guard digits > 0 else { return false }
                (parts, digits, number) = (parts + 1, 0, 0)
            } else {
                guard line[offset].isDigit, digits < 3 else { return false }
                (digits, number) = (digits + 1, number * 10 + Int(line[offset] - 0x30))
                guard number <= 255 else { return false }
            }
        }
        return parts == 4 && digits > 0
    }

    /// Groups of at most four hexadecimal digits, at most eight, `::` once; a dotted tail counts for two.
    func isIPv6(_ line: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var (groups, digits, colons, gaps) = (0, 0, 0, 0)
        for offset in range {
            if line[offset] == UInt8(ascii: ":") {
                (colons, digits) = (colons + 1, 0)
                gaps += colons == 2 ? 1 : 0
                guard colons <= 2, gaps <= 1 else { return false }
            } else if line[offset].isHexDigit {
                if digits == 0 {
                    guard groups == 0 && colons == 0 || colons > 0 && (groups > 0 || colons == 2) else { return false }
                    groups += 1
                }
                (colons, digits) = (0, digits + 1)
                guard digits <= 4 else { return false }
            } else {
                guard line[offset] == .dot, digits > 0, groups > 0 || gaps > 0 else { return false }
                groups += 1
                return isIPv4(line, offset - digits..<range.upperBound) && (gaps == 1 ? groups <= 7 : groups == 8)
            }
        }
        return colons != 1 && (gaps == 1 ? groups <= 7 : groups == 8)
    }
}

extension UInt8 {
    /// `atext` of RFC 5322, and the octets of UTF-8 (RFC 6531).
    fileprivate var isAtomText: Bool {
        if self >= 0x80 { return true }
        let set: UInt64 = self < 64 ? 0xA3FF_ACFA_0000_0000 : 0x7FFF_FFFF_C7FF_FFFE
        return set >> UInt64(self & 63) & 1 == 1
    }

    /// `Let-dig / "-"`, the underscore, and the octets of UTF-8.
    fileprivate var isDomainText: Bool {
        if self >= 0x80 { return true }
        let set: UInt64 = self < 64 ? 0x03FF_2000_0000_0000 : 0x07FF_FFFE_87FF_FFFE
        return set >> UInt64(self & 63) & 1 == 1
    }

    /// What stands in an address literal beside hexadecimal digits.
    fileprivate var isAddressText: Bool {
        self == .dot || self == UInt8(ascii: ":") || uppercased == UInt8(ascii: "I") || uppercased == UInt8(ascii: "P")
            || uppercased == UInt8(ascii: "V")
    }
}
