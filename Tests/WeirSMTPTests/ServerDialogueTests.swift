import Testing
import WeirSMTP

/// Drives a dialogue with lines, and says what it does in a word or a code.
private final class Driver {
    var dialogue: ServerDialogue

    init(
        login: Bool = false, tls: Bool = true, isSecure: Bool = false, plaintext: Bool = false, auth: Bool = true
    ) {
        dialogue = ServerDialogue(
            .init(
                requiresAuthentication: login, offersAuthentication: auth, offersTLS: tls,
                allowsPlaintextAuthentication: plaintext), isSecure: isSecure)
    }

    func say(_ line: String) -> String {
        switch Command.decode(line) {
        case .success(let command): word(dialogue.receive(command))
        case .failure(let error): word(dialogue.receive(error))
        }
    }

    func say(_ lines: [String]) -> [String] {
        var answers: [String] = []
        for line in lines { answers.append(say(line)) }
        return answers
    }

    // An expectation cannot hold a dialogue, which is not copied.
    var mayStartTLS: Bool { dialogue.mayStartTLS }
    var mayAuthenticate: Bool { dialogue.mayAuthenticate }
    var isSecure: Bool { dialogue.isSecure }
    var isAuthenticated: Bool { dialogue.isAuthenticated }
    var outstanding: Int { dialogue.outstanding }
    var accepted: Int { dialogue.accepted }
    func mustWait(for command: Command) -> Bool { dialogue.mustWait(for: command) }
    func settle(code: UInt16) -> Reply? { dialogue.settle(code: code) }
    func settleAuthentication(succeeded: Bool) -> Reply? { dialogue.settleAuthentication(succeeded: succeeded) }
    func beginData() -> Reply? { dialogue.beginData() }
    func endData(delivered: Bool) { dialogue.endData(delivered: delivered) }
    func dropEnvelope() { dialogue.dropEnvelope() }
    func secure() { dialogue.secure() }

    private func word(_ action: ServerDialogue.Action) -> String {
        switch action {
        case .reply(let reply): "\(reply.code)"
        case .greet(_, let isExtended): isExtended ? "ehlo" : "helo"
        case .startTLS: "tls"
        case .authenticate: "auth"
        case .beginEnvelope: "mail"
        case .admitRecipient: "rcpt"
        case .data: "data"
        case .reset: "reset"
        case .close(let reply): "close \(reply.code)"
        }
    }
}

@Suite struct ServerDialogueTests {
    private static let to = "RCPT TO:<a@b>"
    private static let from = "MAIL FROM:<a@b>"

    @Test("leads a message through, and then the next")
    func message() {
        let driver = Driver()
        for _ in 0..<2 {
            #expect(driver.say(["EHLO x", Self.from, Self.to, Self.to]) == ["ehlo", "mail", "rcpt", "rcpt"])
            #expect(driver.outstanding == 2 && driver.accepted == 0)
            #expect(driver.say("DATA") == "data", "recipients may be outstanding")
            #expect(driver.settle(code: 250) == nil)
            #expect(driver.settle(code: 550) == nil)
            #expect(driver.accepted == 1)
            #expect(driver.beginData() == nil)
            driver.endData(delivered: true)
        }
        #expect(driver.say("QUIT") == "close 221")
    }

    @Test(
        "answers what comes out of turn",
        arguments: [
            ([from], ["503"]), ([to], ["503"]), (["DATA"], ["503"]), (["AUTH PLAIN"], ["503"]),
            (["RSET", "NOOP", "HELP", "VRFY x"], ["250", "250", "214", "252"]),
            (
                ["HELO x", to, "DATA", from, from, "AUTH PLAIN", "STARTTLS"],
                ["helo", "503", "503", "mail", "503", "503", "503"]
            ),
            (
                ["EHLO x", from, "RSET", to, from, "EHLO x", to],
                ["ehlo", "mail", "reset", "503", "mail", "ehlo", "503"]
            ),
            (["EHLO x", from, "HELO y", "DATA"], ["ehlo", "mail", "helo", "503"]),
            (["EHLO x", "EXPN x", "BDAT 1 LAST", "XCLIENT a", "PROXY x"], ["ehlo", "502", "502", "550", "500"]),
            (["EHLO x", from, "NOOP", "VRFY a", to], ["ehlo", "mail", "250", "252", "rcpt"]),
        ] as [([String], [String])])
    func outOfTurn(lines: [String], answers: [String]) {
        let driver = Driver(isSecure: false, plaintext: true)
        #expect(driver.say(lines) == answers)
    }

