import Testing
import WeirSMTP

@Suite struct LineFramerTests {
    /// What a framer says about an input that arrives in pieces that end at `ends`; `!` for a line too long.
    private func lines(_ input: [UInt8], endingAt ends: [Int], octetsMax: Int = 16) -> [String] {
        var framer = LineFramer(octetsMax: octetsMax)
        var lines: [String] = []
        var start = 0
        for end in ends {
            reading: while true {
                switch framer.next(in: Array(input[start..<end]).span) {
                case .line(let length):
                    lines.append(text(input[start..<start + length]))
                    start += length + 2
                case .overlong(let octets):
                    lines.append("!")
                    start += octets
                case .discard(let octets):
                    #expect(octets > 0)
                    start += octets
                case .incomplete: break reading
                }
            }
        }
        return lines
    }

    @Test(
        "cuts at CRLF alone",
        arguments: [
            ("", []), ("\r\n", [""]), ("NOOP\r\nQUIT\r\n", ["NOOP", "QUIT"]), ("a\nb\r\n", ["a\nb"]),
            ("a\rb\r\n", ["a\rb"]), ("a\r\r\n", ["a\r"]), ("a\n\r\n", ["a\n"]), ("a\r", []), ("\r\n\r\nx", ["", ""]),
            ("12345678901234\r\n", ["12345678901234"]), ("123456789012345\r\nQ\r\n", ["!", "Q"]),
            ("12345678901234\r\r\nQ\r\n", ["!", "Q"]),
            ("1234567890123456789012345678901234567890\r\nQ\r\n", ["!", "Q"]),
            ("\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\n\r\n", ["!", ""]),
        ] as [(String, [String])])
    func cuts(input: String, expected: [String]) {
        let input = octets(input)
        for ends in tears(of: input.count) {
            #expect(lines(input, endingAt: ends) == expected, "torn at \(ends)")
        }
    }

    @Test("keeps to a limit, and forgets what is beyond it")
    func limit() {
        var framer = LineFramer(octetsMax: 8)
        #expect(framer.next(in: octets("1234567").span) == .discard(octets: 7))
        #expect(framer.next(in: octets("").span) == .incomplete)
        #expect(framer.next(in: octets("89\r").span) == .discard(octets: 2))
        #expect(framer.next(in: octets("\r").span) == .incomplete)
        #expect(framer.next(in: octets("\r\nQUIT\r\n").span) == .overlong(octets: 2))
        #expect(framer.next(in: octets("QUIT\r\n").span) == .line(length: 4))
    }

    @Test("has room for 2,048 octets of a command")
    func commandLimit() {
        var framer = LineFramer()
        #expect(framer.next(in: (Array(repeating: 0x61, count: 2_046) + [13, 10]).span) == .line(length: 2_046))
        #expect(framer.next(in: (Array(repeating: 0x61, count: 2_047) + [13, 10]).span) == .overlong(octets: 2_049))
        framer.octetsMax = LineFramer.authenticationOctetsMax
        #expect(framer.next(in: (Array(repeating: 0x61, count: 12_286) + [13, 10]).span) == .line(length: 12_286))
        #expect(framer.next(in: (Array(repeating: 0x61, count: 12_287) + [13, 10]).span) == .overlong(octets: 12_289))
    }
}
