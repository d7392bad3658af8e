/// A server's reply, as far as it was kept.
package struct HTTPReply: Equatable, Sendable {
    package struct Field: Equatable, Sendable {
        /// In lower case where it was received.
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var status = 0
    package var fields: [Field] = []
    package var body: [UInt8] = []
    /// The body went on; what stands here is its beginning.
    package var isCut = false

    /// The value of the first field of this name, which is given in lower case.
    package func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// What was wrong with a reply, in words for the log.
package struct HTTPMalformed: Error, Equatable, Sendable {
    package let reason: String
}

/// Reads one reply of HTTP/1.1, in whatever pieces it comes.
///
/// Interim replies (1xx) are passed over. Only CRLF ends a line.
///
/// Source: RFC 9112, sections 4, 5, 6.3 and 7.1.
package struct HTTPReplyParser: Sendable {
    /// Octets of one line; at most this many are left unconsumed.
    package static let lineOctetsMax = 8 * 1024
    /// Lines of all heads and trailers together.
    package static let linesMax = 200

    private enum State: Equatable {
        /// Left by a line each.
        case statusLine, fields, chunkSize, chunkEnd, trailers
        /// Left after so many octets.
        case body(left: Int)
        case chunk(left: Int)
        /// Left by ``finish()``: the body ends with the connection.
        case toTheEnd
        case done
    }

    private var state = State.statusLine
    private var lines = 0
    private let bodyOctetsMax: Int
    package private(set) var reply = HTTPReply()

    /// Keeps at most `bodyOctetsMax` octets of the body; a reply is complete there, and marked as cut.
    package init(bodyOctetsMax: Int) { self.bodyOctetsMax = bodyOctetsMax }

    package var isComplete: Bool { state == .done }

    /// Reads from the front of `octets` and returns how many it has used up; the rest comes again with what follows.
    package mutating func receive(_ octets: Span<UInt8>) throws(HTTPMalformed) -> Int {
        var taken = 0
        while state != .done, let count = try step(octets, from: taken) { taken += count }
        return taken
    }

    /// Told that the server has closed; whether the reply is complete.
    package mutating func finish() -> Bool {
        if state == .toTheEnd { state = .done }
        return state == .done
    }

    /// One line or one piece of a body; nil if that has not come.
    private mutating func step(_ octets: Span<UInt8>, from start: Int) throws(HTTPMalformed) -> Int? {
        let here = octets.count - start
        switch state {
        case .done: return nil
        case .body(let left):
            guard here > 0 else { return nil }
            let count = min(left, here)
            state = left == count ? .done : .body(left: left - count)
            keep(octets, start..<start + count)
            return count
        case .chunk(let left):
            guard here > 0 else { return nil }
            let count = min(left, here)
            state = left == count ? .chunkEnd : .chunk(left: left - count)
            keep(octets, start..<start + count)
            return count
        case .toTheEnd:
            guard here > 0 else { return nil }
            keep(octets, start..<octets.count)
            return here
        case .statusLine, .fields, .chunkSize, .chunkEnd, .trailers:
            guard let length = try lineLength(octets, from: start) else { return nil }
            try read(octets.extracting(start..<start + length))
            return length + 2
        }
    }

    private mutating func keep(_ octets: Span<UInt8>, _ range: Range<Int>) {
        for index in range {
            guard reply.body.count < bodyOctetsMax else {
                reply.isCut = true
                state = .done
                return
            }
            reply.body.append(octets[index])
        }
    }

    /// Octets before the next CRLF; nil if it has not come.
    private func lineLength(_ octets: Span<UInt8>, from start: Int) throws(HTTPMalformed) -> Int? {
        let end = min(octets.count, start + HTTPReplyParser.lineOctetsMax + 2)
        for index in start..<end where octets[index] == 0x0A {
            guard index > start, octets[index - 1] == 0x0D else { throw HTTPMalformed(reason: "a bare LF in a line") }
            return index - 1 - start
        }
        guard octets.count - start < HTTPReplyParser.lineOctetsMax + 2 else {
            throw HTTPMalformed(reason: "a line of more than \(HTTPReplyParser.lineOctetsMax) octets")
        }
        return nil
    }

    // MARK: - Lines

    private mutating func read(_ line: Span<UInt8>) throws(HTTPMalformed) {
        switch state {
        case .statusLine:
            try countLine()
            reply.status = try HTTPReplyParser.status(line)
            state = .fields
        case .fields:
            try countLine()
            if line.isEmpty { try beginBody() } else { reply.fields.append(try HTTPReplyParser.field(line)) }
        case .chunkSize:
            let size = try HTTPReplyParser.chunkSize(line)
            state = size == 0 ? .trailers : .chunk(left: size)
        case .chunkEnd:
            guard line.isEmpty else { throw HTTPMalformed(reason: "a chunk longer than its size") }
            state = .chunkSize
        case .trailers:
            try countLine()
            if line.isEmpty { state = .done }
        case .body, .chunk, .toTheEnd, .done: preconditionFailure("these have no lines")
        }
    }

    private mutating func countLine() throws(HTTPMalformed) {
        lines += 1
        guard lines <= HTTPReplyParser.linesMax else { throw HTTPMalformed(reason: "too many fields") }
    }

    /// How long the body is, by the order of RFC 9112, section 6.3.
    private mutating func beginBody() throws(HTTPMalformed) {
        switch reply.status {
        case 101: throw HTTPMalformed(reason: "another protocol, which nobody asked for")
        case 100...199:
            reply = HTTPReply()
            state = .statusLine
            return
        case 204, 304:
            state = .done
            return
        default: break
        }
        if let coding = reply.field("transfer-encoding") {
            guard coding.lowercased() == "chunked" else { throw HTTPMalformed(reason: "a transfer coding of no use") }
            state = .chunkSize
            return
        }
        let lengths = reply.fields.filter { $0.name == "content-length" }.map(\.value)
        guard let first = lengths.first else {
            state = .toTheEnd
            return
        }
        let isNumber = first.utf8.count <= 15 && first.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, let length = Int(first), lengths.allSatisfy({ $0 == first }) else {
            throw HTTPMalformed(reason: "a Content-Length that is none")
        }
        state = length == 0 ? .done : .body(left: length)
    }

    /// status-line = HTTP-version SP status-code SP [ reason-phrase ]
    private static func status(_ line: Span<UInt8>) throws(HTTPMalformed) -> Int {
        let version = Array("HTTP/1.".utf8)
        guard line.count >= 12, version.indices.allSatisfy({ line[$0] == version[$0] }), line[8] == 0x20,
            line.count == 12 || line[12] == 0x20
        else { throw HTTPMalformed(reason: "no HTTP") }
        var status = 0
        for index in 9..<12 {
            guard (0x30...0x39).contains(line[index]) else { throw HTTPMalformed(reason: "no HTTP") }
            status = status * 10 + Int(line[index] - 0x30)
        }
        guard (100...599).contains(status) else { throw HTTPMalformed(reason: "no HTTP") }
        return status
    }

    /// field-line = field-name ":" OWS field-value OWS
    private static func field(_ line: Span<UInt8>) throws(HTTPMalformed) -> HTTPReply.Field {
        var octets: [UInt8] = []
        for index in line.indices { octets.append(line[index]) }
        guard let colon = octets.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            octets[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw HTTPMalformed(reason: "a line that is no field") }
        let isSpace = { (octet: UInt8) in octet == 0x20 || octet == 0x09 }
        let value = octets[(colon + 1)...].drop(while: isSpace)
        let end = value.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? value.startIndex
        return HTTPReply.Field(
            String(decoding: octets[..<colon], as: UTF8.self).lowercased(),
            String(decoding: value[..<end], as: UTF8.self))
    }

    /// chunk = chunk-size [ chunk-ext ] CRLF; the extension means nothing to us.
    private static func chunkSize(_ line: Span<UInt8>) throws(HTTPMalformed) -> Int {
        var size = 0
        var digits = 0
        while digits < line.count, let digit = Character(UnicodeScalar(line[digits])).hexDigitValue {
            size = size << 4 | digit
            digits += 1
            guard digits <= 10 else { throw HTTPMalformed(reason: "a chunk without end") }
        }
        let isEnd = digits == line.count || [0x3B, 0x20, 0x09].contains(line[digits])
        guard digits > 0, isEnd else { throw HTTPMalformed(reason: "a chunk without a size") }
        return size
    }
}
