import Testing
import WeirSMTP

@Suite struct ReplyTests {
    @Test("writes code, enhanced code and text, one line for each line of it")
    func shape() {
        #expect(text(Reply.ok.octets) == "250 2.0.0 Ok\r\n")
        #expect(text(Reply.startData.octets) == "354 End data with <CR><LF>.<CR><LF>\r\n")
        #expect(text(Reply(550, EnhancedCode(5, 7, 1), "a\nb").octets) == "550-5.7.1 a\r\n550 5.7.1 b\r\n")
        #expect(text(Reply.greeting(hostname: "gate.example").octets) == "220 gate.example ESMTP Weir\r\n")
        var output = octets("x")
        Reply.goodbye.append(to: &output)
        #expect(text(output) == "x221 2.0.0 Goodbye\r\n")
    }

    @Test("lets nothing out that is not printable ASCII, and no line beyond 512 octets")
    func escapes() {
        #expect(text(Reply(450, nil, "a\r\t\u{1B}ü\0").octets) == "450 a? ????\r\n")
        let long = Reply(450, EnhancedCode(4, 999, 999), String(repeating: "x", count: 600))
        #expect(long.octets.count <= 512 && long.octets.suffix(2) == [13, 10])
    }

    @Test("answers EHLO with a line for each offer, and HELO with one")
    func hello() {
        let offers: [Offer] = [
            .pipelining, .size(25_000_000), .eightBitMIME, .smtpUTF8, .dsn, .enhancedStatusCodes, .startTLS,
            .authentication, .limits(recipientsMax: 100),
        ]
        let expected = """
            250-gate.example
            250-PIPELINING
            250-SIZE 25000000
            250-8BITMIME
            250-SMTPUTF8
            250-DSN
            250-ENHANCEDSTATUSCODES
            250-STARTTLS
            250-AUTH PLAIN LOGIN
            250 LIMITS RCPTMAX=100

            """
        let reply = Reply.hello(hostname: "gate.example", offers: offers)
        #expect(text(reply.octets).split(separator: "\r\n").joined(separator: "\n") + "\n" == expected)
        #expect(text(Reply.hello(hostname: "g", offers: []).octets) == "250 g\r\n")
        #expect(text(Reply.hello(hostname: "g", offers: [.size(nil)]).octets) == "250-g\r\n250 SIZE\r\n")
    }

    @Test("offers what every relay offers, and what is ours")
    func offers() {
        let relays = Extensions([.pipelining, .dsn, .startTLS], sizeMax: 7, mechanisms: .plain)
        #expect(
            relays.offers(startTLS: true, authentication: false)
                == [.pipelining, .size(7), .dsn, .enhancedStatusCodes, .startTLS])
        #expect(
            Extensions([.eightBitMIME, .smtpUTF8], recipientsMax: 9).offers(startTLS: false, authentication: true)
                == [
                    .pipelining, .size(nil), .eightBitMIME, .smtpUTF8, .enhancedStatusCodes, .authentication,
                    .limits(recipientsMax: 9),
                ])
    }

    @Test(
        "has the codes that were promised",
        arguments: [
            (.noRelay, "451 4.4.1"), (.storeBusy, "451 4.3.0"), (.relayLost, "451 4.4.2"),
            (.noRecipientYet, "451 4.7.1"),
            (.noValidRecipients, "554 5.5.1"), (.authenticationFailed, "535 5.7.8"), (.authenticationBusy, "454 4.7.0"),
            (.authenticationRequired, "530 5.7.0"), (.tlsRequired, "530 5.7.0"), (.relayingDenied, "550 5.7.1"),
            (.tooManyConnections, "421 4.7.0"), (.tooManyRefusals, "421 4.7.0"), (.shuttingDown, "421 4.3.2"),
            (.idleTooLong, "421 4.4.2"), (.tooManyHops, "554 5.4.6"), (.diskFull, "452 4.3.1"),
            (.badContent, "554 5.6.0"), (.messageTooBig, "552 5.3.4"), (.internationalAddress, "553 5.6.7"),
            (.notImplemented, "502 5.5.1"), (.cannotVerify, "252 2.0.0"),
        ] as [(Reply, String)])
    func promised(reply: Reply, codes: String) {
        #expect(text(reply.octets).hasPrefix(codes + " "))
        #expect(reply.isPositive == (reply.code < 400))
        #expect(reply.enhanced.map { UInt16($0.category) } == reply.code / 100)
    }
}
