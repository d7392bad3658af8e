/// Takes a CSV file apart, record by record, in one pass over its octets.
struct CSVReader {
    struct Record {
        /// The line it begins on, from 1.
        var line: Int
        var fields: [String]
        /// What keeps it from being a record.
        var fault: String?
    }

    private let octets: [UInt8]
    private var place: Int
    private var line = 1

    init(_ octets: [UInt8]) {
        self.octets = octets
        place = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The next record, nil at the end of the file.
    ///
    /// A bad one is skipped to the end of its line, so that the next line is read as if nothing had happened.
    mutating func next() -> Record? {
        guard place < octets.count else { return nil }
        var record = Record(line: line, fields: [], fault: nil)
        while true {
            do {
                record.fields.append(try field())
            } catch {
                record.fault = error.reason
                skipLine()
                return record
            }
            guard place < octets.count else { return record }
            let ending = octets[place]
            place += 1
            if ending == UInt8(ascii: ",") { continue }
            line += 1
            return record
        }
    }

    private struct Fault: Error {
        var reason: String
    }

    /// Reads up to the comma or the LF that ends the field; the CR before that LF is passed over.
    private mutating func field() throws(Fault) -> String {
        if place < octets.count, octets[place] == UInt8(ascii: "\"") { return try quotedField() }
        let start = place
        while place < octets.count, octets[place] != UInt8(ascii: ","), octets[place] != 0x0A {
            if octets[place] == UInt8(ascii: "\"") { throw Fault(reason: "a quote within an unquoted field") }
            place += 1
        }
        var end = place
        if end > start, octets[end - 1] == 0x0D, end == octets.count || octets[end] == 0x0A { end -= 1 }
        return try text(octets[start..<end])
    }

    private mutating func quotedField() throws(Fault) -> String {
        var content: [UInt8] = []
        let opening = (place: place, line: line)
        place += 1
        while place < octets.count {
            let octet = octets[place]
            place += 1
            guard octet == UInt8(ascii: "\"") else {
                if octet == 0x0A { line += 1 }
                content.append(octet)
                continue
            }
            if place < octets.count, octets[place] == UInt8(ascii: "\"") {
                content.append(octet)
                place += 1
                continue
            }
            if place + 1 < octets.count, octets[place] == 0x0D, octets[place + 1] == 0x0A { place += 1 }
            guard place == octets.count || octets[place] == UInt8(ascii: ",") || octets[place] == 0x0A else {
                throw Fault(reason: "text after a closing quote")
            }
            return try text(content[...])
        }
        (place, line) = opening
        throw Fault(reason: "a quote that is not closed")
    }

    private func text(_ octets: ArraySlice<UInt8>) throws(Fault) -> String {
        guard let text = String(validating: octets, as: UTF8.self), !octets.contains(0) else {
            throw Fault(reason: "not UTF-8 text")
        }
        return text
    }

    private mutating func skipLine() {
        while place < octets.count, octets[place] != 0x0A { place += 1 }
        place += 1
        line += 1
    }
}