    @Test(
        "tells later from never when no recipient was accepted",
        arguments: [
            ([], 554), ([550], 554), ([450], 451), ([550, 452, 550], 451), ([250, 450], nil),
        ] as [([UInt16], UInt16?)])
    func noRecipient(codes: [UInt16], expected: UInt16?) {
        let driver = Driver()
        _ = driver.say(["EHLO x", Self.from] + codes.map { _ in Self.to } + ["DATA"])
        for code in codes { #expect(driver.settle(code: code) == nil) }
        #expect(driver.beginData()?.code == expected)
        guard expected != nil else { return }
        #expect(driver.say(Self.to) == "rcpt", "the envelope stays")
        #expect(driver.settle(code: 250) == nil)
        #expect(driver.beginData() == nil)
    }

    @Test("has a refused MAIL leave no envelope")
    func refusedMail() {
        let driver = Driver()
        #expect(driver.say(["EHLO x", Self.from]) == ["ehlo", "mail"])
        driver.dropEnvelope()
        #expect(driver.say([Self.to, "DATA", Self.from]) == ["503", "503", "mail"])
    }

    @Test("names the commands that wait for outstanding recipients")
    func waits() throws {
        let driver = Driver()
        let waiting = ["RSET", "EHLO x", "HELO x", "QUIT", "STARTTLS", "AUTH PLAIN", Self.from]
        let passing = [Self.to, "NOOP", "HELP", "VRFY x", "XCLIENT", "EXPN", "x", "DATA", "GET /"]
        #expect(driver.say(["EHLO x", Self.from]) == ["ehlo", "mail"])
        for line in waiting + passing { #expect(try !driver.mustWait(for: Command.decode(line).get())) }
        #expect(driver.say(Self.to) == "rcpt")
        for line in waiting { #expect(try driver.mustWait(for: Command.decode(line).get())) }
        for line in passing { #expect(try !driver.mustWait(for: Command.decode(line).get())) }
    }

    @Test("takes a recipient beyond ASCII only after SMTPUTF8")
    func international() {
        let driver = Driver()
        #expect(driver.say(["EHLO x", Self.from, "RCPT TO:<ü@b>"]) == ["ehlo", "mail", "553"])
        #expect(driver.say(["RSET", Self.from + " SMTPUTF8", "RCPT TO:<ü@b>"]) == ["reset", "mail", "rcpt"])
    }
}

@Suite struct ServerDialogueSecurityTests {
    private static let from = "MAIL FROM:<a@b>"

    @Test("forgets at the handshake what went wrong before it")
    func errorsBeforeTLS() {
        let driver = Driver()
        #expect(driver.say(["AUTH PLAIN", "STARTTLS x", "STARTTLS"]) == ["503", "501", "tls"])
        driver.secure()
        #expect(driver.say([Self.from, Self.from, "EHLO x"]) == ["503", "503", "ehlo"])
    }

    @Test("offers AUTH under TLS alone, and asks for it")
    func authentication() {
        let driver = Driver(login: true)
        #expect(driver.mayStartTLS && !driver.mayAuthenticate)
        #expect(driver.say(["EHLO x", Self.from, "AUTH PLAIN", "STARTTLS"]) == ["ehlo", "530", "530", "tls"])
        driver.secure()
        #expect(!driver.mayStartTLS && driver.mayAuthenticate)
        #expect(driver.say([Self.from, "EHLO x", "STARTTLS", Self.from]) == ["503", "ehlo", "503", "530"])
        #expect(driver.say(["AUTH GSSAPI", "AUTH PLAIN"]) == ["504", "auth"])
        #expect(driver.settleAuthentication(succeeded: false) == nil)
        #expect(driver.say([Self.from, "AUTH LOGIN"]) == ["530", "auth"])
        #expect(driver.settleAuthentication(succeeded: true) == nil)
        #expect(driver.isAuthenticated)
        #expect(driver.say(["AUTH PLAIN", Self.from, "AUTH PLAIN"]) == ["503", "mail", "503"])
    }

    @Test("forgets all at STARTTLS")
    func forgets() {
        let driver = Driver(login: true, plaintext: true)
        #expect(driver.say(["EHLO x", "AUTH PLAIN"]) == ["ehlo", "auth"])
        #expect(driver.settleAuthentication(succeeded: true) == nil)
        #expect(driver.say("STARTTLS") == "tls")
        driver.secure()
        #expect(driver.isSecure && !driver.isAuthenticated)
        #expect(driver.say([Self.from, "EHLO x", Self.from]) == ["503", "ehlo", "530"])
    }

    @Test("has neither TLS nor AUTH where they are not offered")
    func unoffered() {
        let driver = Driver(tls: false, auth: false)
        #expect(driver.say(["EHLO x", "STARTTLS", "AUTH PLAIN", Self.from]) == ["ehlo", "502", "502", "mail"])
        #expect(!driver.mayStartTLS && !driver.mayAuthenticate)
    }

    @Test("closes after five failed authentications")
    func failures() {
        let driver = Driver(isSecure: true)
        #expect(driver.say("EHLO x") == "ehlo")
        for attempt in 1...5 {
            #expect(driver.say("AUTH PLAIN") == "auth")
            #expect(driver.settleAuthentication(succeeded: false)?.code == (attempt == 5 ? 421 : nil))
        }
        #expect(driver.say("NOOP") == "close 221")
    }

    @Test("closes on a browser at once, and on three bad commands before a greeting")
    func crossProtocol() {
        for verb in ["GET / HTTP/1.1", "POST / HTTP/1.1", "PRI * HTTP/2.0"] {
            let driver = Driver()
            #expect(driver.say(verb) == "close 421")
        }
        let driver = Driver()
        #expect(driver.say(["Host: x", Self.from, "\u{16}\u{3}\u{1}"]) == ["500", "503", "close 421"])
        #expect(driver.say(["EHLO x", Self.from, "RCPT TO:<a@b>", "DATA", "x"]).allSatisfy { $0.hasPrefix("close") })
    }

    @Test("closes on the tenth bad command on end")
    func errors() {
        let driver = Driver()
        #expect(driver.say("EHLO x") == "ehlo")
        for _ in 0..<3 {
            #expect(driver.say(Array(repeating: "x", count: 9)) == Array(repeating: "500", count: 9))
            #expect(driver.say("NOOP") == "250")
        }
        #expect(driver.say(Array(repeating: "x", count: 10)).last == "close 421")
    }

    @Test("does not count what a pipelining client cannot know: recipients behind a refused MAIL")
    func pipelined() {
        let driver = Driver(login: true, isSecure: true)
        let lines = ["EHLO x", Self.from] + Array(repeating: "RCPT TO:<a@b>", count: 100) + ["DATA", "QUIT"]
        #expect(driver.say(lines) == ["ehlo", "530"] + Array(repeating: "503", count: 101) + ["close 221"])
    }

    @Test("closes at the twentieth permanent refusal since a message was delivered")
    func refusals() {
        let driver = Driver()
        func refuse(_ count: Int) -> [String] { Array(repeating: "RCPT TO:<a@b>", count: count) }
        #expect(driver.say("EHLO x") == "ehlo")
        for delivered in [true, false] {
            _ = driver.say([Self.from] + refuse(20))
            for _ in 0..<19 { #expect(driver.settle(code: 550) == nil) }
            #expect(driver.settle(code: delivered ? 250 : 450) == nil)
            if delivered {
                #expect(driver.beginData() == nil)
                driver.endData(delivered: true)
            }
        }
        #expect(driver.say("RCPT TO:<a@b>") == "rcpt")
        #expect(driver.say("RCPT TO:<a@b>") == "rcpt")
        #expect(driver.settle(code: 550) == .tooManyRefusals)
        #expect(driver.settle(code: 550) == nil, "what was outstanding is settled without a word")
        #expect(driver.say("NOOP") == "close 221")
    }

    @Test("counts recipients that are no addresses among the refusals")
    func malformed() {
        let driver = Driver()
        #expect(driver.say(["EHLO x", Self.from]) == ["ehlo", "mail"])
        let answers = driver.say(Array(repeating: "RCPT TO:<a>", count: 20))
        #expect(answers == Array(repeating: "501", count: 19) + ["close 421"])
    }
}
