import Testing
import WeirSMTP

/// What a parser says about an input that arrives in pieces that end at `ends`.
private func parse(_ input: [UInt8], endingAt ends: [Int]) -> [String] {
    var parser = ReplyParser()
    var replies: [String] = []
    var start = 0
    for end in ends {
        reading: while true {
            let octets = Array(input[start..<end])
            switch parser.next(in: octets.span) {
            case .reply(let reply):
                var output: [UInt8] = []
                reply.appendForwarded(from: octets.span, to: &output)
                replies.append("\(reply.code) \(reply.enhanced?.description ?? "-") \(text(output))")
                start += reply.length
            case .malformed: return replies + ["malformed"]
            case .incomplete: break reading
            }
        }
    }
    return replies
}

@Suite struct ReplyParserTests {
    @Test(
        "reads replies, and passes them on as they are but for what is missing or unfit",
        arguments: [
            ("250 2.1.5 Ok\r\n", ["250 2.1.5 250 2.1.5 Ok\r\n"]), ("250 Ok\r\n", ["250 - 250 2.0.0 Ok\r\n"]),
            ("250\r\n", ["250 - 250 2.0.0 \r\n"]), ("250 2.1.5\r\n", ["250 2.1.5 250 2.1.5\r\n"]),
            ("550-5.1.1 No\r\n550 5.1.1 such\r\n", ["550 5.1.1 550-5.1.1 No\r\n550 5.1.1 such\r\n"]),
            ("550-5.1.1 No\r\n550 such\r\n", ["550 5.1.1 550-5.1.1 No\r\n550 5.1.1 such\r\n"]),
            ("550-No\r\n550 such\r\n", ["550 - 550-5.0.0 No\r\n550 5.0.0 such\r\n"]),
            ("471 4.7.1 quota\r\n", ["471 4.7.1 471 4.7.1 quota\r\n"]), ("354 go\r\n", ["354 - 354 go\r\n"]),
            ("220 2.0.0 x\r\n", ["220 2.0.0 220 2.0.0 x\r\n"]), ("221 bye\r\n", ["221 - 221 bye\r\n"]),
            ("421 4.3.2 down\r\n", ["421 4.3.2 451 4.3.2 down\r\n"]), ("421 down\r\n", ["421 - 451 4.0.0 down\r\n"]),
            ("550 4.7.1 odd\r\n", ["550 4.7.1 550 4.7.1 odd\r\n"]), ("250 2.1 x\r\n", ["250 - 250 2.0.0 2.1 x\r\n"]),
            ("250 2.1.5x\r\n", ["250 - 250 2.0.0 2.1.5x\r\n"]),
            ("250 2.1.1234 x\r\n", ["250 - 250 2.0.0 2.1.1234 x\r\n"]),
            ("450 a\u{1B}b\nc\rd\0ü\r\n", ["450 - 450 4.0.0 a?b?c?d???\r\n"]),
            ("250 a\r\n250 b\r\n", ["250 - 250 2.0.0 a\r\n", "250 - 250 2.0.0 b\r\n"]),
            ("250-a\r\n", []), ("250 a\r", []), ("", []),
            ("250-a\r\n251 b\r\n", ["malformed"]), ("\r\n", ["malformed"]), ("25\r\n", ["malformed"]),
            ("150 a\r\n", ["malformed"]), ("650 a\r\n", ["malformed"]), ("2x0 a\r\n", ["malformed"]),
            ("250_a\r\n", ["malformed"]), ("250 a\r\nSSH-2.0\r\n", ["250 - 250 2.0.0 a\r\n", "malformed"]),
        ] as [(String, [String])])
    func reads(input: String, expected: [String]) {
        let input = octets(input)
        for ends in tears(of: input.count) { #expect(parse(input, endingAt: ends) == expected, "torn at \(ends)") }
    }

    @Test("keeps to 64 lines of 1,024 octets")
    func limits() {
        func lines(_ count: Int) -> [UInt8] {
            octets(String(repeating: "250-x\r\n", count: count - 1) + "250 x\r\n")
        }
        #expect(parse(lines(64), endingAt: [lines(64).count]).count == 1)
        #expect(parse(lines(65), endingAt: [lines(65).count]) == ["malformed"])
        #expect(parse(lines(65), endingAt: Array(0...lines(65).count)) == ["malformed"])
        func line(_ count: Int) -> [UInt8] { octets("250 " + String(repeating: "x", count: count - 6) + "\r\n") }
        #expect(parse(line(1_024), endingAt: Array(0...1_024)).count == 1)
        #expect(parse(line(1_025), endingAt: [1_025]) == ["malformed"])
        #expect(parse(line(1_025), endingAt: Array(0...1_025)) == ["malformed"])
        #expect(parse(line(5_000).dropLast(2), endingAt: [1_000, 4_998]) == ["malformed"])
    }

    @Test("passes a reply on under another code")
    func otherCode() throws {
        let input = octets("250-2.1.5 a\r\n250 b\r\n")
        var parser = ReplyParser()
        guard case .reply(let reply) = parser.next(in: input.span) else {
            Issue.record("no reply")
            return
        }
        var output: [UInt8] = []
        reply.appendForwarded(from: input.span, as: 451, to: &output)
        #expect(text(output) == "451-4.1.5 a\r\n451 4.1.5 b\r\n")
        #expect(reply.logText(from: input.span) == "250 2.1.5 a b")
        #expect(reply.logText(from: input.span, octetsMax: 8) == "250 2.1.")
    }

    @Test("never traps on what is no reply", arguments: 0..<20 as Range<UInt64>)
    func noise(seed: UInt64) {
        var generator = Seeded(state: seed)
        let alphabet = octets("2450-. \r\n\r\nx")
        for _ in 0..<200 {
            let input = (0..<30).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            let whole = parse(input, endingAt: [input.count])
            #expect(parse(input, endingAt: Array(0...input.count)) == whole, "seed \(seed): \(input)")
        }
    }
}

@Suite struct ExtensionsTests {
    private func extensions(_ lines: String...) -> Extensions? {
        let all = ["relay.example greets"] + lines
        let input = octets(all.dropLast().map { "250-\($0)\r\n" }.joined() + "250 \(all.last ?? "")\r\n")
        var parser = ReplyParser()
        guard case .reply(let reply) = parser.next(in: input.span) else { return nil }
        return Extensions(reply, in: input.span)
    }

