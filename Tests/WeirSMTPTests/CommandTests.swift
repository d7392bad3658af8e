import Testing
import WeirSMTP

@Suite struct CommandTests {
    @Test(
        "knows the verbs in any case, with spaces behind them",
        arguments: [
            ("DATA", .data), ("data  ", .data), ("RSET", .rset), ("quit", .quit), ("STARTTLS", .startTLS),
            ("NOOP", .noop), ("NOOP whatever", .noop), ("HELP", .help), ("HELP MAIL", .help), ("VRFY alice", .vrfy),
            ("EHLO gate.example", .ehlo(name: 5..<17)), ("ehlo  [192.0.2.1] ", .ehlo(name: 6..<17)),
            ("HELO my pc", .helo(name: 5..<10)), ("EXPN list", .unimplemented), ("BDAT 12 LAST", .unimplemented),
            ("ETRN x", .unimplemented), ("TURN", .unimplemented), ("SEND FROM:<a@b>", .unimplemented),
            ("SOML FROM:<a@b>", .unimplemented), ("SAML FROM:<a@b>", .unimplemented),
            ("XCLIENT ADDR=192.0.2.1", .forbidden), ("XFORWARD NAME=x", .forbidden),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2", .unknown), ("GET / HTTP/1.1", .http), ("POST / HTTP/1.1", .http),
            ("HEAD /", .http), ("PUT /", .http), ("DELETE /", .http), ("OPTIONS *", .http), ("CONNECT a:25", .http),
            ("PATCH /", .http), ("TRACE /", .http), ("PRI * HTTP/2.0", .http), ("Host: x", .unknown), ("", .unknown),
            (" NOOP", .unknown), ("NOOPS", .unknown), ("DAT", .unknown), ("STARTTLSX", .unknown), ("é", .unknown),
            ("AUTH PLAIN", .auth(.plain, initialResponse: nil)), ("auth login", .auth(.login, initialResponse: nil)),
            ("AUTH PLAIN AGEAYg==", .auth(.plain, initialResponse: 11..<19)),
            ("AUTH PLAIN =", .auth(.plain, initialResponse: 11..<12)),
            ("AUTH CRAM-MD5", .auth(nil, initialResponse: nil)),
        ] as [(String, Command)])
    func verbs(line: String, expected: Command) {
        #expect(Command.decode(line) == .success(expected))
    }

    @Test(
        "refuses what is no command, each with one reply",
        arguments: [
            ("NO\u{0}OP", .controlOctet(offset: 2), 500), ("NOOP\r", .controlOctet(offset: 4), 500),
            ("RSET\nQUIT", .controlOctet(offset: 4), 500), ("MAIL FROM:<a\u{7F}@b>", .controlOctet(offset: 12), 500),
            ("DATA now", .malformedArgument, 501), ("RSET 1", .malformedArgument, 501),
            ("EHLO", .malformedArgument, 501), ("HELO  ", .malformedArgument, 501), ("VRFY", .malformedArgument, 501),
            ("AUTH", .malformedArgument, 501), ("AUTH PLAIN a b", .malformedArgument, 501),
            ("MAIL", .malformedArgument, 501), ("MAIL FROM:", .malformedArgument, 501),
            ("MAIL TO:<a@b>", .malformedArgument, 501), ("RCPT TO:", .malformedArgument, 501),
            ("MAIL FROM: ", .malformedArgument, 501), ("MAIL FROM:<>x", .malformedArgument, 501),
            ("MAIL FROM:a@b", .malformedSender, 501), ("MAIL FROM:<postmaster>", .malformedSender, 501),
            ("RCPT TO:<>", .malformedRecipient, 501), ("RCPT TO:<alice>", .malformedRecipient, 501),
            ("MAIL FROM:<ä@b>", .internationalSender, 553), ("MAIL FROM:<> X=1", .unknownParameter, 555),
            ("MAIL FROM:<> BODY=BINARYMIME", .unknownParameter, 555), ("RCPT TO:<a@b> X", .unknownParameter, 555),
            ("RCPT TO:<a@b> SIZE=1", .unknownParameter, 555), ("MAIL FROM:<> SIZE", .malformedArgument, 501),
            ("MAIL FROM:<> SIZE=", .malformedArgument, 501), ("MAIL FROM:<> SIZE=1k", .malformedArgument, 501),
            ("MAIL FROM:<> SIZE=1 SIZE=1", .malformedArgument, 501),
            ("MAIL FROM:<> SMTPUTF8=1", .malformedArgument, 501),
            ("MAIL FROM:<> =1", .malformedArgument, 501), ("MAIL FROM:<> RET=SOME", .malformedArgument, 501),
            ("MAIL FROM:<> ENVID=a+b", .malformedArgument, 501), ("MAIL FROM:<> ENVID=a+0Ab", .malformedArgument, 501),
            ("MAIL FROM:<> ENVID=a=b", .malformedArgument, 501), ("MAIL FROM:<> AUTH=a+0D+0A", .malformedArgument, 501),
            ("MAIL FROM:<> SIZE=1125899906842625", .messageTooBig, 552),
            ("MAIL FROM:<> SIZE=18446744073709551615", .messageTooBig, 552),
            ("MAIL FROM:<> SIZE=99999999999999999999999999", .messageTooBig, 552),
            ("RCPT TO:<a@b> NOTIFY=", .malformedArgument, 501),
            ("RCPT TO:<a@b> NOTIFY=NEVER,DELAY", .malformedArgument, 501),
            ("RCPT TO:<a@b> NOTIFY=DELAY,", .malformedArgument, 501),
            ("RCPT TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY", .malformedArgument, 501),
            ("RCPT TO:<a@b> ORCPT=a@b", .malformedArgument, 501),
            ("RCPT TO:<a@b> ORCPT=rfc822;", .malformedArgument, 501),
            ("RCPT TO:<a@b> ORCPT=rfc822;a+0Ab", .malformedArgument, 501),
            ("RCPT TO:<a@b> ORCPT=rfc822;ä@b", .malformedArgument, 501),
            ("RCPT TO:<a@b>NOTIFY=DELAY", .malformedArgument, 501),
        ] as [(String, CommandError, UInt16)])
    func refusals(line: String, error: CommandError, code: UInt16) {
        #expect(Command.decode(line) == .failure(error))
        #expect(error.reply.code == code)
    }

