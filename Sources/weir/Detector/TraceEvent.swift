import WeirBase
import WeirReputation

/// One line of a trace: what a gateway saw, and what its relay said.
struct TraceEvent {
    enum Kind { case message, failedLogin }

    var number: UInt64 = 0
    /// Nanoseconds since the trace began.
    var time: UInt64 = 0
    var kind = Kind.message
    var account = ""
    var network = ""
    var country = ""
    var name = ""
    /// Of the envelope.
    var sender: UInt64?
    var recipients: [UInt64] = []
    var scannerScore = 0.0
    var content = ContentFacts(fingerprint: 0)
    var replies: [RecipientReply] = []
    var isTaken: Bool?
    /// False where relays refused every recipient: then nobody has seen the text.
    var hasText = true
}

/// Why a line is no event, and where in it.
struct TraceError: Error {
    var reason: String
    var offset: Int
}

extension TraceEvent {
    /// Decodes one line of JSON; members it does not know are passed over.
    init(line: ArraySlice<UInt8>, hash: KeyedHash) throws(TraceError) {
        var scanner = JSONScanner(line)
        var known: UInt32 = 0
        try scanner.beginObject()
        while let key = try scanner.nextMember() {
            switch key {
            case "n": self.number = UInt64(clamping: try scanner.decimal(places: 0))
            case "t": time = UInt64(clamping: try scanner.decimal(places: 9))
            case "k": kind = try Self.kind(&scanner)
            case "a": account = try scanner.text()
            case "ip": network = try Self.network(&scanner)
            case "cc": country = try scanner.text()
            case "helo": name = try scanner.text()
            case "mf": sender = hash(lowercased: try scanner.octets())
            case "hf": content.headerFrom = hash(lowercased: try scanner.octets())
            case "rc":
                try scanner.beginArray()
                while try scanner.nextElement() { recipients.append(hash(octets: try scanner.octets())) }
            case "f": try decodeContent(&scanner)
            case "up": try decodeReplies(&scanner)
            default: try scanner.skip()
            }
            if let bit = ["n", "t", "k", "a"].firstIndex(of: key) { known |= 1 << UInt32(bit) }
        }
        guard known == 0b1111, !account.isEmpty else {
            throw TraceError(reason: "an event needs n, t, k and a", offset: 0)
        }
    }

    private mutating func decodeContent(_ scanner: inout JSONScanner) throws(TraceError) {
        try scanner.beginObject()
        while let key = try scanner.nextMember() {
            switch key {
            case "sc": scannerScore = Double(try scanner.decimal(places: 6)) / 1e6
            case "fp": content.fingerprint = try Self.bits(&scanner, "fp")
            case "sz": content.octets = UInt64(clamping: try scanner.decimal(places: 0))
            case "u": content.links = Int(try scanner.decimal(places: 0))
            case "ld":
                try scanner.beginArray()
                while try scanner.nextElement() { content.linkDomains.append(try Self.bits(&scanner, "ld")) }
            case "h": content.isHTML = try scanner.decimal(places: 0) != 0
            case "at": content.hasAttachment = try scanner.decimal(places: 0) != 0
            case "un": content.hasUnsubscribe = try scanner.decimal(places: 0) != 0
            default: try scanner.skip()
            }
        }
    }

    private static func bits(_ scanner: inout JSONScanner, _ name: String) throws(TraceError) -> UInt64 {
        guard let value = UInt64(String(decoding: try scanner.octets(), as: UTF8.self), radix: 16) else {
            throw scanner.error("\(name) is not 64 bits in hexadecimal")
        }
        return value
    }

    private mutating func decodeReplies(_ scanner: inout JSONScanner) throws(TraceError) {
        try scanner.beginObject()
        while let key = try scanner.nextMember() {
            switch key {
            case "r":
                try scanner.beginArray()
                while try scanner.nextElement() {
                    let (code, enhanced) = Self.reply(try scanner.octets())
                    replies.append(RecipientReply(code: code, enhanced: enhanced))
                }
            case "d":
                let reply = try scanner.octets()
                hasText = !reply.isEmpty
                let (code, enhanced) = Self.reply(reply)
                isTaken = hasText ? RecipientReply.isTaken(code: code, enhanced: enhanced) : nil
            default: try scanner.skip()
            }
        }
    }

    /// A reply such as "550 5.1.1".
    private static func reply(
        _ octets: ArraySlice<UInt8>
    ) -> (code: Int, enhanced: (class: Int, subject: Int, detail: Int)?) {
        let words = octets.split(separator: UInt8(ascii: " "))
        func number(_ octets: ArraySlice<UInt8>) -> Int? { Int(String(decoding: octets, as: UTF8.self)) }
        let code = words.first.flatMap(number) ?? 0
        let parts = words.count > 1 ? words[1].split(separator: UInt8(ascii: ".")).compactMap(number) : []
        return (code, parts.count == 3 ? (parts[0], parts[1], parts[2]) : nil)
    }

    private static func kind(_ scanner: inout JSONScanner) throws(TraceError) -> Kind {
        switch try scanner.text() {
        case "msg": return .message
        case "auth": return .failedLogin
        default: throw scanner.error("k is neither msg nor auth")
        }
    }

    /// The network of a source that the gateway tells the detector.
    private static func network(_ scanner: inout JSONScanner) throws(TraceError) -> String {
        guard let source = IPAddress(try scanner.text()) else { throw scanner.error("ip is no address") }
        return source.detectorNetwork.description
    }
}

extension KeyedHash {
    fileprivate func callAsFunction(octets: ArraySlice<UInt8>) -> UInt64 { self(octets.span) }

    fileprivate func callAsFunction(lowercased octets: ArraySlice<UInt8>) -> UInt64? {
        let lower = octets.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
        return lower.isEmpty ? nil : self(lower.span)
    }
}