    @Test("reads what a relay offers")
    func reads() {
        #expect(extensions() == Extensions())
        let all = extensions(
            "PIPELINING", "size 1000", "8bitmime", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "VRFY",
            "CHUNKING",
            "AUTH GSSAPI login PLAIN", "LIMITS MAILMAX=5 RCPTMAX=50")
        #expect(
            all
                == Extensions(
                    [.pipelining, .size, .eightBitMIME, .smtpUTF8, .dsn, .enhancedStatusCodes, .startTLS],
                    sizeMax: 1_000, mechanisms: [.plain, .login], recipientsMax: 50))
        #expect(extensions("SIZE") == Extensions(.size))
        #expect(extensions("SIZE 0") == Extensions(.size))
        #expect(extensions("SIZE x", "PIPELINING") == Extensions([.size, .pipelining]))
        #expect(extensions("SIZE 99999999999999999999999", "AUTH", "LIMITS RCPTMAX=", "") == Extensions(.size))
        #expect(extensions("XPIPELINING", "PIPELININGX", "AUTH=PLAIN") == Extensions())
    }

    @Test("takes a greeting's words for no offer")
    func greeting() {
        let input = octets("250-SIZE PIPELINING\r\n250 DSN\r\n")
        var parser = ReplyParser()
        guard case .reply(let reply) = parser.next(in: input.span) else { return }
        #expect(Extensions(reply, in: input.span) == Extensions(.dsn))
    }

    @Test("finds what two relays have in common, within the limits of both")
    func common() {
        let one = Extensions([.size, .dsn], sizeMax: 10, mechanisms: .plain, recipientsMax: nil)
        let other = Extensions([.size, .pipelining], sizeMax: nil, mechanisms: [.plain, .login], recipientsMax: 7)
        let both = Extensions(.size, sizeMax: 10, mechanisms: .plain, recipientsMax: 7)
        #expect(one.common(with: other) == both)
        #expect(other.common(with: one) == both)
        #expect(Extensions(sizeMax: 5).common(with: Extensions(sizeMax: 4)).sizeMax == 4)
        #expect(one.offers([.dsn, .size]) && one.offers([]) && !one.offers([.dsn, .smtpUTF8]))
    }
}