    @Test("refuses every control octet, wherever it stands")
    func controls() {
        let line = octets("MAIL FROM:<a@b.example> SIZE=1")
        for control in Array(0..<0x20) + [0x7F] as [UInt8] {
            for offset in line.indices {
                var line = line
                line[offset] = control
                #expect(Command.decode(line) == .failure(.controlOctet(offset: offset)))
            }
        }
    }

    @Test("keeps to the limits of ENVID and ORCPT")
    func limits() {
        func envid(_ count: Int) -> Result<Command, CommandError> {
            .decode("MAIL FROM:<> ENVID=" + String(repeating: "x", count: count))
        }
        func orcpt(_ count: Int) -> Result<Command, CommandError> {
            .decode("RCPT TO:<a@b> ORCPT=rfc822;" + String(repeating: "x", count: count - 7))
        }
        #expect(throws: Never.self) { try envid(100).get() }
        #expect(envid(101) == .failure(.malformedArgument))
        #expect(throws: Never.self) { try orcpt(500).get() }
        #expect(orcpt(501) == .failure(.malformedArgument))
    }

    @Test("never traps, and writes what it reads again the same way", arguments: 0..<20 as Range<UInt64>)
    func mutations(seed: UInt64) {
        var generator = Seeded(state: seed)
        let seeds = [
            "MAIL FROM:<@a,@b:\"q \\\" x\"@[IPv6:::1]> SIZE=12 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb AUTH=<>",
            "RCPT TO:<ünder@exämple.example> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;ü@x", "AUTH PLAIN AGEAYg==",
            "RCPT TO:<user@[192.0.2.1]> NOTIFY=NEVER", "MAIL FROM:<user.name+tag@sub.host.example>",
        ].map(octets)
        for _ in 0..<500 {
            var line = seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 0...3, using: &generator) where !line.isEmpty {
                let offset = Int.random(in: line.indices, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: line[offset] = .random(in: 0...255, using: &generator)
                case 1: line.remove(at: offset)
                default: line.insert(line.randomElement(using: &generator) ?? 0, at: offset)
                }
            }
            guard let written = rewritten(line) else { continue }
            #expect(!written.dropLast(2).contains { $0 < 0x20 || $0 == 0x7F }, "seed \(seed)")
            #expect(rewritten(Array(written.dropLast(2))) == written, "seed \(seed): \(text(line))")
        }
    }

    /// The command as we would send it on.
    private func rewritten(_ line: [UInt8]) -> [UInt8]? {
        var output: [UInt8] = []
        switch Command.decode(line) {
        case .success(.mail(let mail)):
            mail.append(from: line.span, offering: Extensions(.passedOn), to: &output)
        case .success(.rcpt(let recipient)):
            recipient.append(from: line.span, offering: .passedOn, to: &output)
        default: return nil
        }
        return output
    }
}

extension Result<Command, CommandError> {
    static func decode(_ line: String) -> Self { Command.decode(line) }
}
