/// The trace field that we put before every message.
///
/// Every part is a value of ours or escaped; it names no login, for the message's readers see it.
///
/// Source: RFC 5321, section 4.4; RFC 3848 and RFC 6531, section 4.3 for `with`.
package struct ReceivedField: Equatable, Sendable {
    /// Of every part; what is longer is cut off.
    package static let nameOctetsMax = 255

    /// What the client called itself, as sent.
    package var name: [UInt8]
    /// Its address, as `192.0.2.1` or `IPv6:2001:db8::1`, which goes in brackets.
    package var address: String
    /// Ours.
    package var hostname: String
    /// What stands behind `with`.
    package var transmission: Transmission
    /// Protocol and cipher suite, as OpenSSL names them.
    package var tls: String?
    /// Ours, which the log has too.
    package var id: String
    /// When the message began to arrive.
    package var date: MessageDate

    package init(
        name: [UInt8], address: String, hostname: String, transmission: Transmission, tls: String?, id: String,
        date: MessageDate
    ) {
        (self.name, self.address, self.hostname, self.transmission) = (name, address, hostname, transmission)
        (self.tls, self.id, self.date) = (tls, id, date)
    }

    /// Writes the field, folded, its last CRLF included.
    package func append(to output: inout [UInt8]) {
        output.append("Received: from ")
        for octet in name.prefix(Self.nameOctetsMax) {
            output.append(octet.isNameText ? octet : UInt8(ascii: "?"))
        }
        if name.isEmpty { output.append("unknown") }
        output.append(" ([")
        Self.append(address, to: &output)
        output.append("])\r\n\tby ")
        Self.append(hostname, to: &output)
        output.append(" with ")
        output.append(transmission.keyword)
        if let tls {
            output.append(" (")
            Self.append(tls, to: &output)
            output.append(")")
        }
        output.append("\r\n\tid ")
        Self.append(id, to: &output)
        output.append("; ")
        date.append(to: &output)
        output.append("\r\n")
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        for octet in text.utf8.prefix(nameOctetsMax) {
            output.append(octet.isNameText || octet == .space ? octet : UInt8(ascii: "?"))
        }
    }
}

/// How a message came to us. Source: RFC 3848; RFC 6531, section 4.3.
package struct Transmission: Equatable, Sendable {
    /// EHLO, not HELO.
    package var isExtended: Bool
    /// Under TLS.
    package var isSecure: Bool
    /// After AUTH.
    package var isAuthenticated: Bool
    /// MAIL said SMTPUTF8.
    package var isSMTPUTF8: Bool

    package init(isExtended: Bool, isSecure: Bool, isAuthenticated: Bool, isSMTPUTF8: Bool) {
        (self.isExtended, self.isSecure) = (isExtended, isSecure)
        (self.isAuthenticated, self.isSMTPUTF8) = (isAuthenticated, isSMTPUTF8)
    }

    /// As registered.
    package var keyword: StaticString {
        switch (isSMTPUTF8, isSecure, isAuthenticated) {
        case (true, false, false): "UTF8SMTP"
        case (true, false, true): "UTF8SMTPA"
        case (true, true, false): "UTF8SMTPS"
        case (true, true, true): "UTF8SMTPSA"
        case (false, false, false): isExtended ? "ESMTP" : "SMTP"
        case (false, false, true): "ESMTPA"
        case (false, true, false): "ESMTPS"
        case (false, true, true): "ESMTPSA"
        }
    }
}

/// A point of time as a message's header has it. Source: RFC 5322, section 3.3.
package struct MessageDate: Equatable, Sendable {
    /// Since 1970 UTC.
    package var seconds: UInt64
    /// East of UTC.
    package var offsetMinutes: Int

    /// An offset of a day or more counts as UTC, what is later than 9999's last day as its first second.
    package init(seconds: UInt64, offsetMinutes: Int = 0) {
        self.seconds = min(seconds, 253_402_214_400)
        self.offsetMinutes = -1_439...1_439 ~= offsetMinutes ? offsetMinutes : 0
    }

    /// Writes `Sun, 22 Nov 2026 10:56:55 +0100`.
    package func append(to output: inout [UInt8]) {
        let local = max(0, Int64(seconds) + Int64(offsetMinutes) * 60)
        let (days, second) = (local / 86_400, local % 86_400)
        let (year, month, day) = Self.civil(days)
        output.append(Self.weekdays[Int((days + 4) % 7)])
        output.append(decimal: UInt64(day))
        output.append(Self.months[month - 1])
        output.append(decimal: UInt64(year))
        output.append(" ")
        Self.append(twoDigits: Int(second / 3_600), to: &output)
        output.append(":")
        Self.append(twoDigits: Int(second / 60 % 60), to: &output)
        output.append(":")
        Self.append(twoDigits: Int(second % 60), to: &output)
        output.append(offsetMinutes < 0 ? " -" : " +")
        Self.append(twoDigits: abs(offsetMinutes) / 60, to: &output)
        Self.append(twoDigits: abs(offsetMinutes) % 60, to: &output)
    }

    private static let weekdays: [StaticString] = ["Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "]
    private static let months: [StaticString] = [
        " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec ",
    ]

    private static func append(twoDigits number: Int, to output: inout [UInt8]) {
        output.append(0x30 + UInt8(number / 10 % 10))
        output.append(0x30 + UInt8(number % 10))
    }

    /// The date of a day since 1970, counted in years that begin with March and in eras of 400 of them.
    private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(days) + 719_468
        let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * march + 2) / 5 + 1)
    }
}

extension UInt8 {
    /// What may stand outside comments and quotes: printable ASCII without the specials that would end a clause.
    fileprivate var isNameText: Bool {
        guard self > .space, self < 0x7F else { return false }
        switch self {
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
            UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "@"):
            return false
        default: return true
        }
    }
}
