import WeirBase

/// One log line in the making.
///
/// Whatever a value holds, the line stays one line of printable UTF-8: quotes, backslashes, control characters (DEL and C1 with them),
/// line separators and octets that are no UTF-8 are escaped or replaced, and a long value is cut.
struct LogRecord: ~Copyable {
    /// Of a value's octets, so many are written; the rest is told by an ellipsis.
    static let valueOctetsMax = 1_024

    private let format: LogFormat
    private var line: [UInt8] = []

    init(format: LogFormat, time: WallTime, level: LogLevel, event: StaticString) {
        self.format = format
        line.reserveCapacity(512)
        switch format {
        case .json:
            append("{\"time\":\"")
            appendTime(time)
            append("\",\"level\":\"")
            append(level.name)
            append("\",\"event\":\"")
            append(event)
            append("\"")
        case .text:
            appendTime(time)
            append(" ")
            append(level.name)
            append(" ")
            append(event)
        }
    }

    mutating func append(_ key: StaticString, _ value: LogValue) {
        append(format == .json ? ",\"" : " ")
        append(key)
        append(format == .json ? "\":" : "=")
        switch value {
        case .string(let text): appendText(text.utf8)
        case .octets(let octets): appendText(octets)
        case .int(let number):
            if number < 0 { append("-") }
            appendDigits(UInt64(number.magnitude))
        case .unsigned(let number): appendDigits(number)
        case .bool(let truth): append(truth ? "true" : "false")
        case .span(let nanoseconds):
            appendDigits(nanoseconds / .second)
            append(".")
            appendDigits(nanoseconds % .second / .millisecond, width: 3)
        }
    }

    consuming func finish() -> [UInt8] {
        if format == .json { append("}") }
        append("\n")
        return line
    }

    private mutating func append(_ literal: StaticString) {
        literal.withUTF8Buffer { line.append(contentsOf: $0) }
    }

    private mutating func appendDigits(_ number: UInt64, width: Int = 1) {
        let start = line.count
        var rest = number
        while rest > 0 || line.count - start < width {
            line.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        line[start...].reverse()
    }

    /// RFC 3339 in UTC, with milliseconds.
    private mutating func appendTime(_ time: WallTime) {
        let date = CivilDate(daysSince1970: time.seconds / 86_400)
        let second = time.seconds % 86_400
        appendDigits(date.year, width: 4)
        append("-")
        appendDigits(date.month, width: 2)
        append("-")
        appendDigits(date.day, width: 2)
        append("T")
        appendDigits(second / 3_600, width: 2)
        append(":")
        appendDigits(second / 60 % 60, width: 2)
        append(":")
        appendDigits(second % 60, width: 2)
        append(".")
        appendDigits(time.nanoseconds % .second / .millisecond, width: 3)
        append("Z")
    }

    // MARK: - Text

    private mutating func appendText(_ text: some Collection<UInt8>) {
        let isAppended = text.withContiguousStorageIfAvailable { octets in appendPlain(octets) }
        if isAppended == true { return }
        let quotes = format == .json || text.isEmpty || !text.allSatisfy(LogRecord.isPlain)
        if quotes { append("\"") }
        var iterator = text.prefix(LogRecord.valueOctetsMax).makeIterator()
        var decoder = UTF8()
        decoding: while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): appendScalar(scalar)
            case .error: appendScalar("\u{FFFD}")
            case .emptyInput: break decoding
            }
        }
        if text.count > LogRecord.valueOctetsMax { appendScalar("…") }
        if quotes { append("\"") }
    }

    /// Writes a value that needs no escape, as most do not; false: nothing was written.
    private mutating func appendPlain(_ octets: UnsafeBufferPointer<UInt8>) -> Bool {
        guard octets.count <= LogRecord.valueOctetsMax, format == .json, octets.allSatisfy(LogRecord.isPlain) else {
            return false
        }
        append("\"")
        line.append(contentsOf: octets)
        append("\"")
        return true
    }

    /// Whether an octet may stand in a text line's value without quotes.
    private static func isPlain(_ octet: UInt8) -> Bool {
        (0x21...0x7E).contains(octet) && octet != UInt8(ascii: "\"") && octet != UInt8(ascii: "\\")
            && octet != UInt8(ascii: "=")
    }

    private mutating func appendScalar(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x22, 0x5C:
            append("\\")
            line.append(UInt8(truncatingIfNeeded: scalar.value))
        case 0x20..<0x7F: line.append(UInt8(truncatingIfNeeded: scalar.value))
        // C0, DEL and C1; separators that some viewers take for an end of line; marks that turn the direction of text.
        case ..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: appendEscape(scalar.value)
        default: line.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    private mutating func appendEscape(_ value: UInt32) {
        append("\\u")
        for shift in stride(from: UInt32(12), through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
            line.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

/// A day of the Gregorian calendar, from 1970 on.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
struct CivilDate {
    let year: UInt64
    let month: UInt64
    let day: UInt64

    /// A year is counted from March, so that the leap day comes last.
    init(daysSince1970: UInt64) {
        let days = daysSince1970 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}
